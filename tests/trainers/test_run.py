from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import islice, pairwise
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import torch

from tests.sweeps.waiting import until
from trainers.config import Mode, TaskConfig, TrainConfig, compose
from trainers.errors import ConfigError, Diverged
from trainers.files import checkpoints, histograms, history
from trainers.files.history import best
from trainers.fit import fit
from trainers.run import run

Compose = Callable[..., TrainConfig]
ROOT = Path(__file__).parents[2]


def timeless(metrics: Mapping[str, float]) -> dict[str, float]:
    return {k: v for k, v in metrics.items() if k not in ("epoch_s", "samples_per_s")}


def course(config: TrainConfig) -> list[dict[str, float]]:
    return [timeless(epoch.metrics) for epoch in fit(config)]


def table(folder: Path) -> list[dict[str, float]]:
    rows = history.read(folder / "metrics.csv")
    assert list(rows) == list(range(1, len(rows) + 1))
    return [timeless(row) for row in rows.values()]


def test_every_epoch_is_on_disk_before_it_is_told(small: Compose, tmp_path: Path) -> None:
    for saved in run(small(), tmp_path):
        assert saved.checkpoint == tmp_path / f"epoch_{saved.number:03d}"
        assert checkpoints.load(saved.checkpoint)["epoch"] == saved.number
        assert checkpoints.metrics(saved.checkpoint) == saved.metrics
        assert history.read(tmp_path / "metrics.csv")[saved.number] == saved.metrics
        assert saved.notes == ()
    assert table(tmp_path) == course(small())


@pytest.mark.parametrize("stop", [1, 2, 3, 4])
def test_a_stopped_run_goes_on(stop: int, small: Compose, tmp_path: Path) -> None:
    first = [s.number for s in islice(run(small(), tmp_path), stop)]
    second = [s.number for s in run(small(), tmp_path, after=stop)]
    assert first + second == [1, 2, 3, 4]
    assert table(tmp_path) == course(small())


@pytest.mark.parametrize("after", [0, 1, 2, 9])
def test_finished_epochs_are_told_again_and_not_trained_again(
    after: int, small: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = list(run(small(), tmp_path))
    monkeypatch.setattr(torch.Tensor, "backward", None)  # training again would fail
    assert list(run(small(), tmp_path, after=after)) == original[after:]


def test_more_epochs_than_before(small: Compose, tmp_path: Path) -> None:
    list(run(small("schedule=none", "epochs=2"), tmp_path))
    more = small("schedule=none", "epochs=5")
    assert [s.number for s in run(more, tmp_path, after=2)] == [3, 4, 5]
    assert table(tmp_path) == course(more)


@pytest.mark.parametrize("damage", ["truncate", "flip", "remove"])
def test_a_damaged_checkpoint_costs_its_epoch_only(
    damage: str, small: Compose, tmp_path: Path
) -> None:
    list(islice(run(small(), tmp_path), 3))
    state = tmp_path / "epoch_003" / "state.pt"
    content = bytearray(state.read_bytes())
    content[len(content) // 2] ^= 255
    if damage == "remove":
        state.unlink()
    else:
        state.write_bytes(content if damage == "flip" else content[:100])
    again = list(run(small(), tmp_path, after=3))
    assert [s.number for s in again] == [3, 4]
    assert "epoch_003" in again[0].notes[0]
    assert "goes on from epoch 2" in again[0].notes[0]
    assert again[1].notes == ()
    assert table(tmp_path) == course(small())
    assert checkpoints.load(tmp_path / "epoch_003")["epoch"] == 3


def test_all_checkpoints_damaged_starts_anew(small: Compose, tmp_path: Path) -> None:
    for saved in islice(run(small(), tmp_path), 2):
        (saved.checkpoint / "state.pt").write_bytes(b"")
    again = list(run(small(), tmp_path, after=2))
    assert [s.number for s in again] == [1, 2, 3, 4]
    assert len(again[0].notes) == 2
    assert table(tmp_path) == course(small())


def test_the_table_is_put_right_from_the_checkpoints(small: Compose, tmp_path: Path) -> None:
    list(islice(run(small(), tmp_path), 3))
    path = tmp_path / "metrics.csv"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:2], "9,1,1,1,1,1,1,1\n", lines[3][:20]]))
    list(run(small(), tmp_path))
    assert table(tmp_path) == course(small())


def test_keeping_the_best_and_the_last(small: Compose, tmp_path: Path) -> None:
    config = small("checkpoint.keep=best_and_last", "epochs=8", "optimizer.lr=0.02")
    rows: dict[int, dict[str, float]] = {}
    for saved in run(config, tmp_path):
        rows[saved.number] = saved.metrics
        there = sorted(int(p.name[6:]) for p in tmp_path.glob("epoch_*"))
        assert there == sorted({saved.number, best(rows, config.task)})
    assert table(tmp_path) == course(small("epochs=8", "optimizer.lr=0.02"))
    assert [s.number for s in run(config, tmp_path)] == list(range(1, 9))  # from the table


