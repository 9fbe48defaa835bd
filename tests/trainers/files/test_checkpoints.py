from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from trainers.config import Keep
from trainers.errors import CorruptCheckpoint, ForeignCheckpoint
from trainers.files import checkpoints
from trainers.fit import Epoch


def epoch(number: int, weight: float = 1.0) -> Epoch:
    state = {"epoch": number, "model": {"w": torch.full((300,), weight)}}
    return Epoch(number, {"val_accuracy": number / 10, "lr": 0.1}, lambda: state)


def weight(state: dict[str, Any]) -> float:
    return float(state["model"]["w"][0])


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    path = checkpoints.save(tmp_path / "new" / "folder", epoch(7, weight=0.1))
    assert path.name == "epoch_007"
    assert weight(checkpoints.load(path)) == pytest.approx(0.1)
    assert checkpoints.metrics(path) == {"val_accuracy": 0.7, "lr": 0.1}
    record = json.loads((path / "epoch.json").read_text())
    assert record["version"] == 1
    assert record["epoch"] == 7
    assert record["bytes"] == (path / "state.pt").stat().st_size
    assert [p.name for p in path.parent.iterdir()] == ["epoch_007"]


def test_others_may_read_a_checkpoint(tmp_path: Path) -> None:
    """A shared folder is shared: the usual permissions, not those of a temporary folder."""
    (tmp_path / "usual").mkdir()
    path = checkpoints.save(tmp_path, epoch(1))
    assert path.stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_the_newest_is_by_number(tmp_path: Path) -> None:
    for number in (9, 10, 1000, 2):
        checkpoints.save(tmp_path, epoch(number))
    found, corrupt = checkpoints.latest(tmp_path)
    assert found is not None
    assert (found.number, found.state["epoch"], corrupt) == (1000, 1000, [])
    assert list(checkpoints.saved(tmp_path)) == [2, 9, 10, 1000]


def test_nothing_there(tmp_path: Path) -> None:
    assert checkpoints.latest(tmp_path) == (None, [])
    assert checkpoints.latest(tmp_path / "absent") == (None, [])


def test_any_flipped_or_missing_byte_is_noticed(tmp_path: Path) -> None:
    path = checkpoints.save(tmp_path, epoch(1))
    whole = (path / "state.pt").read_bytes()
    for at in range(0, len(whole), 97):
        changed = bytearray(whole)
        changed[at] ^= 1
        (path / "state.pt").write_bytes(changed)
        with pytest.raises(CorruptCheckpoint, match="changed since"):
            checkpoints.load(path)
        (path / "state.pt").write_bytes(whole[:at])
        with pytest.raises(CorruptCheckpoint, match="bytes, not"):
            checkpoints.load(path)
    (path / "state.pt").write_bytes(whole)
    assert weight(checkpoints.load(path)) == 1


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"version": 1}', '{"version": "one"}'])
def test_a_damaged_record_is_noticed(text: str, tmp_path: Path) -> None:
    path = checkpoints.save(tmp_path, epoch(1))
    (path / "epoch.json").write_text(text)
    with pytest.raises(CorruptCheckpoint, match=r"epoch\.json"):
        checkpoints.load(path)


def test_a_checkpoint_under_another_number_is_noticed(tmp_path: Path) -> None:
    checkpoints.save(tmp_path, epoch(1)).rename(tmp_path / "epoch_002")
    with pytest.raises(CorruptCheckpoint, match="is of epoch 1"):
        checkpoints.load(tmp_path / "epoch_002")


@pytest.mark.parametrize("missing", ["state.pt", "epoch.json"])
def test_latest_passes_over_what_is_corrupt_and_says_so(missing: str, tmp_path: Path) -> None:
    for number in (1, 2, 3):
        checkpoints.save(tmp_path, epoch(number))
    (tmp_path / "epoch_003" / missing).unlink()
    found, corrupt = checkpoints.latest(tmp_path)
    assert found is not None
    assert found.number == 2
    assert [error.path.name for error in corrupt] == ["epoch_003"]
    assert missing in str(corrupt[0])


