"""A trial that cannot reach the driver's folder leaves there what one that can does."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from sweeps.backend import worker
from sweeps.backend.stream import trial_folder
from sweeps.backend.stream.contents import Delivery
from sweeps.backend.stream.receiver import Receiver, Reply
from sweeps.backend.stream.trial_folder import StreamedFolder, reaches
from sweeps.config.composition import compose
from sweeps.config.keys import plain
from trainers.files import checkpoints

WORDS = ("space=null", "data.fraction=0.25", "model.width=8", "model.depth=1", "seed=3")
SESSION = "ab" * 16
#: What is never the same in two trainings: the seconds of an epoch, and what they stand in.
TIMED = ("epoch.json", "metrics.csv")


class Killed(BaseException):
    """What a kill of the process is like, as far as the trial goes."""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CAVIAR_SCRATCH", str(tmp_path / "scratch"))
    monkeypatch.setattr(trial_folder, "_bases", {})  # as in a process of its own
    monkeypatch.setattr(worker, "_IN_USE_S", 0.0)
    return tmp_path / "scratch"


class Cut(Receiver):
    """One that epoch 3 does not reach."""

    def deliver(self, trial: str, token: str, delivery: Delivery) -> Reply:
        if delivery.before == 2:
            raise ConnectionError("gone")
        return super().deliver(trial, token, delivery)


class Trial:
    """One trial of a sweep, trained where its folder is reached or where it is not."""

    def __init__(self, path: Path, *words: str) -> None:
        with compose([*WORDS, *words]) as composition:
            self.config = plain(composition.base)
        self.folder = path / "trials" / "0000"
        self.folder.mkdir(parents=True)
        self.receiver = Receiver(str(self.folder.parent))

    def train(
        self, after: int = 0, streams: bool = True, until: int | None = None
    ) -> list[dict[str, Any]]:
        """Return what it tells, but for the first word of one that streams: that it does."""
        told: list[dict[str, Any]] = []

        def tell(result: dict[str, Any]) -> None:
            told.append(result)
            if until is not None and result.get("epoch") == until:
                raise Killed

        work = {
            "trial": "0000", "config": self.config, "folder": str(self.folder), "after": after,
            "owner": "f00d/0000",
            **({"mark": ".session-none", "session": SESSION} if streams else {}),
        }  # fmt: skip
        with contextlib.suppress(Killed):
            worker.train(work, "me", tell, lambda: self.receiver)
        for thread in threading.enumerate():  # a process that is killed sends nothing more
            if thread.name == "send-epoch":
                thread.join()
        assert [result.get("apart", False) for result in told[:2]] == [streams, False][: len(told)]
        return told[1:] if streams else told

    def tree(self, bits: bool = True) -> dict[str, Any]:
        """Its files but the lock; of those with times in them the names alone.

        `bits`: of states, too. Those of a training that has gone on have the same numbers, but are
        written in another order.
        """

        def content(path: Path) -> object:
            if path.name in TIMED:
                return None
            if path.name == "state.pt" and not bits:
                return _plain(torch.load(path, weights_only=True))
            return path.read_bytes()

        return {
            str(path.relative_to(self.folder)): content(path)
            for path in self.folder.rglob("*")
            if path.is_file() and path.name != ".lock"
        }

    def metrics(self) -> list[list[str]]:
        """Its table without times."""
        rows = [row.split(",") for row in (self.folder / "metrics.csv").read_text().splitlines()]
        timed = [rows[0].index(name) for name in ("epoch_s", "samples_per_s")]
        return [[cell for i, cell in enumerate(row) if i not in timed] for row in rows]


def _plain(value: object) -> object:
    if isinstance(value, torch.Tensor):
        return (str(value.dtype), value.tolist())
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def epochs(told: list[dict[str, Any]]) -> list[int]:
    return [result["epoch"] for result in told]


@pytest.mark.parametrize(
    "words",
    [
        ("epochs=4",),
        ("epochs=4", "checkpoint.keep=best_and_last", "optimizer.lr=0.3"),
        ("epochs=3", "repeats=3", "checkpoint.keep=best_and_last"),
        ("epochs=2", "histograms=true"),
    ],
)
def test_leaves_what_a_shared_folder_gets(
    words: tuple[str, ...], tmp_path: Path, place: Path
) -> None:
    shared, streamed = Trial(tmp_path / "shared", *words), Trial(tmp_path / "streamed", *words)
    for trial in (shared, streamed):
        told = trial.train(streams=trial is streamed)
        assert {result["streams"] for result in told} == {trial is streamed}
    assert streamed.tree() == shared.tree()
    assert streamed.metrics() == shared.metrics()
    (base,) = place.iterdir()
    assert [path.name for path in base.iterdir()] == [".lock"], "nothing of the trial is left here"


@pytest.mark.parametrize("keep", ["all", "best_and_last"])
@pytest.mark.parametrize("there", [True, False])
def test_goes_on_elsewhere_from_what_has_arrived(keep: str, there: bool, tmp_path: Path) -> None:
    """`there`: on another machine that does not reach the folder; else on one that does."""
    words = ("epochs=6", f"checkpoint.keep={keep}", "optimizer.lr=0.3", "repeats=2")
    whole, moved = Trial(tmp_path / "whole", *words), Trial(tmp_path / "moved", *words)
    whole.train(streams=False)
    moved.receiver = Cut(str(moved.folder.parent))
    assert epochs(moved.train(until=3)) == [1, 2, 3]
    assert max(checkpoints.saved(moved.folder)) == 2, "the one on its way is lost, and no other"
    moved.receiver = Receiver(str(moved.folder.parent))
    assert epochs(moved.train(after=2, streams=there)) == [3, 4, 5, 6]
    assert moved.tree(bits=False) == whole.tree(bits=False)
    assert moved.metrics() == whole.metrics()


def test_a_damaged_checkpoint_costs_its_epoch_alone(tmp_path: Path) -> None:
    trial = Trial(tmp_path, "epochs=3")
    trial.train()
    expected = trial.tree(bits=False)
    state = trial.folder / "epoch_003" / "state.pt"
    state.write_bytes(state.read_bytes()[:-1])
    told = trial.train(after=3)
    assert epochs(told) == [3]
    assert "state.pt has" in told[0]["notes"][0]
    assert trial.tree(bits=False) == expected


def test_one_of_another_training_is_kept_aside(tmp_path: Path) -> None:
    trial = Trial(tmp_path, "epochs=2")
    trial.train()
    for path in checkpoints.saved(trial.folder).values():
        record = path / "epoch.json"
        record.write_text(record.read_text().replace("f00d/0000", "beef/0000"))
    assert epochs(trial.train()) == [1, 2]
    names = sorted(path.name[:18] for path in trial.folder.iterdir() if path.is_dir())
    assert names == [".refused_epoch_001", ".refused_epoch_002", "epoch_001", "epoch_002"]
    assert all((p / "state.pt").is_file() for p in trial.folder.iterdir() if p.is_dir())


def test_a_failure_leaves_its_log(tmp_path: Path, place: Path) -> None:
    faulty = ("model._target_=tests.faulty.Faulty", "+model.fault=raise")
    trial = Trial(tmp_path, "epochs=3", *faulty)
    (told,) = trial.train()
    assert told["state"] == "failed"
    assert "a fault of the model's own" in (trial.folder / "log").read_text()
    assert not [*place.glob("*/0000")]


def test_this_disk_full_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trial, whole = Trial(tmp_path / "one", "epochs=3"), Trial(tmp_path / "two", "epochs=3")
    whole.train(streams=False)
    link, faults = os.link, [OSError(28, "No space left on device")]

    def full(source: Path, target: Path) -> None:
        if faults:
            raise faults.pop()
        link(source, target)

    monkeypatch.setattr(os, "link", full)
    assert epochs(trial.train()) == [1, 2, 3]
    assert trial.tree(bits=False) == whole.tree(bits=False)


def test_a_process_that_was_believed_lost_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Exited(BaseException):
        """In the place of the end of the process."""

    def leave(code: int) -> None:
        raise Exited(code)

    monkeypatch.setattr(os, "_exit", leave)
    trial = Trial(tmp_path, "epochs=4")
    told: list[int] = []

    def tell(result: dict[str, Any]) -> None:
        told.append(result.get("epoch", 0))
        if told[-1] == 2:
            trial.receiver.open("0000", "2" * 32)  # the trial goes on in another process

    work = {"trial": "0000", "config": trial.config, "folder": str(trial.folder), "after": 0,
            "owner": "f00d/0000", "mark": ".session-none", "session": SESSION}  # fmt: skip
    with pytest.raises(Exited):
        worker.train(work, "me", tell, lambda: trial.receiver)
    assert told[-1] <= 4
    assert max(checkpoints.saved(trial.folder)) <= 3


def test_only_the_driver_s_own_folder_is_reached(tmp_path: Path) -> None:
    assert not reaches(tmp_path, ".session-1")
    (tmp_path / ".session-1").touch()
    assert reaches(tmp_path, ".session-1")
    assert not reaches(tmp_path / "elsewhere", ".session-1")


def test_of_old_checkpoints_only_the_newest_takes_room_here(tmp_path: Path, place: Path) -> None:
    trial = Trial(tmp_path, "epochs=5")
    send, states = StreamedFolder.send, []

    def sent(self: StreamedFolder, say: Callable[[str], None]) -> None:
        send(self, say)
        states.append(len([*place.glob("*/0000/epoch_*/state.pt")]))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StreamedFolder, "send", sent)
        trial.train()
    assert states == [1] * 5
    assert len(checkpoints.saved(trial.folder)) == 5