def test_with_pruned_checkpoints_a_damaged_last_goes_back_to_the_best(
    small: Compose, tmp_path: Path
) -> None:
    config = small("checkpoint.keep=best_and_last", "schedule=step", "schedule.step_size=1")
    config.task = TaskConfig("any", "lr", Mode.max)
    *_, last = run(config, tmp_path)  # the first epoch has the highest rate
    assert sorted(p.name for p in tmp_path.glob("epoch_*")) == ["epoch_001", "epoch_004"]
    (last.checkpoint / "epoch.json").unlink()
    again = list(run(config, tmp_path, after=4))
    assert [s.number for s in again] == [2, 3, 4]
    assert "goes on from epoch 1" in again[0].notes[0]
    assert table(tmp_path) == course(config)


def test_a_lost_table_of_pruned_epochs_is_said(small: Compose, tmp_path: Path) -> None:
    config = small("checkpoint.keep=best_and_last", "task.metric=train_loss")
    list(islice(run(config, tmp_path), 3))  # the last is the best: it alone is left
    (tmp_path / "metrics.csv").unlink()
    again = list(run(config, tmp_path))
    assert [s.number for s in again] == [3, 4]
    assert "epochs 1, 2 are lost" in again[0].notes[0]


@pytest.mark.parametrize(("mode", "expected"), [("max", 2), ("min", 1)])
def test_best_is_the_earliest_of_equals(mode: str, expected: int) -> None:
    task = TaskConfig("any", "val_accuracy", Mode[mode])
    rows = {n: {"val_accuracy": v} for n, v in ((1, 0.1), (2, 0.9), (3, 0.9), (4, 0.1))}
    assert best(rows, task) == expected


def test_two_runs_do_not_share_a_folder(small: Compose, tmp_path: Path) -> None:
    first = run(small(), tmp_path)
    next(first)
    with pytest.raises(ConfigError, match="in use by another run"):
        next(run(small(), tmp_path))
    first.close()  # type: ignore[attr-defined]
    assert len(list(run(small(), tmp_path))) == 4


def test_divergence_leaves_the_folder_free_and_the_epochs_before(
    small: Compose, tmp_path: Path
) -> None:
    config = small("optimizer=sgd", "optimizer.lr=1e12", "norm=none")
    with pytest.raises(Diverged):
        list(run(config, tmp_path))
    with pytest.raises(Diverged):
        list(run(config, tmp_path))
    assert not list(tmp_path.glob(".tmp_*"))


NURSERY = """
import os, signal, sys, traceback
from pathlib import Path
from trainers.config import compose
from trainers.fit import fit
from trainers.run import run

list(fit(compose(["epochs=1"])))  # imports what a training imports on its way
for line in sys.stdin:
    folder, told, *overrides = line.split()
    child = os.fork()
    if not child:
        try:
            for saved in run(compose(overrides), Path(folder)):
                with open(told, "a") as file:
                    print(saved.number, file=file)
        except BaseException:
            traceback.print_exc()
        os._exit(0)
    sys.stdin.readline()  # "kill"
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    print("ended", flush=True)
"""


