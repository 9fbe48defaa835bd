"""The W&B tracker, against wandb's own files on disk and a stand-in server."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hydra.utils import instantiate
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from sweeps.redaction import redacted, redacted_text
from sweeps.tracking import NullTracker, Table, Tracker, WandbTracker
from sweeps.tracking.wandb_media import cells
from tests.sweeps.waiting import MOST_S, until
from tests.wandb_server import WandbServer
from trainers.files.histograms import Histogram, save

pytestmark = pytest.mark.machines

ROOT = Path(__file__).parents[2]
UID = "k3j9x2ab"
CONFIG = {"optimizer": {"lr": 0.1}, "study": "postgresql://me:hunter2@host/study"}
TRIALS = Table(("id", "val_acc", "note"), (("0000", 0.9, None), ("0001", 0.8, "stopped")))
IMPORTANCES = Table(("parameter", "fanova"), (("optimizer.lr", 0.7), ("model.width", 0.3)))
#: Of one test. Whatever waits for a server that does not answer breaks it.
HARD_LIMIT_S = MOST_S
#: Seconds after which a server that is to be given up is.
SOON_S = 1.0


@pytest.fixture(autouse=True)
def surroundings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[None]:
    """No key, an empty home, a hard limit, and nothing printed by any test's tracker."""
    for name in [name for name in os.environ if name.startswith("WANDB")]:
        monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("NETRC", raising=False)
    # A stop in the UI reaches a client with its next file stream: ask more often than each 15 s.
    monkeypatch.setenv("WANDB__FILE_STREAM_TRANSMIT_INTERVAL", "0.2")
    # For wandb-core to start. It is 30 s otherwise, which a busy machine may take.
    monkeypatch.setenv("WANDB__SERVICE_WAIT", str(HARD_LIMIT_S))

    def give_up(number: int, frame: object) -> None:
        raise TimeoutError(f"the test took more than {HARD_LIMIT_S:g} s")

    signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, HARD_LIMIT_S)
    # As under Hydra: what wandb logs must not come out of the driver's own handlers.
    console = logging.StreamHandler(sys.stdout)
    logging.getLogger().addHandler(console)
    yield
    logging.getLogger().removeHandler(console)
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert capfd.readouterr() == ("", "")
    assert [path.name for path in home.iterdir() if path.name != "wandb"] == []
    ours = {"_FILE_STREAM_TRANSMIT_INTERVAL", "_SERVICE_WAIT", "BASE_URL", "API_KEY", "MODE"}
    left = {name for name in os.environ if name.startswith("WANDB")}
    assert left <= {f"WANDB_{name}" for name in ours}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[WandbServer]:
    with WandbServer() as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        monkeypatch.setenv("WANDB_API_KEY", server.key)
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "results" / "quick start"
    path.mkdir(parents=True)
    return path


def tracker(folder: Path, **options: Any) -> WandbTracker:
    limits = {"init_timeout_s": HARD_LIMIT_S, "close_timeout_s": HARD_LIMIT_S}
    return WandbTracker("quick start", UID, folder, **(limits | options))


def run_id(trial: str) -> str:
    return f"quick-start-{UID}-{trial}"


def train(track: Tracker, trial: str, folder: Path, epochs: range, best: int = 2) -> None:
    """Report epochs, each with a checkpoint of its own content."""
    for epoch in epochs:
        checkpoint = folder / "trials" / trial / f"epoch_{epoch:03}"
        checkpoint.mkdir(parents=True, exist_ok=True)
        (checkpoint / "model.pt").write_bytes(f"{trial} {epoch}".encode())
        metrics = {"val_acc": 0.5 + epoch / 100, "val_loss": 1.0 / epoch}
        track.epoch(trial, epoch, metrics, checkpoint, epoch == best)


def core_of(track: WandbTracker) -> subprocess.Popen[bytes]:
    until(lambda: track._runs.core._process)
    process = track._runs.core._process
    assert process is not None
    return process


