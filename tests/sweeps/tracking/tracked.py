"""What the tests of the tracker share: a tracker with limits, trainings, wandb's own reader."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sweeps.tracking import SweepResults, Table, Tracker, WandbTracker
from tests.sweeps.waiting import MOST_S, until
from trainers.files import history

ROOT = Path(__file__).parents[3]


UID = "k3j9x2ab"


CONFIG = {"optimizer": {"lr": 0.1}, "study": "postgresql://me:hunter2@host/study"}


TRIALS = Table(("id", "val_acc", "note"), (("0000", 0.9, None), ("0001", 0.8, "stopped")))


IMPORTANCES = Table(("parameter", "fanova"), (("optimizer.lr", 0.7), ("model.width", 0.3)))


def results(figures: Mapping[str, Any], **more: Any) -> SweepResults:
    """What came of a sweep, with the two tables."""
    return SweepResults(figures, {"trials": TRIALS, "importances": IMPORTANCES}, **more)


#: Of one test. Whatever waits for a server that does not answer breaks it.
HARD_LIMIT_S = MOST_S


#: Seconds after which a server that is to be given up is.
SOON_S = 1.0


#: Those of the present test, for whatever a failure leaves open.
OPEN: list[WandbTracker] = []


def tracker(folder: Path, **options: Any) -> WandbTracker:
    limits = {"init_timeout_s": HARD_LIMIT_S, "close_timeout_s": HARD_LIMIT_S}
    made = WandbTracker("quick start", UID, folder, **(limits | options))
    OPEN.append(made)
    return made


def run_id(trial: str) -> str:
    return f"quick-start-{UID}-{trial}"


def train(track: Tracker, trial: str, folder: Path, epochs: range, best: int = 2) -> None:
    """Report epochs, each with a checkpoint of its own content, as a trainer leaves them."""
    for epoch in epochs:
        checkpoint, metrics = trained(trial, folder, epoch)
        track.epoch(trial, epoch, metrics, checkpoint, epoch == best)


def trained(trial: str, folder: Path, epoch: int) -> tuple[Path, dict[str, float]]:
    """What an epoch leaves on disk: its checkpoint, and its row of metrics.csv."""
    checkpoint = folder / "trials" / trial / f"epoch_{epoch:03}"
    checkpoint.mkdir(parents=True, exist_ok=True)
    (checkpoint / "model.pt").write_bytes(f"{trial} {epoch}".encode())
    metrics = {"val_acc": 0.5 + epoch / 100, "val_loss": 1.0 / epoch}
    path = checkpoint.with_name("metrics.csv")
    history.write(path, {**history.read(path), epoch: metrics})
    return checkpoint, metrics


def core_of(track: WandbTracker) -> subprocess.Popen[bytes]:
    until(lambda: track._runs.connection.core._process)
    process = track._runs.connection.core._process
    assert process is not None
    return process


def renewed_or_given_up(track: WandbTracker, core: subprocess.Popen[bytes]) -> bool:
    return core_of(track) is not core or not track._runs.connection.works


def inspected(log: Path, *options: str) -> str:
    """What `wandb leet inspect` prints of a run's log; its core alone, which starts at once."""
    from wandb.util import get_core_path

    command = [get_core_path(), "leet", "inspect", "--no-observability", "--json", *options]
    where = ["--run-file", str(log), str(log.parents[1])]
    home = os.environ["HOME"]  # for the log it writes
    run = subprocess.run([*command, *where], capture_output=True, text=True, check=True, cwd=home)
    return run.stdout


def upload(folder: Path) -> None:
    """Upload the logs that are not empty, by wandb's own command, in the order of their start."""
    command = Path(sys.executable).with_name("wandb")
    own = {"WANDB_CACHE_DIR": str(folder / "cache"), "WANDB_DIR": str(folder / "cache")}
    found = sorted(folder.glob("wandb/*run-2*/run-*.wandb"), key=lambda log: log.stat().st_mtime_ns)
    runs = [str(log.parent) for log in found if log.stat().st_size > 7]
    options: dict[str, Any] = {"env": os.environ | own, "capture_output": True}
    subprocess.run([command, "sync", "--include-online", *runs], check=True, **options)


def logs(folder: Path, trial: str) -> list[Path]:
    """The logs of a trial's run, oldest first."""
    found = folder.glob(f"wandb/*run-2*/run-{run_id(trial)}.wandb")
    # Not by the stamps in their names: those are seconds, and a run may be opened twice in one.
    return sorted(found, key=lambda log: log.stat().st_mtime_ns)


def read_back(folder: Path, trial: str) -> list[dict[str, Any]]:
    """All records of a trial's run on disk, by wandb's own reader."""
    read = [inspected(log) for log in logs(folder, trial)]
    return [json.loads(line) for records in read for line in records.splitlines()]


def outcome(folder: Path, trial: str) -> dict[str, Any]:
    """What wandb's own reader makes of the last log of a trial's run."""
    log = logs(folder, trial)[-1]
    read: dict[str, Any] = json.loads(inspected(log, "--summary"))
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
