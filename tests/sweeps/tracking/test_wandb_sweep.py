"""A W&B sweep is made once, and holds the trials' runs under ids of ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeps.tracking import Varied
from tests.sweeps.tracking.tracked import (
    CONFIG,
    SOON_S,
    epochs_of,
    read_back,
    results,
    run_id,
    tracker,
    train,
)
from tests.wandb_server import WandbServer

pytestmark = pytest.mark.machines

VARIED = Varied(
    "val_acc",
    True,
    {
        "choices.optimizer": {"values": ["adamw", "sgd"]},
        "optimizer.lr": {"min": 1e-4, "max": 0.1, "log": True, "integer": False},
        "optimizer.momentum": {"min": 0.5, "max": 0.9, "log": False, "integer": False},
        "model.width": {"min": 16, "max": 64, "log": False, "integer": True},
        "<script>": {"values": [None, True, [8, 16]]},
    },
)


def test_the_runs_of_all_sessions_belong_to_one_sweep(folder: Path, server: WandbServer) -> None:
    for session in ("0000", "0001"):
        track = tracker(folder, sweep=True, checkpoints="none")
        track.sweep_started(VARIED)
        track.trial_started(session, CONFIG, 0)
        train(track, session, folder, range(1, 3))
        track.trial_ended(session, "complete", "", {})
        track.sweep_ended(results({}))
        track.close()
    ((name, config),) = server.sweeps.items()
    assert (config["name"], config["metric"]) == (
        "quick start",
        {"name": "val_acc", "goal": "maximize"},
    )
    optimizer = config["parameters"]["optimizer"]["parameters"]
    assert optimizer["lr"] == {"distribution": "log_uniform_values", "min": 1e-4, "max": 0.1}
    assert optimizer["momentum"]["distribution"] == "uniform"
    width = config["parameters"]["model"]["parameters"]["width"]
    assert width == {"distribution": "int_uniform", "min": 16, "max": 64}
    choices = config["parameters"]["choices"]["parameters"]
    assert choices == {"optimizer": {"values": ["adamw", "sgd"]}}
    assert config["parameters"]["<script>"] == {"values": [None, True, [8, 16]]}
    assert [server.runs[run_id(trial)].sweep for trial in ("0000", "0001")] == [name, name]
    assert server.runs[run_id("summary")].sweep == ""
    assert server.unknown == []


def test_nobody_asked_for_one(folder: Path, server: WandbServer) -> None:
    track = tracker(folder, checkpoints="none")
    track.sweep_started(VARIED)
    track.trial_started("0000", CONFIG, 0)
    track.close()
    assert server.sweeps == {}
    assert server.runs[run_id("0000")].sweep == ""


def test_offline_it_is_said_once_and_the_runs_are_kept(folder: Path) -> None:
    track = tracker(folder, sweep=True)
    track.sweep_started(VARIED)
    track.trial_started("0000", CONFIG, 0)
    track.trial_ended("0000", "complete", "", {})
    track.close()
    said = [note for note in track.notes() if "track.sweep" in note]
    assert said == [
        "W&B: track.sweep=true needs the server: offline, the runs belong to no W&B sweep"
    ]


def test_without_the_server_the_runs_are_kept(folder: Path, server: WandbServer) -> None:
    server.stop()
    track = tracker(folder, sweep=True, checkpoints="none", init_timeout_s=SOON_S)
    track.sweep_started(VARIED)
    track.trial_started("0000", CONFIG, 0)
    train(track, "0000", folder, range(1, 3))
    track.trial_ended("0000", "complete", "", {})
    track.close()
    assert any("the server did not take it" in note for note in track.notes())
    assert epochs_of(read_back(folder, "0000")) == [1, 2]


def test_a_server_that_refuses_it_costs_no_run(
    folder: Path, server: WandbServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_upsert_sweep", lambda variables: {})
    track = tracker(folder, sweep=True, checkpoints="none")
    track.sweep_started(VARIED)
    track.trial_started("0000", CONFIG, 0)
    track.trial_ended("0000", "complete", "", {})
    track.close()
    assert any("the server did not take it" in note for note in track.notes())
    assert server.runs[run_id("0000")].state == "finished"
