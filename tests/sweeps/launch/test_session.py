"""Whole sweeps on a real Ray, in this process."""

from __future__ import annotations

import csv
import json
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
import torch
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from sweeps.commands import predict
from tests.sweeps.conftest import Ran
from tests.sweeps.processes import command, descendants
from tests.sweeps.waiting import until
from trainers.errors import ConfigError
from trainers.files import checkpoints

FAULTY = (
    "model._target_=tests.faulty.Faulty",
    "+model.fault=none",
    "search=grid",
    "stop=none",
    "epochs=2",
)


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


def untimed(table: list[dict[str, str]]) -> list[dict[str, str]]:
    timings = ("epoch_s", "samples_per_s", "seconds", "machine", "member")
    return [{k: v for k, v in row.items() if k not in timings} for row in table]


def test_a_sweep_leaves_what_the_contract_names(sweep_here: Callable[..., Ran]) -> None:
    ran = sweep_here("search=random", "stop=none", "optimizer.lr=tag(log,interval(1e-3,1e-1))",
                     "norm=batch,none", "budget.trials=3")  # fmt: skip
    assert ran.code == 0
    table = rows(ran)
    assert [row["id"] for row in table] == ["0000", "0001", "0002"]
    assert {row["state"] for row in table} == {"complete"}
    for row in table:
        folder = ran.folder.trials / row["id"]
        assert sorted(p.name for p in folder.glob("epoch_*")) == [
            f"epoch_{n:03d}" for n in (1, 2, 3)
        ]
        for epoch in (1, 2, 3):
            state = torch.load(folder / f"epoch_{epoch:03d}" / "state.pt", weights_only=True)
            assert {"model", "optimizer", "schedule", "rng", "epoch"} <= set(state)
        assert (folder / "config.yaml").is_file()
        assert len((folder / "metrics.csv").read_text().splitlines()) == 4
        assert row["norm"] in ("batch", "none")
        assert 1e-3 <= float(row["optimizer.lr"]) <= 1e-1
    told = summary(ran)
    assert (told["trials"], told["completed"], told["stopped"], told["failed"]) == (3, 3, 0, 0)
    best = told["best"]
    assert isinstance(best, dict)
    top = max(table, key=lambda row: float(row["val_accuracy"]))
    assert best["value"] == float(top["val_accuracy"])
    assert "test_accuracy" in best
    checkpoints.load(Path(best["checkpoint"]))
    assert (ran.folder.path / "best" / "config.yaml").is_file()
    drawn = {path.name for path in (ran.folder.path / "diagnosis").iterdir()}
    assert drawn >= {"confusion.png", "confusion.csv", "classes.png", "hidden.png", "curves.png"}
    assert (ran.folder.path / "importances.csv").read_text().startswith("parameter,")
    assert 0 < float(str(told["overhead"])) < 1


def test_early_stopped_trials_are_pruned_with_every_epoch(sweep_here: Callable[..., Ran]) -> None:
    # The first learns at once, so that those after it, in order of the grid, cannot keep up.
    ran = sweep_here("search=grid", "stop=asha", "optimizer.lr=0.03,1e-6,1e-7", "epochs=3")
    assert [row["state"] for row in rows(ran)] == ["complete", "stopped", "stopped"]
    trials = study(ran).trials
    assert [t.state for t in trials] == [TrialState.COMPLETE, TrialState.PRUNED, TrialState.PRUNED]
    assert [sorted(t.intermediate_values) for t in trials] == [[1, 2, 3], [1], [1]]
    assert rows(ran)[1]["reason"].startswith("asha")


def test_a_faulty_trial_ends_alone_with_its_reason(sweep_here: Callable[..., Ran]) -> None:
    ran = sweep_here(*FAULTY, "model.fault=raise,diverge,memory,host_memory,none")
    assert ran.code == 0
    table = {row["model.fault"]: row for row in rows(ran)}
    assert {fault: row["state"] for fault, row in table.items()} == {
        "raise": "failed",
        "diverge": "diverged",
        "memory": "failed",
        "host_memory": "failed",
        "none": "complete",
    }
    assert table["raise"]["reason"] == "ValueError: a fault of the model's own"
    assert "epoch 1" in table["diverge"]["reason"]
    assert "out of GPU memory" in table["memory"]["reason"]
    assert "out of memory" in table["host_memory"]["reason"]
    log = ran.folder.trials / table["raise"]["id"] / "log"
    assert "with a second line" in log.read_text()
    states = [trial.state for trial in study(ran).trials]
    assert states == [TrialState.FAIL] * 4 + [TrialState.COMPLETE]


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


def test_too_many_failures_in_a_row_end_the_sweep(sweep_here: Callable[..., Ran]) -> None:
    ran = sweep_here(*FAULTY, "model.fault=raise", "seed=1,2,3,4,5", "failures.in_a_row=2")
    assert ran.code == 1
    assert len(rows(ran)) <= 3


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


def test_a_trial_whose_process_is_killed_goes_on_as_if_nothing_were(
    sweep_here: Callable[..., Ran], sweep_without_ray: Callable[..., Ran], tmp_path: Path
) -> None:
    words = ("search=random", "stop=none", "optimizer.lr=interval(0.01,0.1)", "budget.trials=1",
             "epochs=40", "model.dropout=0.2")  # fmt: skip
    calm = sweep_without_ray(*words, name="calm")
    folder = tmp_path / "killed" / "trials" / "0000"
    seen: dict[str, float] = {}

    def kill() -> None:
        until((folder / "epoch_001").exists)
        trials = [p for p in descendants(os.getpid()) if command(p).startswith("ray::ImplicitFunc")]
        until((folder / "epoch_005").exists)
        seen.update({p.name: (p / "state.pt").stat().st_mtime for p in folder.glob("epoch_*")})
        for process in trials:
            os.kill(process, signal.SIGKILL)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    killed = sweep_here(*words, name="killed")
    killer.join()
    assert len(seen) < 40, "it was over before it could be killed"
    assert untimed(rows(killed)) == untimed(rows(calm))
    kept = {name: (folder / name / "state.pt").stat().st_mtime for name in seen}
    assert kept == seen, "a finished epoch was trained again"
