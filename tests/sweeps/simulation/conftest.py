"""Sweeps to simulate: small, checked once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from sweeps.checked.check import check
from sweeps.checked.sweep import Sweep
from sweeps.config.composition import compose

SPACE = (
    "space=null",
    "baseline=false",
    "optimizer=adamw,sgd",
    "optimizer.lr=tag(log,interval(1e-4,1e-1))",
    "model.depth=1,2,3",
)


@cache
def _checked(*overrides: str) -> Sweep:
    with compose([*SPACE, "search=random", "stop=none", "epochs=9", *overrides]) as composition:
        return check(composition)


@pytest.fixture
def sweep() -> Callable[..., Sweep]:
    """A checked sweep of 9 epochs, random search and no stopping unless told otherwise."""
    return _checked