class Trap:
    """Would run on loading, were a checkpoint trusted."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, ("trapped",))


def test_a_checkpoint_cannot_run_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    trap = Epoch(1, {"lr": 0.1}, lambda: {"epoch": 1, "model": Trap()})
    path = checkpoints.save(tmp_path, trap)
    with pytest.raises(CorruptCheckpoint, match="not a state"):
        checkpoints.load(path)
    assert not (tmp_path / "trapped").exists()


def test_a_later_version_is_passed_over_and_kept(tmp_path: Path) -> None:
    first = checkpoints.save(tmp_path, epoch(1))
    path = checkpoints.save(tmp_path, epoch(2))
    record = json.loads((path / "epoch.json").read_text())
    (path / "epoch.json").write_text(json.dumps({**record, "version": 2}))
    with pytest.raises(ForeignCheckpoint, match="version 2, and this program reads up to 1"):
        checkpoints.load(path)
    found, [error] = checkpoints.latest(tmp_path)
    assert found is not None
    assert (found.path, error.path) == (first, path)
    aside = checkpoints.set_aside(path)
    assert checkpoints.saved(tmp_path) == {1: first}
    assert (aside / "state.pt").is_file()


def test_one_of_another_training_is_passed_over(tmp_path: Path) -> None:
    first = checkpoints.save(tmp_path, epoch(1), "f00d/0001")
    path = checkpoints.save(tmp_path, epoch(2), "f00d/0002")
    found, [error] = checkpoints.latest(tmp_path, "f00d/0001")
    assert found is not None
    assert found.path == first
    assert isinstance(error, ForeignCheckpoint)
    assert str(error) == f"{path}: it is of another training (f00d/0002)"
    with pytest.raises(ForeignCheckpoint):
        checkpoints.metrics(path, "f00d/0001")
    assert checkpoints.metrics(path) == checkpoints.metrics(path, "f00d/0002")
    checkpoints.save(tmp_path, epoch(3))  # as older versions did
    found, _ = checkpoints.latest(tmp_path, "f00d/0001")
    assert found is not None
    assert found.number == 3


def test_a_copy_is_its_new_owners_and_the_other_stays(tmp_path: Path) -> None:
    path = checkpoints.save(tmp_path / "a", epoch(1), "f00d/0001")
    checkpoints.link(path, tmp_path / "b" / path.name, "f00d/0002")
    for folder, owner in (("a", "f00d/0001"), ("b", "f00d/0002")):
        found, corrupt = checkpoints.latest(tmp_path / folder, owner)
        assert found is not None
        assert corrupt == []


def test_saving_again_replaces(tmp_path: Path) -> None:
    checkpoints.save(tmp_path, epoch(1, weight=1))
    path = checkpoints.save(tmp_path, epoch(1, weight=2))
    assert weight(checkpoints.load(path)) == 2
    assert [p.name for p in tmp_path.iterdir()] == ["epoch_001"]


class Cut(Exception):
    """Stands for a kill."""


@pytest.mark.parametrize("replacing", [False, True])
def test_cut_at_any_step_a_save_leaves_the_old_or_the_new(
    replacing: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every system call that saving makes is, in turn, the last one."""
    outcomes = set()
    for step in range(40):
        folder = tmp_path / str(step)
        folder.mkdir()
        if replacing:
            checkpoints.save(folder, epoch(1, weight=1))
        calls = iter(range(step))

        def cut(real: Any, calls: Any = calls) -> Any:
            def call(*args: Any, **kwargs: Any) -> Any:
                if next(calls, None) is None:
                    raise Cut
                return real(*args, **kwargs)

            return call

        with monkeypatch.context() as patch:
            for owner, name in (
                (os, "fsync"),
                (Path, "mkdir"),
                (Path, "rename"),
                (checkpoints, "write"),
                (shutil, "rmtree"),
                (json, "dump"),
            ):
                patch.setattr(owner, name, cut(getattr(owner, name)))
            try:
                checkpoints.save(folder, epoch(1, weight=2))
                finished = True
            except Cut:
                finished = False
        checkpoints.clean(folder)
        found, corrupt = checkpoints.latest(folder)
        assert corrupt == []
        assert [p.name for p in folder.iterdir()] == (["epoch_001"] if found else [])
        outcomes.add(weight(found.state) if found else None)
        if finished:
            break
    assert finished
    assert outcomes == ({1, 2} if replacing else {None, 2})


@pytest.mark.parametrize(
    ("keep", "best", "left"),
    [(Keep.all, 2, [1, 2, 3, 4]), (Keep.best_and_last, 2, [2, 4]), (Keep.best_and_last, 4, [4])],
)
def test_prune(keep: Keep, best: int, left: list[int], tmp_path: Path) -> None:
    for number in (1, 2, 3, 4):
        checkpoints.save(tmp_path, epoch(number))
    checkpoints.prune(tmp_path, keep, best)
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"epoch_{n:03d}" for n in left]


def test_what_a_kill_left_beside_a_file_is_cleaned_away(tmp_path: Path) -> None:
    (tmp_path / "histograms").mkdir()
    for left in (".tmp_metrics.csv_0a1b2c3d", "histograms/.tmp_epoch_001.json_0a1b2c3d"):
        (tmp_path / left).write_text("half")
    (tmp_path / "metrics.csv").write_text("epoch\n")
    checkpoints.clean(tmp_path)
    assert {p.name for p in tmp_path.rglob("*")} == {"histograms", "metrics.csv"}


def test_other_files_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    checkpoints.save(tmp_path, epoch(1))
    (tmp_path / "epoch_notes").mkdir()
    (tmp_path / "epoch_1").mkdir()
    (tmp_path / "epoch_009").write_text("a file")
    checkpoints.clean(tmp_path)
    checkpoints.prune(tmp_path, Keep.best_and_last, best=1)
    assert list(checkpoints.saved(tmp_path)) == [1]
    assert len(list(tmp_path.iterdir())) == 4
