"""Servers and wandb-cores that go away cost no epoch, and are noted once."""

from __future__ import annotations

import signal
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from sweeps.tracking.wandb_connection import has_key
from sweeps.tracking.wandb_process import Core
from tests.sweeps.tracking.tracked import (
    CONFIG,
    HARD_LIMIT_S,
    SOON_S,
    core_of,
    epochs_of,
    logs,
    outcome,
    read_back,
    renewed_or_given_up,
    run_id,
    summary_of,
    tracker,
    train,
    trained,
    upload,
)
from tests.sweeps.waiting import until
from tests.wandb_server import WandbServer

pytestmark = pytest.mark.machines


@pytest.mark.parametrize("trouble", ["refused connection", "no answer", "refused key"])
def test_a_server_lost_from_the_start_means_offline_and_one_note(
    folder: Path, server: WandbServer, trouble: str
) -> None:
    if trouble == "refused connection":
        server.stop()
    elif trouble == "no answer":
        server.delay_s = 2 * HARD_LIMIT_S
    else:
        server.refuse_key = True
    track = tracker(folder, init_timeout_s=SOON_S)
    for trial in ("0000", "0001"):
        track.trial_started(trial, CONFIG, 0)
        train(track, trial, folder, range(1, 4))
        track.trial_ended(trial, "complete", "", {})
    track.close()
    offline, how = track.notes()
    assert offline.startswith("W&B: offline from here on, the server did not take the run (")
    assert how.startswith("W&B: upload later with: make sync SWEEP=")
    for trial in ("0000", "0001"):
        assert epochs_of(read_back(folder, trial)) == [1, 2, 3]
        assert outcome(folder, trial)["state"] == "finished"


