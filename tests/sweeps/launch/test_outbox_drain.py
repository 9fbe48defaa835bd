"""The end of a session whose study is away."""

from __future__ import annotations

import pytest

from sweeps.launch import outbox_drain
from sweeps.launch.outbox_drain import drain


class DriverSession:
    """A study that has fewer records to write at each look, and a driver of it."""

    def __init__(self, waiting: list[int], halted_after: int = -1) -> None:
        self._waiting = waiting
        self.lost = ""
        self.halted = ""
        self.notes: list[str] = []
        self.looks = 0
        self._halted_after = halted_after

    @property
    def waiting(self) -> int:
        return self._waiting[min(self.looks, len(self._waiting) - 1)]

    def listen(self) -> None:
        self.looks += 1
        if self.looks == self._halted_after:
            self.halted = "interrupted by Ctrl-C"

    def notify(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_drain, "_LOOK_S", 0.001)
    monkeypatch.setattr(outbox_drain, "_LEAVING_S", 0.01)


def run(session: DriverSession) -> DriverSession:
    drain(session, session)  # type: ignore[arg-type]
    return session


def test_without_an_outage_nothing_is_said() -> None:
    assert run(DriverSession([0])).notes == []


def test_waits_until_all_is_written_and_says_so() -> None:
    session = run(DriverSession([7, 7, 5, 2, 0]))
    assert session.looks >= 4
    (told,) = session.notes
    assert "lacks the last 7 records" in told
    assert "Ctrl-C leaves" in told


def test_ctrl_c_leaves() -> None:
    session = run(DriverSession([7], halted_after=3))
    assert "make resume finds them again" in session.notes[-1]


def test_who_has_pressed_it_before_is_not_kept() -> None:
    session = run(DriverSession([7], halted_after=1))
    assert session.notes == [
        "the study lacks the last 7 records: make resume finds them again in the trials' folders"
    ]


def test_what_another_driver_has_is_not_waited_for() -> None:
    session = DriverSession([7])
    session.lost = "the study is in use"
    assert run(session).notes == []
