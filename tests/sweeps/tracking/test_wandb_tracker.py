"""The tracker neither raises nor waits."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.sweeps.tracking.tracked import (
    CONFIG,
    HARD_LIMIT_S,
    core_of,
    epochs_of,
    read_back,
    run_id,
    tracker,
    train,
)
from tests.sweeps.waiting import until
from tests.wandb_server import WandbServer

pytestmark = pytest.mark.machines


def test_a_server_that_hangs_holds_up_neither_calls_nor_the_end(
    folder: Path, server: WandbServer
) -> None:
    track = tracker(folder, close_timeout_s=4.0)
    track.trial_started("0000", CONFIG, 0)
    until(lambda: run_id("0000") in server.runs)
    server.delay_s = 2 * HARD_LIMIT_S  # whatever waits for an answer breaks the hard limit
    train(track, "0000", folder, range(1, 200))
    track.trial_ended("0000", "complete", "", {})
    track.close()
    core = core_of(track)
    assert core.wait() == -signal.SIGKILL
    assert not track._thread.is_alive()
    _found, late, how = track.notes()
    assert late == "W&B: not wholly uploaded in time: 1 run(s)"
    assert how.startswith("W&B: upload later with: make sync SWEEP='quick start' ARGS=")
    assert epochs_of(read_back(folder, "0000")) == list(range(1, 200))


def test_an_unknown_mode_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"track\.mode must be .* not onlin;.*track=none"):
        tracker(folder, mode="onlin")


def test_other_checkpoints_than_there_are_are_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"track\.checkpoints must be all, best or none, not som"):
        tracker(folder, checkpoints="some")
