"""Waiting for what another thread or process does."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(there: Callable[[], bool], most_s: float = 60.0) -> None:
    """Wait until it is so. Fails if it never is; how long it takes is nobody's concern."""
    end = time.monotonic() + most_s
    while not there():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)
