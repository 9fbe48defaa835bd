"""A run is opened again after its end, and can be asked to stop."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.sweeps.tracking.tracked import (
    CONFIG,
    run_id,
    tracker,
    train,
)
from tests.wandb_server import WandbServer

pytestmark = pytest.mark.machines


def test_a_trial_may_be_started_again_after_it_ended(folder: Path, server: WandbServer) -> None:
    track = tracker(folder)
    track.trial_started("0000", CONFIG, 0)
    train(track, "0000", folder, range(1, 3))
    track.trial_ended("0000", "failed", "out of memory", {})
    track.trial_started("0000", CONFIG, 2)
    train(track, "0000", folder, range(1, 4))
    track.trial_ended("0000", "complete", "", {})
    track.close()
    run = server.runs[run_id("0000")]
    assert [row["epoch"] for row in run.history] == [1, 2, 3]
    assert (run.exit_code, run.summary["state"]) == (0, "complete")


def test_stop_in_the_ui_asks_the_driver_for_that_trial(
    folder: Path, server: WandbServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from wandb.sdk.lib.run_stopping import RunStopChecker

    defaults = RunStopChecker.__init__.__kwdefaults__
    assert defaults
    monkeypatch.setitem(defaults, "poll_interval", 0.1)
    track = tracker(folder)
    for trial in ("0000", "0001"):
        track.trial_started(trial, CONFIG, 0)
        train(track, trial, folder, range(1, 2))
    assert track.stop_requests() == set()
    server.stop_runs.add(run_id("0001"))
    epoch = 1
    while not track.stop_requests():
        epoch += 1
        track.epoch("0001", epoch, {"val_acc": 0.5}, None, False)
        time.sleep(0.1)
    assert track.stop_requests() == {"0001"}
    track.trial_ended("0001", "stopped", "asked for in W&B", {})
    assert track.stop_requests() == set()
    track.close()
    assert server.runs[run_id("0001")].exit_code == 0