def test_a_server_lost_in_the_middle_loses_no_epoch(
    folder: Path, server: WandbServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.cut = {"stream"}  # wandb's own sync sends each row once more that has come before
    track = tracker(folder)
    track.trial_started("0000", CONFIG, 0)
    train(track, "0000", folder, range(1, 3))
    until(lambda: len(server.artifacts.get(f"ckpt-{run_id('0000')}", [])) == 2)
    server.stop()
    server.cut = set()
    connection = track._runs.connection
    hasty = replace(connection._settings, init_timeout_s=SOON_S)
    monkeypatch.setattr(connection, "_settings", hasty)
    train(track, "0000", folder, range(3, 6))
    track.trial_started("0001", CONFIG, 0)  # which the server cannot take
    train(track, "0001", folder, range(1, 3))
    train(track, "0000", folder, range(6, 8))
    track.trial_ended("0000", "complete", "", {})
    track.trial_ended("0001", "complete", "", {})
    track.close()
    told = track.notes()  # a slow machine may add that not all was uploaded in time
    assert sum("offline from here on" in note for note in told) == 1
    assert "make sync" in told[-1]
    assert epochs_of(read_back(folder, "0000")) == list(range(1, 8))
    assert epochs_of(read_back(folder, "0001")) == [1, 2]

    server.start()
    upload(folder)
    run = server.runs[run_id("0000")]
    assert [row["epoch"] for row in run.history] == list(range(1, 8))
    assert (run.exit_code, run.summary["best_epoch"]) == (0, 2)
    versions = server.artifacts[f"ckpt-{run_id('0000')}"]
    assert {v.files["model.pt"] for v in versions} == {f"0000 {k}".encode() for k in range(1, 8)}


def test_what_a_killed_driver_has_not_sent_is_sent_when_its_trial_goes_on(
    folder: Path, server: WandbServer
) -> None:
    """The server has epoch 1 of three; the trial goes on with the fourth."""
    first = tracker(folder)
    first.trial_started("0000", CONFIG, 0)
    train(first, "0000", folder, range(1, 2))
    until(lambda: len(server.artifacts.get(f"ckpt-{run_id('0000')}", [])) == 1)
    first.close()
    assert [row["epoch"] for row in server.runs[run_id("0000")].history] == [1]
    for epoch in (2, 3):  # which the driver had on record when it was killed
        trained("0000", folder, epoch)
    second = tracker(folder)
    second.trial_started("0000", CONFIG, 3)
    train(second, "0000", folder, range(4, 6))
    second.trial_ended("0000", "complete", "", {})
    second.close()
    run = server.runs[run_id("0000")]
    assert [row["epoch"] for row in run.history] == [1, 2, 3, 4, 5]
    assert run.state == "finished"
    versions = server.artifacts[f"ckpt-{run_id('0000')}"]
    assert [v.files["model.pt"] for v in versions] == [f"0000 {k}".encode() for k in range(1, 6)]


@pytest.mark.parametrize(
    ("end", "told"),
    [
        (signal.SIGKILL, ["W&B: wandb-core died and was started again"]),
        (signal.SIGTERM, []),  # a stopped job of Ray: whoever has stopped it knows
    ],
)
def test_wandb_core_ended_in_the_middle_is_started_again(
    end: signal.Signals, told: list[str], folder: Path
) -> None:
    track = tracker(folder)
    track.trial_started("0000", CONFIG, 0)
    train(track, "0000", folder, range(1, 3))
    until(lambda: logs(folder, "0000"))
    until(lambda: epochs_of(read_back(folder, "0000")) == [1, 2])
    core = core_of(track)
    core.send_signal(end)
    core.wait()  # what is logged in the instant of its death may be lost, as the note says
    train(track, "0000", folder, range(3, 6))
    track.trial_started("0001", CONFIG, 0)
    train(track, "0001", folder, range(1, 3))
    track.trial_ended("0000", "complete", "", {})
    track.trial_ended("0001", "complete", "", {})
    track.close()
    notes = track.notes()
    assert [note for note in notes if "died" in note] == told
    records = read_back(folder, "0000")
    assert epochs_of(records) == [1, 2, 3, 4, 5]
    assert summary_of(records)["best_epoch"] == 2
    assert epochs_of(read_back(folder, "0001")) == [1, 2]
    assert outcome(folder, "0000")["exit_code"] == 0


def test_wandb_core_that_keeps_dying_is_given_up(folder: Path) -> None:
    track = tracker(folder)
    track.trial_started("0000", CONFIG, 0)
    for epoch in range(1, 7):
        until(lambda: track._records.empty())
        core = core_of(track)
        core.kill()
        core.wait()
        track.epoch("0000", epoch, {"val_acc": 0.5}, None, False)
        until(partial(renewed_or_given_up, track, core))
    track.close()
    assert sum("keeps dying; no longer logging" in note for note in track.notes()) == 1


def test_what_wandb_refuses_is_noted_once_and_the_rest_goes_on(folder: Path) -> None:
    track = tracker(folder)
    track.trial_started("0000", CONFIG, 0)
    for epoch in (1, 2, 3):
        track.epoch("0000", epoch, {"val_acc": 0.5}, folder / "gone", False)
    track.trial_ended("0000", "complete", "", {})
    track.trial_ended("never started", "infeasible", "no machine has 3 GPUs", {})
    track.close()
    assert sum("could not be logged" in note for note in track.notes()) == 1
    assert epochs_of(read_back(folder, "0000")) == [1, 2, 3]
    assert outcome(folder, "0000")["exit_code"] == 0


def test_without_a_key_it_says_so_and_a_login_file_counts_as_one(
    folder: Path, server: WandbServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WANDB_API_KEY")
    track = tracker(folder)
    track.close()
    assert track.notes() == ["W&B: offline, no API key is known"]
    login = tmp_path / "netrc"
    host = server.url.removeprefix("http://")
    login.write_text(f"machine {host}\n  login user\n  password {server.key}\n")
    login.chmod(0o600)
    monkeypatch.setenv("NETRC", str(login))
    track = tracker(folder)
    track.trial_started("0000", CONFIG, 0)
    track.trial_ended("0000", "complete", "", {})
    track.close()
    assert run_id("0000") in server.runs


def test_a_key_is_known_wherever_wandb_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has logged in at api.wandb.ai is known where that has moved."""
    for name in ("DATA", "CACHE"):
        monkeypatch.setenv(f"WANDB_{name}_DIR", str(tmp_path / name))
    core = Core()
    core.start()
    cloud = "https://api.forge.coreweave.com"
    assert not has_key(cloud)
    login = Path.home() / ".netrc"
    login.write_text(f"machine api.wandb.ai\n  login user\n  password {WandbServer.key}\n")
    login.chmod(0o600)
    assert has_key(cloud)
    assert not has_key("https://wandb.example.org")
    login.rename(tmp_path / "mine")
    monkeypatch.setenv("NETRC", "~/../mine")
    assert has_key(cloud)
    login.write_text("machine api.wandb.ai\n  login user\n  password short\n")
    login.chmod(0o600)
    monkeypatch.delenv("NETRC")
    assert has_key(cloud), "wandb says what is wrong with it"
    login.unlink()
    core.teardown()
    for name in ("DATA", "CACHE"):
        monkeypatch.delenv(f"WANDB_{name}_DIR")


@pytest.mark.parametrize("how", ["mode", "environment"])
def test_offline_can_be_asked_for(
    folder: Path, server: WandbServer, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if how == "environment":
        monkeypatch.setenv("WANDB_MODE", "offline")
    track = tracker(folder, mode="offline" if how == "mode" else "auto")
    track.trial_started("0000", CONFIG, 0)
    track.trial_ended("0000", "complete", "", {})
    track.close()
    assert server.requests == 0
    assert len(logs(folder, "0000")) == 1
