"""A training small enough to be repeated many times: a quarter of the digits, a few epochs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from trainers.config import TrainConfig, compose

Compose = Callable[..., TrainConfig]

SMALL = ("epochs=4", "batch_size=50", "data.fraction=0.25", "model.width=16", "model.dropout=0.1")


@pytest.fixture
def small() -> Compose:
    return lambda *overrides: compose([*SMALL, *overrides])


@pytest.fixture
def mnist_root() -> Path:
    root = os.environ.get("DATA_ROOT")
    if not root or not (Path(root) / "mnist").is_dir():
        pytest.skip("DATA_ROOT has no mnist/: the four MNIST files are needed")
    return Path(root) / "mnist"
