"""The receiver takes what belongs, whole and from the newest sender, and nothing else."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sweeps.backend.stream import receiver as module
from sweeps.backend.stream.contents import Delivery, Piece
from sweeps.backend.stream.receiver import Outcome, Receiver, Reply
from tests.sweeps.processes import ROOT

ONE, TWO = "1" * 32, "2" * 32


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "trials" / "0000"
    made.mkdir(parents=True)
    (made / "config.yaml").write_text("seed: 1")
    return made


@pytest.fixture
def receiver(folder: Path) -> Receiver:
    return Receiver(str(folder.parent))


def epoch(
    receiver: Receiver, number: int, before: int, token: str = ONE, removed: tuple[str, ...] = ()
) -> Reply:
    """An epoch as a trial sends it."""
    name, state = f"epoch_{number:03d}", f"state {number}".encode()
    reply = receiver.write("0000", token, f"{name}/state.pt", 0, state[:3])
    if reply.outcome is Outcome.DONE:
        receiver.write("0000", token, f"{name}/state.pt", 3, state[3:])
    small = {f"{name}/epoch.json": b"{}", "metrics.csv": b"epoch\n" + b"1\n" * number}
    large = {f"{name}/state.pt": Piece(len(state), hashlib.sha256(state).hexdigest())}
    return receiver.deliver("0000", token, Delivery(number, before, small, large, removed))


def tree(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_an_epoch_is_written_as_it_was_sent(receiver: Receiver, folder: Path) -> None:
    assert receiver.process() == os.getpid()
    assert receiver.open("0000", ONE).newest == 0
    assert epoch(receiver, 1, 0) == Reply(Outcome.DONE, newest=1)
    assert epoch(receiver, 2, 1, removed=("epoch_001",)).newest == 2
    assert tree(folder) == {
        ".lock", "config.yaml", "metrics.csv", "epoch_002/state.pt", "epoch_002/epoch.json",
    }  # fmt: skip
    assert (folder / "epoch_002" / "state.pt").read_bytes() == b"state 2"
    assert (folder / "metrics.csv").read_text() == "epoch\n1\n1\n"


def test_a_delivery_whose_answer_was_lost_may_come_again(receiver: Receiver) -> None:
    receiver.open("0000", ONE)
    epoch(receiver, 1, 0)
    assert epoch(receiver, 1, 0) == Reply(Outcome.DONE, newest=1)


def test_gives_what_a_trial_goes_on_with(receiver: Receiver, folder: Path) -> None:
    receiver.open("0000", ONE)
    epoch(receiver, 1, 0)
    epoch(receiver, 2, 1)
    (folder / ".tmp_left").mkdir()
    (folder / "histograms").mkdir()
    (folder / "histograms" / "epoch_001.json").touch()
    reply = receiver.open("0000", TWO)
    assert reply.newest == 2
    assert reply.states == {"epoch_001/state.pt": 7, "epoch_002/state.pt": 7}
    assert reply.small.keys() == {"metrics.csv", "epoch_001/epoch.json", "epoch_002/epoch.json"}
    assert receiver.read("0000", TWO, "epoch_002/state.pt", 2) == b"ate 2"
    assert receiver.read("0000", TWO, "epoch_002/state.pt", 7) == b""
    assert not (folder / ".tmp_left").exists()


def test_only_the_newest_sender_writes(receiver: Receiver, folder: Path) -> None:
    receiver.open("0000", ONE)
    epoch(receiver, 1, 0)
    receiver.open("0000", TWO)
    before = tree(folder)
    assert epoch(receiver, 2, 1, token=ONE).outcome is Outcome.SUPERSEDED
    assert tree(folder) == before
    assert epoch(receiver, 2, 1, token=TWO).outcome is Outcome.DONE


def test_a_training_in_the_folder_keeps_senders_out(receiver: Receiver, folder: Path) -> None:
    receiver.open("0000", ONE)
    epoch(receiver, 1, 0)
    lock = os.open(folder / ".lock", os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    assert receiver.open("0000", TWO).outcome is Outcome.IN_USE
    assert epoch(receiver, 2, 1).outcome is Outcome.IN_USE
    os.close(lock)
    (folder / "epoch_002").mkdir()  # of that training, which has ended
    assert epoch(receiver, 2, 1).outcome is Outcome.SUPERSEDED
    assert not (folder / "epoch_002" / "state.pt").exists()


def test_after_a_restart_its_sender_goes_on(receiver: Receiver, folder: Path) -> None:
    receiver.open("0000", ONE)
    epoch(receiver, 1, 0)
    again = Receiver(str(folder.parent))
    assert again.write("0000", ONE, "epoch_002/state.pt", 3, b"x").outcome is Outcome.AGAIN
    assert epoch(again, 2, 1).outcome is Outcome.DONE


@pytest.mark.parametrize("trial", ["", "..", "../trials/0000", "0001", "link", "0002", "config"])
def test_takes_nothing_for_what_is_no_trial(trial: str, receiver: Receiver, folder: Path) -> None:
    (folder.parent / "0002").symlink_to(folder)
    for reply in (
        receiver.open(trial, ONE),
        receiver.read(trial, ONE, "metrics.csv", 0),
        receiver.write(trial, ONE, "epoch_001/state.pt", 0, b""),
        receiver.deliver(trial, ONE, Delivery(1, 0, {}, {}, ())),
    ):
        assert isinstance(reply, Reply)
        assert reply.outcome is Outcome.REFUSED


def test_takes_no_other_file(receiver: Receiver, folder: Path, tmp_path: Path) -> None:
    receiver.open("0000", ONE)
    before = tree(tmp_path)
    for delivery in (
        Delivery(1, 0, {"../0000/metrics.csv": b""}, {}, ()),
        Delivery(1, 0, {"config.yaml": b"seed: 2"}, {}, ()),
        Delivery(1, 0, {"metrics.csv": b""}, {}, ("../0000",)),
        Delivery(1, 0, {}, {"x.py": Piece(0, "")}, ()),
    ):
        assert receiver.deliver("0000", ONE, delivery).outcome is Outcome.REFUSED
    assert receiver.write("0000", ONE, "metrics.csv", 0, b"").outcome is Outcome.REFUSED
    answer = receiver.read("0000", ONE, "config.yaml", 0)
    assert isinstance(answer, Reply)
    assert answer.outcome is Outcome.REFUSED
    assert tree(tmp_path) == before


def test_follows_no_link(receiver: Receiver, folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "state.pt").write_text("precious")
    receiver.open("0000", ONE)
    (folder / "epoch_001").symlink_to(outside)
    (folder / "histograms").symlink_to(outside)
    small = {"histograms/epoch_001.json": b""}
    reply = receiver.deliver("0000", ONE, Delivery(1, 0, small, {}, ()))
    assert reply.outcome is Outcome.REFUSED
    assert epoch(receiver, 1, 1).outcome is Outcome.REFUSED
    assert tree(outside) == {"state.pt"}
    (folder / "log").symlink_to(outside / "state.pt")
    assert isinstance(receiver.read("0000", ONE, "log", 0), Reply)


@pytest.mark.parametrize(
    "piece", [Piece(6, hashlib.sha256(b"state 1").hexdigest()), Piece(7, "0" * 64)]
)
def test_what_has_not_arrived_whole_is_asked_for_again(
    piece: Piece, receiver: Receiver, folder: Path
) -> None:
    receiver.open("0000", ONE)
    receiver.write("0000", ONE, "epoch_001/state.pt", 0, b"state 1")
    delivery = Delivery(1, 0, {"epoch_001/epoch.json": b"{}"}, {"epoch_001/state.pt": piece}, ())
    assert receiver.deliver("0000", ONE, delivery).outcome is Outcome.AGAIN
    assert not (folder / "epoch_001").exists()


def test_a_full_disk_is_said_and_the_same_may_come_again(
    receiver: Receiver, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver.open("0000", ONE)
    write = module._write

    def full(path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(module, "_write", full)  # after the checkpoint is in its place
    reply = epoch(receiver, 1, 0)
    assert reply.outcome is Outcome.WAIT
    assert "No space left on device" in reply.why
    monkeypatch.setattr(module, "_write", write)
    assert epoch(receiver, 1, 0) == Reply(Outcome.DONE, newest=1)
    assert (folder / "epoch_001" / "state.pt").read_bytes() == b"state 1"


def test_its_process_loads_no_torch() -> None:
    code = "import sys; import sweeps.backend.stream.receiver\nprint('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
