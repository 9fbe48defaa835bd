"""What cannot be sent now is sent later, and a trial hears only of what ends it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from sweeps.backend.stream import sender
from sweeps.backend.stream.contents import Delivery
from sweeps.backend.stream.receiver import Outcome, Receiver, Reply
from sweeps.backend.stream.sender import Sending, Superseded, insist
from tests.sweeps.waiting import until
from trainers.errors import FolderInUse

TOKEN = "1" * 32


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "_RETRY_S", 0.01)
    monkeypatch.setattr(sender, "_TELL_S", 0.0)


class Unsure:
    """A receiver behind a network that fails at first, and that may be held up."""

    def __init__(self, trials: Path, faults: list[Exception | Reply]) -> None:
        self.receiver, self.faults = Receiver(str(trials)), faults
        self.goes_on = threading.Event()
        self.goes_on.set()
        self.asked: list[str] = []

    def _first(self, what: str) -> Reply | None:
        self.asked.append(what)
        self.goes_on.wait()
        if not self.faults:
            return None
        fault = self.faults.pop(0)
        if isinstance(fault, Exception):
            raise fault
        return fault

    def open(self, trial: str, token: str) -> Reply:
        return self._first("open") or self.receiver.open(trial, token)

    def read(self, trial: str, token: str, name: str, offset: int) -> bytes | Reply:
        return self._first("read") or self.receiver.read(trial, token, name, offset)

    def write(self, trial: str, token: str, name: str, offset: int, data: bytes) -> Reply:
        return self._first("write") or self.receiver.write(trial, token, name, offset, data)

    def deliver(self, trial: str, token: str, delivery: Delivery) -> Reply:
        return self._first("deliver") or self.receiver.deliver(trial, token, delivery)


@pytest.fixture
def trial(tmp_path: Path) -> Path:
    folder = tmp_path / "trials" / "0000"
    folder.mkdir(parents=True)
    return folder


def sending(receiver: Unsure, tmp_path: Path, state: bytes = b"state") -> Sending:
    large = tmp_path / "large"
    large.write_bytes(state)
    delivery = Delivery(1, 0, {"epoch_001/epoch.json": b"{}"}, {}, ())
    return Sending(receiver, ("0000", TOKEN), delivery, {"epoch_001/state.pt": large})


def test_faults_of_the_network_and_the_disk_are_outwaited(trial: Path, tmp_path: Path) -> None:
    faults = [ConnectionError("unreachable"), Reply(Outcome.WAIT, "No space left on device")]
    receiver = Unsure(trial.parent, [*faults, Reply(Outcome.AGAIN, "not here")])
    assert sending(receiver, tmp_path).wait(print) == 1
    assert (trial / "epoch_001" / "state.pt").read_bytes() == b"state"
    assert not (tmp_path / "large").exists(), "it takes no room here any more"


def test_a_person_hears_once_why_it_waits(trial: Path, tmp_path: Path) -> None:
    receiver = Unsure(trial.parent, [ConnectionError("unreachable")] * 50)
    said: list[str] = []
    assert sending(receiver, tmp_path).wait(said.append) == 1
    said = [why for why in said if "not arrived" not in why]  # before it has been tried
    assert said == ["the driver's machine is not reached (ConnectionError: unreachable)"]


def test_large_files_go_in_pieces(
    trial: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "MOST_BYTES", 4)
    receiver = Unsure(trial.parent, [])
    sending(receiver, tmp_path, b"0123456789").wait(print)
    assert receiver.asked == ["write"] * 3 + ["deliver"]
    assert (trial / "epoch_001" / "state.pt").read_bytes() == b"0123456789"


def test_an_empty_state_arrives_as_one(trial: Path, tmp_path: Path) -> None:
    sending(Unsure(trial.parent, []), tmp_path, b"").wait(print)
    assert (trial / "epoch_001" / "state.pt").read_bytes() == b""


@pytest.mark.parametrize(
    ("outcome", "error"),
    [
        (Outcome.SUPERSEDED, Superseded),
        (Outcome.IN_USE, Superseded),
        (Outcome.REFUSED, ValueError),
    ],
)
def test_what_another_process_has_is_not_sent_again(
    outcome: Outcome, error: type[Exception], trial: Path, tmp_path: Path
) -> None:
    one = sending(Unsure(trial.parent, [Reply(outcome, "no")]), tmp_path)
    with pytest.raises(error, match="no"):
        one.wait(print)


def test_what_is_given_up_is_sent_no_further(trial: Path, tmp_path: Path) -> None:
    receiver = Unsure(trial.parent, [])
    receiver.goes_on.clear()
    one = sending(receiver, tmp_path)
    until(lambda: receiver.asked)
    one.give_up()
    receiver.goes_on.set()
    assert one.wait(print) == 0
    assert receiver.asked == ["write"]


def test_what_is_asked_for_is_asked_again(trial: Path) -> None:
    faults = [ConnectionError("unreachable"), Reply(Outcome.WAIT, "full"), ValueError("odd")]
    receiver = Unsure(trial.parent, [*faults])
    said: list[str] = []
    reply: Reply = insist(lambda: receiver.open("0000", TOKEN), said.append)
    assert reply.outcome is Outcome.DONE
    assert said == ["the driver's machine is not reached (ConnectionError: unreachable)"]


@pytest.mark.parametrize(
    ("outcome", "error"),
    [
        (Outcome.IN_USE, FolderInUse),
        (Outcome.SUPERSEDED, Superseded),
        (Outcome.REFUSED, ValueError),
    ],
)
def test_but_not_where_the_answer_is_no(outcome: Outcome, error: type[Exception]) -> None:
    with pytest.raises(error, match="no"):
        insist(lambda: Reply(outcome, "no"), print)