def renewed_or_given_up(track: WandbTracker, core: subprocess.Popen[bytes]) -> bool:
    return core_of(track) is not core or not track._runs._works


def wandb_command(*arguments: str | Path) -> str:
    command = [str(Path(sys.executable).with_name("wandb")), *map(str, arguments)]
    home = os.environ["HOME"]  # for the log it writes
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=home).stdout


def upload_as_noted(note: str, folder: Path) -> None:
    command = note.removeprefix("W&B: upload later with: ")
    own = {"WANDB_CACHE_DIR": str(folder / "cache"), "WANDB_DIR": str(folder / "cache")}
    options: dict[str, Any] = {"env": os.environ | own, "capture_output": True}
    subprocess.run(command, shell=True, check=True, **options)


def logs(folder: Path, trial: str) -> list[Path]:
    """The logs of a trial's run, oldest first."""
    found = folder.glob(f"wandb/*run-2*/run-{run_id(trial)}.wandb")
    # Not by the stamps in their names: those are seconds, and a run may be opened twice in one.
    return sorted(found, key=lambda log: log.stat().st_mtime_ns)


def read_back(folder: Path, trial: str) -> list[dict[str, Any]]:
    """All records of a trial's run on disk, by wandb's own reader."""
    read = [wandb_command("leet", "inspect", "--json", log) for log in logs(folder, trial)]
    return [json.loads(line) for records in read for line in records.splitlines()]


def outcome(folder: Path, trial: str) -> dict[str, Any]:
    """What wandb's own reader makes of the last log of a trial's run."""
    log = logs(folder, trial)[-1]
    read: dict[str, Any] = json.loads(wandb_command("leet", "inspect", "--summary", "--json", log))
    return read


