"""Several seeds in lockstep: the means of trainings that are what each would be alone."""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import torch

from sweeps.repeats import lockstep as module
from sweeps.repeats.lockstep import lockstep
from sweeps.trials import derived
from trainers.config import Keep, TrainConfig, compose
from trainers.errors import Diverged
from trainers.files import checkpoints, history
from trainers.fit import fit
from trainers.run import Saved, run

RUNS = 3


@pytest.fixture(scope="module")
def config() -> TrainConfig:
    small = ("batch_size=50", "data.fraction=0.25", "model.width=8", "model.depth=1")
    return compose(["epochs=4", "model.dropout=0.1", "optimizer.lr=0.02", *small])


@pytest.fixture(scope="module")
def whole(
    config: TrainConfig, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[Saved]]:
    """A training that nobody disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, list(lockstep(config, RUNS, folder))


def timeless(metrics: Mapping[str, float]) -> dict[str, float]:
    return {k: v for k, v in metrics.items() if k not in ("epoch_s", "samples_per_s")}


def places(folder: Path) -> list[Path]:
    return [folder, folder / "runs" / "2", folder / "runs" / "3"]


def states(folder: Path) -> dict[str, int]:
    return {
        str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob("state.pt")
    }


def test_each_run_is_the_training_with_its_seed(
    config: TrainConfig, whole: tuple[Path, list[Saved]]
) -> None:
    folder, _ = whole
    seeds = [config.seed, derived(config.seed, "run/2"), derived(config.seed, "run/3")]
    assert len(set(seeds)) == RUNS
    for place, seed in zip(places(folder), seeds, strict=True):
        alone = [timeless(e.metrics) for e in fit(replace(config, seed=seed))]
        rows = history.read(place / "metrics.csv")
        assert [timeless(row) for row in rows.values()] == alone


def test_an_epoch_is_told_by_means_and_spread(whole: tuple[Path, list[Saved]]) -> None:
    folder, told = whole
    tables = [history.read(place / "metrics.csv") for place in places(folder)]
    assert [saved.number for saved in told] == [1, 2, 3, 4]
    for saved in told:
        rows = [table[saved.number] for table in tables]
        scores = [row["val_accuracy"] for row in rows]
        assert saved.metrics["val_accuracy"] == statistics.fmean(scores)
        assert saved.metrics["val_accuracy_sd"] == statistics.stdev(scores) > 0
        assert saved.metrics["val_loss"] == statistics.fmean(row["val_loss"] for row in rows)
        assert saved.metrics["epoch_s"] == sum(row["epoch_s"] for row in rows)
        assert saved.metrics["lr"] == pytest.approx(rows[0]["lr"])
        assert saved.checkpoint == folder / f"epoch_{saved.number:03d}"


def test_one_run_is_an_ordinary_training(config: TrainConfig, tmp_path: Path) -> None:
    (saved,) = islice(lockstep(config, 1, tmp_path), 1)
    assert "val_accuracy_sd" not in saved.metrics
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("kept", [(2, 2, 2), (3, 2, 2), (3, 3, 2), (1, 0, 0), (4, 4, 3)])
def test_killed_anywhere_it_goes_on_and_no_epoch_is_trained_again(
    kept: tuple[int, ...], config: TrainConfig, whole: tuple[Path, list[Saved]], tmp_path: Path
) -> None:
    """Each run has so many epochs on disk, and all but perhaps the newest were told."""
    folder, told = whole
    shutil.copytree(folder, tmp_path / "t")
    for place, epochs in zip(places(tmp_path / "t"), kept, strict=True):
        for number, path in checkpoints.saved(place).items():
            if number > epochs:
                shutil.rmtree(path)
    before = states(tmp_path / "t")
    after = max(min(kept) - 1, 0)  # the last that all have may not have been heard of
    rest = list(lockstep(config, RUNS, tmp_path / "t", after=after))
    assert [saved.number for saved in rest] == list(range(after + 1, 5))
    expected = [timeless(saved.metrics) for saved in told[after:]]
    assert [timeless(saved.metrics) for saved in rest] == expected
    now = states(tmp_path / "t")
    assert {path: now[path] for path in before} == before
    assert len(now) == RUNS * 4


def test_a_damaged_checkpoint_of_one_run_costs_that_epoch_only(
    config: TrainConfig, whole: tuple[Path, list[Saved]], tmp_path: Path
) -> None:
    folder, told = whole
    shutil.copytree(folder, tmp_path / "t")
    state = tmp_path / "t" / "runs" / "2" / "epoch_004" / "state.pt"
    state.write_bytes(state.read_bytes()[:-5])
    assert list(lockstep(config, RUNS, tmp_path / "t", after=4)) == []
    (last,) = lockstep(config, RUNS, tmp_path / "t", after=3)
    assert timeless(last.metrics) == timeless(told[3].metrics)
    assert checkpoints.load(state.parent)["epoch"] == 4


class TestByTheMeans:
    """Two made-up runs: apart, each would judge otherwise than both together."""

    CURVES = ([0.5, 0.9, 0.8, 0.8, 0.7, 0.7], [0.1, 0.2, 0.6, 0.2, 0.3, 0.1])  # means: best third

    @pytest.fixture(autouse=True)
    def made_up(self, config: TrainConfig, monkeypatch: pytest.MonkeyPatch) -> None:
        def fake(own: TrainConfig, folder: Path, after: int = 0, owner: str = ""):  # type: ignore[no-untyped-def]
            assert own.patience is None
            assert own.checkpoint.keep is Keep.all
            values = self.CURVES[0 if own.seed == config.seed else 1]
            there = history.read(folder / "metrics.csv")
            folder.mkdir(parents=True, exist_ok=True)
            for number, value in enumerate(values, 1):
                metrics = {"val_accuracy": value, "epoch_s": 1.0}
                if number not in there:
                    (folder / f"epoch_{number:03d}").mkdir()
                    history.append(folder / "metrics.csv", number, metrics, durable=True)
                if number > after:
                    yield Saved(number, metrics, folder / f"epoch_{number:03d}")

        monkeypatch.setattr(module, "run", fake)

    def settings(self, config: TrainConfig, **changes: object) -> TrainConfig:
        changed = replace(config, epochs=6, **changes)  # type: ignore[arg-type]
        changed.checkpoint = replace(config.checkpoint, keep=Keep.best_and_last)
        return changed

    @pytest.mark.parametrize("after", [0, 1, 3, 4])
    def test_patience(self, after: int, config: TrainConfig, tmp_path: Path) -> None:
        patient = self.settings(config, patience=2)
        list(islice(lockstep(patient, 2, tmp_path), after))
        told = [s.number for s in lockstep(patient, 2, tmp_path, after=after)]
        assert [*range(1, after + 1), *told] == [1, 2, 3, 4, 5]
        assert list(lockstep(patient, 2, tmp_path, after=5)) == []

    def test_the_checkpoint_that_stays(self, config: TrainConfig, tmp_path: Path) -> None:
        list(lockstep(self.settings(config), 2, tmp_path))
        for place in (tmp_path, tmp_path / "runs" / "2"):
            assert list(checkpoints.saved(place)) == [3, 6]


def test_a_run_that_diverges_says_with_which_seed(
    config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = derived(config.seed, "run/2")

    def diverging(own: TrainConfig, folder: Path, after: int = 0, owner: str = ""):  # type: ignore[no-untyped-def]
        for saved in run(own, folder, after):
            if own.seed == second and saved.number == 2:
                raise Diverged(2, "training loss is nan")
            yield saved

    monkeypatch.setattr(module, "run", diverging)
    told = []
    with pytest.raises(Diverged, match=f"in epoch 2: training loss is nan with seed {second}"):
        told.extend(lockstep(config, 2, tmp_path))
    assert not told or [saved.number for saved in told] == [1]


def test_the_process_is_one_for_all_of_them(config: TrainConfig, tmp_path: Path) -> None:
    """Closing it lets go of every folder, so that another may take them up."""
    training = lockstep(config, 2, tmp_path)
    next(training)
    training.close()
    assert [saved.number for saved in lockstep(config, 2, tmp_path, after=3)] == [4]
    assert torch.get_num_threads() >= 1
