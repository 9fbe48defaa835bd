"""A training small enough to be repeated many times: a quarter of the digits, a few epochs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
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


@pytest.fixture
def numbers(tmp_path: Path) -> Compose:
    """A regression on 200 rows: two numbers, which depend on four others, in units of their own."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(200, 4)).astype(np.float32)
    y = np.stack([100 + 20 * x[:, 0], 3 * x[:, 1] - x[:, 2]], axis=1)
    np.savez(tmp_path / "numbers.npz", x=x, y=y + 0.1 * generator.normal(size=y.shape))
    given = ("task=regression", "data=tensors", f"data.root={tmp_path / 'numbers.npz'}")
    words = ("epochs=4", "batch_size=20", "model.width=16", "model.dropout=0.0", "norm=none")
    return lambda *overrides: compose([*given, *words, *overrides])
