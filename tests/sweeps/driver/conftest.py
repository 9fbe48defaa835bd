"""Sessions of a driver, one after the other in the same folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sweeps.driver.sessions import Clock, Sit, Sitting, swept


@pytest.fixture
def clock() -> Clock:
    """Of all sittings of a test."""
    return Clock()


@pytest.fixture
def sit(tmp_path: Path, clock: Clock) -> Iterator[Sit]:
    """Begins a sitting; a second call closes the study and opens it anew, as after a kill."""
    sittings: list[Sitting] = []

    def begin(*overrides: str) -> Sitting:
        if sittings:
            sittings.pop().study.close()
        sittings.append(Sitting(tmp_path, swept(*overrides), clock))
        return sittings[0]

    yield begin
    for sitting in sittings:
        sitting.study.close()