def of_kind(records: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [record[kind] for record in records if record["type"] == kind]


def epochs_of(records: list[dict[str, Any]]) -> list[int]:
    return [row["item"]["epoch"] for row in of_kind(records, "history")]


def summary_of(records: list[dict[str, Any]]) -> dict[str, Any]:
    summary: dict[str, Any] = {}
    for record in of_kind(records, "summary"):
        summary |= record["update"]
    return summary


def test_histograms_go_with_their_epoch(folder: Path) -> None:
    """Those that the trainer kept beside the checkpoints, where they are asked for."""
    trial = folder / "trials" / "0000"
    for epoch in (1, 2):
        (trial / f"epoch_{epoch:03d}").mkdir(parents=True)
        drawn = {"weights/w": Histogram(-1.0, 3.0, (5, 0, 2, epoch))}
        save(trial, epoch, drawn | {"gradients/b": Histogram(2.0, 2.0, (7, 0, 0, 0))})
    for wanted in (True, False):
        track = tracker(folder, histograms=wanted, checkpoints=False)
        name = f"00{wanted:02d}"
        track.trial_started(name, CONFIG, 0)
        for epoch in (1, 2):
            track.epoch(name, epoch, {"val_accuracy": 0.5}, trial / f"epoch_{epoch:03d}", True)
        track.trial_ended(name, "complete", "", {})
        track.close()
        items = [row["item"] for row in of_kind(read_back(folder, name), "history")]
        if wanted:
            assert [i["weights/w.values"] for i in items] == [[5, 0, 2, 1], [5, 0, 2, 2]]
            assert items[0]["weights/w.bins"] == [-1.0, 0.0, 1.0, 2.0, 3.0]
            assert [i["gradients/b.values"][0] for i in items] == [7, 7]
        else:
            assert not any(key.startswith(("weights", "gradients")) for i in items for key in i)


def test_an_offline_sweep_is_on_disk_whole(folder: Path) -> None:
    track = tracker(folder)
    for trial in ("0000", "0001", "0002"):
        track.trial_started(trial, CONFIG, 0)
        train(track, trial, folder, range(1, 4))
    track.trial_ended("0000", "complete", "", {"test_acc": 0.9})
    track.trial_ended("0001", "stopped", "ASHA: not among the best third at epoch 3", {})
    track.trial_ended("0002", "diverged", "val_loss is nan at epoch 4", {})
    track.close()

    records = read_back(folder, "0000")
    (run,) = of_kind(records, "run")[:1]
    assert (run["run_id"], run["display_name"]) == (run_id("0000"), "0000")
    assert (run["run_group"], run["job_type"]) == ("quick start", "trial")
    config = run["config"]["update"]
    assert config["optimizer"] == {"lr": 0.1}
    assert (config["trial"], config["sweep"]) == ("0000", "quick start")
    everything_by_epoch = {"glob_name": "*", "step_metric": "epoch"}
    assert any(everything_by_epoch.items() <= m.items() for m in of_kind(records, "metric"))
    rows = [row["item"] for row in of_kind(records, "history")]
    assert [(row["epoch"], row["val_acc"]) for row in rows] == [(1, 0.51), (2, 0.52), (3, 0.53)]
    summary = summary_of(records)
    assert (summary["best_epoch"], summary["best_val_acc"]) == (2, 0.52)
    assert (summary["state"], summary["test_acc"]) == ("complete", 0.9)
    versions = of_kind(records, "artifact")
    assert {version["name"] for version in versions} == {f"ckpt-{run_id('0000')}"}
    assert [set(version["aliases"]) for version in versions] == [
        {"latest", "epoch-1"},
        {"latest", "epoch-2", "best"},
        {"latest", "epoch-3"},
    ]
    (file,) = versions[0]["manifest"]["contents"]
    assert file["local_path"] == str(folder / "trials/0000/epoch_001/model.pt")  # not a copy

    assert (outcome(folder, "0000")["exit_code"], outcome(folder, "0000")["tags"]) == (0, [])
    stopped = outcome(folder, "0001")
    assert (stopped["exit_code"], stopped["tags"]) == (0, ["early-stopped"])
    assert stopped["summary"]["reason"] == "ASHA: not among the best third at epoch 3"
    diverged = outcome(folder, "0002")
    assert (diverged["exit_code"], diverged["summary"]["state"]) == (1, "diverged")


def test_a_resumed_offline_sweep_is_uploaded_as_noted_without_an_epoch_twice(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = tracker(folder)
    first.trial_started("0000", CONFIG, 0)
    train(first, "0000", folder, range(1, 3))
    first.close()
    empty = folder / "wandb/offline-run-20200101_000000-killed"  # as a SIGKILL leaves behind
    empty.mkdir()
    (empty / "run-killed.wandb").write_bytes(logs(folder, "0000")[0].read_bytes()[:7])
    os.utime(empty / "run-killed.wandb", (0, 0))
    second = tracker(folder)
    second.trial_started("0000", CONFIG, 2)
    train(second, "0000", folder, range(2, 5))
    second.trial_ended("0000", "complete", "", {})
    second.sweep_ended({"trials": 1}, TRIALS, IMPORTANCES)
    second.close()
    assert len(logs(folder, "0000")) == 2
    assert epochs_of(read_back(folder, "0000")) == [1, 2, 3, 4]

    *_, upload = second.notes()
    with WandbServer() as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        monkeypatch.setenv("WANDB_API_KEY", server.key)
        upload_as_noted(upload, folder)
    run = server.runs[run_id("0000")]
    assert [row["epoch"] for row in run.history] == [1, 2, 3, 4]
    assert run.state == "finished"
    versions = server.artifacts[f"ckpt-{run_id('0000')}"]
    contents = [version.files["model.pt"] for version in versions]
    assert contents == [b"0000 1", b"0000 2", b"0000 3", b"0000 4"]
    assert server.runs[run_id("summary")].summary["trials"] == 1


def test_a_trial_that_waited_and_was_ended_is_known_as_ended(
    folder: Path, server: WandbServer
) -> None:
    track = tracker(folder)
    track.trial_started("0000", CONFIG, 0)
    train(track, "0000", folder, range(1, 3))
    track.trial_ended("0000", "paused", "", {})
    track.trial_ended("0000", "stopped", "not promoted after epoch 2", {"best_epoch": 2})
    track.close()
    run = server.runs[run_id("0000")]
    assert run.summary["state"] == "stopped"
    assert run.summary["reason"] == "not promoted after epoch 2"
    assert [row["epoch"] for row in run.history] == [1, 2]
    assert run.config["optimizer"] == CONFIG["optimizer"]
    assert run.state == "finished"


def test_online_the_server_has_it_all(folder: Path, server: WandbServer) -> None:
    track = tracker(folder)
    for trial, state in (("0000", "complete"), ("0001", "stopped"), ("0002", "failed")):
        track.trial_started(trial, CONFIG, 0)
        train(track, trial, folder, range(1, 4))
        track.trial_ended(trial, state, "why", {})
    track.sweep_ended({"trials": 3, "best": {"trial": "0000"}}, TRIALS, IMPORTANCES)
    track.close()

    runs = server.runs
    assert list(runs) == [run_id(name) for name in ("0000", "0001", "0002", "summary")]
    first = runs[run_id("0000")]
    assert (first.project, first.group, first.job_type) == ("caviar", "quick start", "trial")
    assert (first.config["trial"], first.config["optimizer"]) == ("0000", {"lr": 0.1})
    assert [(row["epoch"], row["val_acc"]) for row in first.history] == [
        (1, 0.51),
        (2, 0.52),
        (3, 0.53),
    ]
    assert (first.summary["best_epoch"], first.summary["state"]) == (2, "complete")
    assert [runs[run_id(t)].exit_code for t in ("0000", "0001", "0002")] == [0, 0, 1]
    assert runs[run_id("0001")].tags == ["early-stopped"]
    versions = server.artifacts[f"ckpt-{run_id('0000')}"]
    assert [(set(v.aliases), v.files["model.pt"]) for v in versions] == [
        ({"epoch-1"}, b"0000 1"),
        ({"epoch-2", "best"}, b"0000 2"),
        ({"epoch-3", "latest"}, b"0000 3"),
    ]
    sweep = runs[run_id("summary")]
    assert (sweep.job_type, sweep.group, sweep.summary["trials"]) == ("summary", "quick start", 3)
    assert sweep.summary["tables/trials"]["nrows"] == 2
    assert "importance" in sweep.config["_wandb"]["visualize"]
    tables = [v.files for name, vs in server.artifacts.items() if "tables" in name for v in vs]
    shown = [json.loads(content)["data"] for files in tables for content in files.values()]
    assert [list(row) for row in TRIALS.rows] in shown
    assert server.unknown == []
    assert track.notes() == [f"W&B: {server.url}/someone/caviar"]


def test_an_online_run_goes_on_after_a_resume(folder: Path, server: WandbServer) -> None:
    first = tracker(folder)
    first.trial_started("0000", CONFIG, 0)
    train(first, "0000", folder, range(1, 3))
    first.close()
    assert server.runs[run_id("0000")].exit_code == 255  # interrupted
    second = tracker(folder)
    second.trial_started("0000", CONFIG, 2)
    train(second, "0000", folder, range(1, 5))
    second.trial_ended("0000", "complete", "", {})
    second.close()
    run = server.runs[run_id("0000")]
    assert [row["epoch"] for row in run.history] == [1, 2, 3, 4]
    assert run.exit_code == 0
    assert len(server.artifacts[f"ckpt-{run_id('0000')}"]) == 4


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
    offline, upload = track.notes()
    assert offline.startswith("W&B: offline from here on, the server did not take the run (")
    assert "wandb sync" in upload
    for trial in ("0000", "0001"):
        assert epochs_of(read_back(folder, trial)) == [1, 2, 3]
        assert outcome(folder, trial)["state"] == "finished"


def test_a_server_lost_in_the_middle_loses_no_epoch(
    folder: Path, server: WandbServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    track = tracker(folder)
    track.trial_started("0000", CONFIG, 0)
    train(track, "0000", folder, range(1, 3))
    until(lambda: len(server.artifacts.get(f"ckpt-{run_id('0000')}", [])) == 2)
    server.stop()
    monkeypatch.setattr(track._runs, "_place", replace(track._runs._place, init_timeout_s=SOON_S))
    train(track, "0000", folder, range(3, 6))
    track.trial_started("0001", CONFIG, 0)  # which the server cannot take
    train(track, "0001", folder, range(1, 3))
    train(track, "0000", folder, range(6, 8))
    track.trial_ended("0000", "complete", "", {})
    track.trial_ended("0001", "complete", "", {})
    track.close()
    told = track.notes()  # a slow machine may add that not all was uploaded in time
    assert sum("offline from here on" in note for note in told) == 1
    upload = told[-1]
    assert epochs_of(read_back(folder, "0000")) == list(range(1, 8))
    assert epochs_of(read_back(folder, "0001")) == [1, 2]

    server.start()
    upload_as_noted(upload, folder)
    run = server.runs[run_id("0000")]
    assert [row["epoch"] for row in run.history] == list(range(1, 8))
    assert (run.exit_code, run.summary["best_epoch"]) == (0, 2)
    versions = server.artifacts[f"ckpt-{run_id('0000')}"]
    assert {v.files["model.pt"] for v in versions} == {f"0000 {k}".encode() for k in range(1, 8)}


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
    _found, late, upload = track.notes()
    assert late == "W&B: not wholly uploaded in time: 1 run(s)"
    assert "wandb sync --include-online" in upload
    assert epochs_of(read_back(folder, "0000")) == list(range(1, 200))


def test_wandb_core_killed_in_the_middle_is_started_again(folder: Path) -> None:
    track = tracker(folder)
    track.trial_started("0000", CONFIG, 0)
    train(track, "0000", folder, range(1, 3))
    until(lambda: logs(folder, "0000"))
    until(lambda: epochs_of(read_back(folder, "0000")) == [1, 2])
    core = core_of(track)
    core.send_signal(signal.SIGKILL)
    core.wait()  # what is logged in the instant of its death may be lost, as the note says
    train(track, "0000", folder, range(3, 6))
    track.trial_started("0001", CONFIG, 0)
    train(track, "0001", folder, range(1, 3))
    track.trial_ended("0000", "complete", "", {})
    track.trial_ended("0001", "complete", "", {})
    track.close()
    notes = track.notes()
    assert [note for note in notes if "died" in note] == [
        "W&B: wandb-core died and was started again; a second of logs may be missing"
    ]
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


def test_no_secret_is_in_any_file_or_sent(folder: Path, server: WandbServer) -> None:
    track = tracker(folder)
    config = {**CONFIG, "wandb": {"api_key": server.key}, "command": f"KEY={server.key} train"}
    track.trial_started("0000", config, 0)
    train(track, "0000", folder, range(1, 3))
    track.trial_ended("0000", "failed", "cannot reach redis://:hunter2@host", {})
    track.close()
    server.stop()
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert any(path.suffix == ".wandb" for path in files)
    run = server.runs[run_id("0000")]
    places = [path.read_bytes() for path in files]
    places += [repr(run).encode(), repr(track.notes()).encode(), *run.files.values()]
    for secret in (server.key.encode(), b"hunter2"):
        assert not any(secret in place for place in places)
    assert run.summary["reason"] == "cannot reach redis://:***@host"


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


def test_an_unknown_mode_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"track\.mode must be .* not 'onlin'.*track=none"):
        tracker(folder, mode="onlin")


SILENT_SWEEP = """
import os, sys
from pathlib import Path
from hydra.utils import instantiate
from omegaconf import OmegaConf
config = OmegaConf.load(sys.argv[1])
track = instantiate(config, sweep="s", uid="u", folder=Path(sys.argv[2]))
track.trial_started("0000", {}, 0)
track.epoch("0000", 1, {"val_acc": 0.5}, None, True)
track.trial_ended("0000", "complete", "", {})
track.close()
print("wandb" in sys.modules, *track.notes())
"""


@pytest.mark.parametrize(
    ("group", "mode", "said"),
    [
        ("none", "auto", "False"),
        ("wandb", "disabled", "False W&B: off (WANDB_MODE=disabled)"),
    ],
)
def test_wandb_is_never_imported_when_nothing_is_logged(
    folder: Path, group: str, mode: str, said: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SILENT_SWEEP, str(ROOT / f"conf/track/{group}.yaml"), str(folder)],
        cwd=ROOT,
        env={**os.environ, "WANDB_MODE": mode},
        capture_output=True,
        text=True,
    )
    assert (done.stdout.strip(), done.stderr) == (said, "")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(("group", "kind"), [("none", NullTracker), ("wandb", WandbTracker)])
def test_each_config_builds_its_tracker(folder: Path, group: str, kind: type[Tracker]) -> None:
    path = ROOT / "conf" / "track" / f"{group}.yaml"
    assert path.read_text().startswith(f'# make sweep ARGS="track={group}"\n')
    track = instantiate(OmegaConf.load(path), sweep="s", uid=UID, folder=folder)
    assert isinstance(track, kind)
    track.close()
    track.close()  # again: nothing


def test_a_driver_killed_outright_leaves_its_epochs(folder: Path) -> None:
    script = (
        "import sys, time; from sweeps.tracking import WandbTracker\n"
        f"track = WandbTracker('quick start', {UID!r}, sys.argv[1])\n"
        "track.trial_started('0000', {}, 0)\n"
        "track.epoch('0000', 1, {'val_acc': 0.5}, None, True)\n"
        "time.sleep(3600)"
    )
    driver = subprocess.Popen([sys.executable, "-c", script, str(folder)], cwd=ROOT)
    until(lambda: logs(folder, "0000"))
    until(lambda: epochs_of(read_back(folder, "0000")) == [1])
    driver.kill()
    driver.wait()
    assert epochs_of(read_back(folder, "0000")) == [1]


words = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1)


