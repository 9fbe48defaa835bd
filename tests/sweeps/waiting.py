"""Waiting for what another thread or process does: for the event, however busy the machine is."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable

#: Seconds that a test waits for anything: what is there in one second on a free machine may take a
#: minute on a busy one. Only what never comes takes as long. Below pytest's own limit of a test.
MOST_S = 600.0


def until(
    there: Callable[[], object],
    most_s: float = MOST_S,
    running: subprocess.Popen[str] | None = None,
) -> None:
    """Wait until it is so. Fails if it never is; how long it takes is nobody's concern.

    Args:
        running: a process that is to bring it about; fails if it ends without.
    """
    end = time.monotonic() + most_s
    while not there():
        if running is not None and running.poll() is not None and not there():
            raise AssertionError(f"it has ended before: {running.communicate()[0]}")
        assert time.monotonic() < end, "it never came"
        time.sleep(0.005)
