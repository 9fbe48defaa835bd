"""The server is asked for what it has, run by run, in pages."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeps.tracking.sync import arrived
from sweeps.tracking.sync.arrived import WandbServer as Asked
from sweeps.tracking.wandb_connection import WandbSettings
from sweeps.tracking.wandb_runs import Runs
from tests.sweeps.tracking.tracked import CONFIG, HARD_LIMIT_S, UID, run_id, tracker, train
from tests.wandb_server import WandbServer
from trainers.errors import ConfigError

pytestmark = pytest.mark.machines


def test_what_a_server_has_is_told(
    folder: Path, server: WandbServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrived, "PAGE", 1)
    track = tracker(folder)
    for trial in ("0000", "0001"):
        track.trial_started(trial, CONFIG, 0)
        train(track, trial, folder, range(1, 4))
    track.trial_ended("0000", "failed", "why", {})
    track.close()
    server.runs[run_id("0001")].history.append({"_step": 3, "mine": 1})
    server.runs[run_id("0001")].exit_code = None
    settings = WandbSettings("s", UID, folder, "caviar", None, "online", HARD_LIMIT_S)
    with Runs(settings, note=lambda text: None, stop=lambda trial: None):
        asked = Asked(settings)
        found = asked.arrived([run_id("0000"), run_id("0001"), run_id("0002")])
        assert found.keys() == {run_id("0000"), run_id("0001")}
        first, second = found[run_id("0000")], found[run_id("0001")]
        assert first.rows == second.rows == {1: 1, 2: 1, 3: 1}
        assert (first.unread, second.unread) == (False, True)
        assert (first.finished, second.finished) == (True, False)
        assert first.summary["reason"] == "why"
        assert len(first.versions) == 3
        assert frozenset({"epoch-2", "best"}) in first.versions.values()
        assert asked.project_url == f"{server.url}/someone/caviar"
        server.answers = {"graphql": 403}
        with pytest.raises(ConfigError, match="does not take this key"):
            Asked(settings)
