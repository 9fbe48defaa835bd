"""Whole sweeps on a real Ray, in this process."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.samplers import RandomSampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial

from sweeps.commands import predict
from tests.sweeps.conftest import Ran
from trainers.errors import ConfigError
from trainers.files import checkpoints


def rows(ran: Ran) -> list[dict[str, str]]:
    with (ran.folder.path / "trials.csv").open() as file:
        return list(csv.DictReader(file))


def summary(ran: Ran) -> dict[str, object]:
    content = json.loads((ran.folder.path / "summary.json").read_text())
    assert isinstance(content, dict)
    return content


def study(ran: Ran) -> optuna.Study:
    storage = JournalStorage(JournalFileBackend(str(ran.folder.study)))
    return optuna.load_study(study_name=None, storage=storage)


@pytest.mark.parametrize(
    ("refused", "why"),
    [
        ("track.mode=blah", "track.mode must be auto, online or offline"),
        ("track.init_timeout_s=0", "track.init_timeout_s must be above 0"),
    ],
)
def test_what_is_refused_leaves_its_name_free_in_a_shared_storage_too(
    sweep_without_ray: Callable[..., Ran], tmp_path: Path, refused: str, why: str
) -> None:
    words = (
        f"study={tmp_path / 'group.log'}",
        "optimizer.lr=tag(log,interval(1e-3,1e-1))",
        "budget.trials=1",
        "epochs=1",
        "track=wandb",
    )
    with pytest.raises(ConfigError, match=why):
        sweep_without_ray(*words, refused)
    assert not (tmp_path / "s").exists()
    assert sweep_without_ray(*words, "track.mode=offline").code == 0


class Tired(RandomSampler):
    """A sampler of somebody's own, which fails at its third trial."""

    def sample_independent(self, study: optuna.Study, trial: FrozenTrial, *more: Any) -> Any:
        if trial.number == 2:
            raise RuntimeError("no more ideas")
        return super().sample_independent(study, trial, *more)


def test_a_sampler_that_fails_in_the_middle_ends_the_session_with_a_line(
    sweep_without_ray: Callable[..., Ran], capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("optimizer.lr=tag(log,interval(1e-3,1e-1))", "budget.trials=4", "epochs=1")
    ran = sweep_without_ray(*words, "search=random", f"search._target_={__name__}.Tired")
    assert ran.code == 1
    told = " ".join(capsys.readouterr().out.split())
    assert "search: Tired cannot propose: RuntimeError: no more ideas" in told
    assert "make resume SWEEP=s" in told
    assert [trial.state.name for trial in study(ran).trials] == ["COMPLETE"] * 2


def test_the_best_are_run_again_and_the_winner_is_named_by_the_mean(
    sweep_without_ray: Callable[..., Ran], capsys: pytest.CaptureFixture[str]
) -> None:
    """Each with two seeds as one trial, and the best two of three again."""
    words = ("search=grid", "stop=none", "optimizer.lr=0.03,0.01,1e-6", "epochs=2")
    repeats = "repeats={runs: 2, top: 2, seeds: 2}"
    ran = sweep_without_ray(*words, repeats, "checkpoint.keep=best_and_last")
    assert ran.code == 0
    table = rows(ran)
    again = [row for row in table if row["repeat_of"]]
    assert [row["repeat_of"] for row in table] == ["", "", "", *[r["repeat_of"] for r in again]]
    assert {row["repeat_of"] for row in again} == {"0000", "0001"}
    assert len({row["seed"] for row in again}) == 2
    for row in table:
        folder = ran.folder.trials / row["id"]
        best = f"epoch_{int(row['best_epoch']):03d}"
        scores = [
            checkpoints.metrics(place / best)["val_accuracy"]
            for place in (folder, folder / "runs" / "2")
        ]
        assert float(row["val_accuracy"]) == sum(scores) / 2
    told = summary(ran)
    assert (told["trials"], told["repeats"], told["completed"]) == (7, 4, 7)
    best = told["best"]
    assert isinstance(best, dict)
    means = {
        one: sum(float(row["val_accuracy"]) for row in again if row["repeat_of"] == one) / 2
        for one in ("0000", "0001")
    }
    assert best["trial"] == max(means, key=lambda one: means[one])
    assert best["rerun"]["mean"] == pytest.approx(means[best["trial"]])
    assert best["rerun"]["low"] < best["rerun"]["mean"] < best["rerun"]["high"]
    assert best["rerun"]["seeds"] == 2
    assert best["value"] == float(table[int(best["trial"])]["val_accuracy"])
    config = (ran.folder.path / "best" / "config.yaml").read_text()
    assert f"lr: {table[int(best['trial'])]['optimizer.lr']}" in config
    with (ran.folder.path / "repeats.csv").open() as file:
        listed = list(csv.DictReader(file))
    assert [row["trial"] for row in listed] == sorted(means, key=lambda one: -means[one])
    assert predict.best(ran.folder, 3)[0].trial == best["trial"]
    with pytest.raises(ConfigError, match="has 3 trials with a score"):
        predict.best(ran.folder, 4)
    output = capsys.readouterr().out
    assert "Run again with fresh seeds" in output
    assert "was the best of 3 scores; run again:" in output


def test_offline_each_trial_is_a_run_and_the_sweep_another(
    sweep_without_ray: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    ran = sweep_without_ray(
        "track=wandb", "search=grid", "stop=none", "model.width=8,16", name="shown"
    )
    runs = sorted(p.name for p in (ran.folder.path / "wandb").glob("offline-run-*"))
    uid = study(ran).user_attrs["uid"]
    assert [name.split("-", 3)[3] for name in runs] == [
        f"shown-{uid}-0000",
        f"shown-{uid}-0001",
        f"shown-{uid}-summary",
    ]