class Nursery:
    """Real processes that train, forked from one that has loaded torch: they start at once."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", NURSERY],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, folder: Path, told: Path, overrides: list[str]) -> None:
        self._say(" ".join([str(folder), str(told), *overrides]))

    def kill(self) -> None:
        """SIGKILL, and wait for its end."""
        self._say("kill")
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ended\n"

    def _say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    nursery = Nursery()
    with nursery.process:
        yield nursery
        assert nursery.process.stdin is not None
        nursery.process.stdin.close()


def heard_from(told: Path) -> list[int]:
    """The epochs that a training has told of: at first those that it finds on disk."""
    return [int(line) for line in told.read_text().split()] if told.exists() else []


@pytest.mark.parametrize("keep", ["all", "best_and_last"])
def test_killed_many_times_it_ends_as_if_undisturbed(
    keep: str, nursery: Nursery, tmp_path: Path
) -> None:
    overrides = ["epochs=14", "data.fraction=0.25", "model.dropout=0.1", f"checkpoint.keep={keep}"]
    config = compose(overrides)
    # By this machine's own pace: else a fast one has ended before it is killed often.
    ends = [time.monotonic() for _ in run(config, tmp_path / "calm")]
    assert len(ends) == 14
    epoch_s = median(after - before for before, after in pairwise(ends))  # the first waits for more
    folder, told = tmp_path / "run", tmp_path / "told"
    moments = random.Random(keep)
    kills, last = 0, 0
    while last < 14:
        told.unlink(missing_ok=True)
        nursery.start(folder, told, overrides)
        if kills % 2:  # half of them while it sets the folder right, half while it trains
            until(lambda before=last: max(heard_from(told), default=0) > before)
        time.sleep(moments.uniform(0, 1.5 * epoch_s))
        nursery.kill()
        kills += 1
        heard = heard_from(told)
        found, corrupt = checkpoints.latest(folder)
        assert corrupt == []
        last = found.number if found else 0
        assert last >= max(heard, default=0)  # what was told is there
    assert kills > 3
    assert [s.number for s in run(config, folder)] == list(range(1, 15))
    assert table(folder) == table(tmp_path / "calm") == course(config)
    assert not [p for p in folder.iterdir() if p.name.startswith((".tmp_", ".old_"))]


def test_a_killed_run_leaves_its_folder_free(
    small: Compose, nursery: Nursery, tmp_path: Path
) -> None:
    folder, told = tmp_path / "run", tmp_path / "told"
    nursery.start(folder, told, ["epochs=5000", "schedule=none"])
    until(told.exists)
    with pytest.raises(ConfigError, match="in use"):
        next(run(small(), folder))
    nursery.kill()
    again = compose(["epochs=5000", "schedule=none"])
    assert next(run(again, folder)).number == 1


def test_the_same_folder_copied_elsewhere_goes_on(small: Compose, tmp_path: Path) -> None:
    list(islice(run(small(), tmp_path / "a"), 2))
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    assert [s.number for s in run(small(), tmp_path / "b", after=2)] == [3, 4]
    assert table(tmp_path / "b") == course(small())


@pytest.mark.machines
def test_importing_trainers_is_light() -> None:
    program = "import sys, trainers; print('torch' in sys.modules)"
    output: Any = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True, text=True
    ).stdout
    assert output.strip() == "False"


def test_ends_when_patience_is_out_and_stays_so(small: Compose, tmp_path: Path) -> None:
    """With no learning at all the first epoch is the best."""
    config = small("epochs=9", "patience=2", "optimizer=sgd", "optimizer.lr=1e-12", "norm=none")
    assert [saved.number for saved in run(config, tmp_path)] == [1, 2, 3]
    assert [saved.number for saved in run(config, tmp_path)] == [1, 2, 3]
    assert [saved.number for saved in run(config, tmp_path, after=3)] == []
    longer = small("epochs=9", "patience=3", "optimizer=sgd", "optimizer.lr=1e-12", "norm=none")
    assert [saved.number for saved in run(longer, tmp_path, after=3)] == [4]


def test_keeps_histograms_beside_the_checkpoints(small: Compose, tmp_path: Path) -> None:
    config = small("epochs=3", "histograms=true", "checkpoint.keep=best_and_last")
    list(run(config, tmp_path))
    for number in (1, 2, 3):
        assert "gradients/layers.1.weight" in histograms.load(tmp_path, number)


def test_a_checkpoint_of_another_training_is_set_aside_and_its_epoch_trained(
    small: Compose, tmp_path: Path
) -> None:
    config = small()
    list(islice(run(config, tmp_path / "mine", owner="f00d/0001"), 2))
    list(run(small("seed=7"), tmp_path / "other", owner="f00d/0002"))
    shutil.copytree(tmp_path / "other" / "epoch_003", tmp_path / "mine" / "epoch_003")
    rest = list(run(config, tmp_path / "mine", after=2, owner="f00d/0001"))
    assert [saved.number for saved in rest] == [3, 4]
    assert "it is of another training (f00d/0002) (kept as .refused_epoch_003_" in rest[0].notes[0]
    assert table(tmp_path / "mine") == course(config)
    assert [p.name for p in (tmp_path / "mine").glob(".refused_epoch_003_*/state.pt")] == [
        "state.pt"
    ]


def test_a_checkpoint_of_a_later_version_fails_no_training(small: Compose, tmp_path: Path) -> None:
    config = small()
    list(run(config, tmp_path))
    path = tmp_path / "epoch_004" / "epoch.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": 99}))
    (tmp_path / "metrics.csv").write_bytes(b"\xff\xfe\x00garbage")
    [last] = run(config, tmp_path, after=3)
    assert last.number == 4
    assert "it has version 99" in last.notes[0]
    assert table(tmp_path) == course(config)


def test_epochs_that_are_read_back_are_the_same_numbers(small: Compose, tmp_path: Path) -> None:
    first = [saved.metrics for saved in run(small(), tmp_path)]
    again = [saved.metrics for saved in run(small(), tmp_path)]
    assert repr(again) == repr(first)
    assert isinstance(again[0]["parameters"], int)