@given(user=words, password=words, host=words, where=st.sampled_from(["a", "token", "list"]))
def test_redaction_takes_passwords_and_nothing_else(
    user: str, password: str, host: str, where: str
) -> None:
    secret = f"<{password}>"
    url = f"postgresql://{user}:{secret}@{host}/study"
    clean = redacted({"a": url, "list": [{"url": url}], "db.token": secret, "tokenizer": where})
    assert secret not in json.dumps(clean)
    assert clean["a"] == f"postgresql://{user}:***@{host}/study"
    assert clean["tokenizer"] == where
    plain = f"https://{host}/{user}"
    assert redacted_text(plain) == plain


def test_redaction_keeps_numbers_and_writes_the_rest_as_text() -> None:
    value = {"lr": 0.1, "n": 3, "on": True, "none": None, "path": Path("a/b"), 1: (1, 2)}
    assert redacted(value) == {
        "lr": 0.1,
        "n": 3,
        "on": True,
        "none": None,
        "path": "a/b",
        "1": [1, 2],
    }


def test_a_column_is_numbers_or_text() -> None:
    assert cells([0.1, None, 2]) == [0.1, None, 2]
    assert cells([0.1, "adam", None]) == ["0.1", "adam", None]
    assert cells([float("nan"), 1.0]) == [None, 1.0]
    assert cells([True, False]) == ["True", "False"]
