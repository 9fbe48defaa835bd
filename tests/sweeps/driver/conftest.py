"""Sessions of a driver, one after the other in the same folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sweeps.driver.sessions import Clock, DriverSession, Sit, swept


@pytest.fixture
def clock() -> Clock:
    """Of all sessions of a test."""
    return Clock()


@pytest.fixture
def sit(tmp_path: Path, clock: Clock) -> Iterator[Sit]:
    """Begins a session; a second call closes the study and opens it anew, as after a kill."""
    sessions: list[DriverSession] = []

    def begin(*overrides: str) -> DriverSession:
        if sessions:
            sessions.pop().study.close()
        sessions.append(DriverSession(tmp_path, swept(*overrides), clock))
        return sessions[0]

    yield begin
    for session in sessions:
        session.study.close()
