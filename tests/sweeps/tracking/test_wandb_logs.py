"""What a kill has cut short is known by its logs, and the next session sends it, once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sweeps.tracking import wandb_logs
from sweeps.tracking.wandb_open_run import OpenRun
from tests.sweeps.tracking.tracked import (
    CONFIG,
    core_of,
    epochs_of,
    logs,
    outcome,
    read_back,
    run_id,
    tracker,
    train,
    trained,
)
from tests.sweeps.waiting import until
from tests.wandb_server import WandbServer

pytestmark = pytest.mark.machines


def versions(server: WandbServer, trial: str) -> list[bytes]:
    return [v.files["model.pt"] for v in server.artifacts.get(f"ckpt-{run_id(trial)}", [])]


def test_a_log_that_ended_in_order_is_not_cut_short(folder: Path) -> None:
    track = tracker(folder)
    track.trial_started("0000", CONFIG, 0)
    train(track, "0000", folder, range(1, 3))
    until(lambda: logs(folder, "0000"))
    assert track.lacking(["0000", "0001"]) == {"0000", "0001"}
    track.close()
    assert tracker(folder).lacking(["0000"]) == set()
    (log,) = wandb_logs.of_run(folder, run_id("0000"))
    assert wandb_logs.epochs(log) == {1, 2}
    assert wandb_logs.epochs(folder / "wandb" / "none" / "run-x.wandb") == set()


def test_rows_that_arrived_without_their_checkpoints_get_them(
    folder: Path, server: WandbServer
) -> None:
    """As uploads lag behind; the version that is there is none twice, and the best is known."""
    first = tracker(folder, checkpoints="none")
    first.trial_started("0000", CONFIG, 0)
    train(first, "0000", folder, range(1, 4))
    first.close()
    (log,) = wandb_logs.of_run(folder, run_id("0000"))
    Path(f"{log}.synced").unlink()  # as a kill leaves it
    for _ in range(2):
        track = tracker(folder)
        track.trial_started("0000", CONFIG, 3)
        track.trial_ended("0000", "complete", "", {"best_epoch": 2, "best_value": 0.52})
        track.close()
        assert tracker(folder).lacking(["0000"]) == set()
    run = server.runs[run_id("0000")]
    assert [row["epoch"] for row in run.history] == [1, 2, 3]
    assert (run.state, run.summary["state"]) == ("finished", "complete")
    assert versions(server, "0000") == [b"0000 1", b"0000 2", b"0000 3"]
    aliases = [set(v.aliases) for v in server.artifacts[f"ckpt-{run_id('0000')}"]]
    assert aliases == [{"epoch-1"}, {"epoch-2", "best"}, {"epoch-3", "latest"}]


def test_the_last_second_of_a_killed_offline_session_is_logged_again(folder: Path) -> None:
    first = tracker(folder)
    first.trial_started("0000", CONFIG, 0)
    train(first, "0000", folder, range(1, 3))
    first.close()
    (log,) = logs(folder, "0000")
    Path(f"{log}.whole").unlink()
    trained("0000", folder, 3)  # on record, and not in the log
    second = tracker(folder)
    second.trial_started("0000", CONFIG, 3)
    train(second, "0000", folder, range(4, 5))
    second.trial_ended("0000", "complete", "", {})
    second.close()
    assert epochs_of(read_back(folder, "0000")) == [1, 2, 3, 4]


def test_wandb_core_killed_online_costs_no_epoch_and_no_checkpoint(
    folder: Path, server: WandbServer
) -> None:
    track = tracker(folder)
    track.trial_started("0000", CONFIG, 0)
    train(track, "0000", folder, range(1, 3))
    until(lambda: len(versions(server, "0000")) == 2)
    core = core_of(track)
    core.kill()
    train(track, "0000", folder, range(3, 6))  # into the void, or a new core
    core.wait()
    train(track, "0000", folder, range(6, 7))
    track.trial_ended("0000", "complete", "", {"best_epoch": 2})
    track.close()
    run = server.runs[run_id("0000")]
    assert [row["epoch"] for row in run.history] == [1, 2, 3, 4, 5, 6]
    assert versions(server, "0000") == [f"0000 {n}".encode() for n in range(1, 7)]


def test_wandb_core_killed_while_a_trial_ends_leaves_its_run_ended(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    track = tracker(folder)
    track.trial_started("0000", CONFIG, 0)
    train(track, "0000", folder, range(1, 3))
    until(lambda: logs(folder, "0000") and epochs_of(read_back(folder, "0000")) == [1, 2])
    core, summarise = core_of(track), OpenRun.summarise

    def killed_within(run: OpenRun, summary: Mapping[str, Any]) -> None:
        if core.poll() is None:
            core.kill()
            core.wait()
            raise ConnectionResetError
        summarise(run, summary)

    monkeypatch.setattr(OpenRun, "summarise", killed_within)
    track.trial_ended("0000", "complete", "", {"best_epoch": 2, "best_value": 0.52})
    track.close()
    assert outcome(folder, "0000")["exit_code"] == 0
    assert not [note for note in track.notes() if "could not be logged" in note]
