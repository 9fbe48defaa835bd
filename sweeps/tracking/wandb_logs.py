"""Find the logs of runs that wandb keeps on disk, and those that a kill has cut short.

A log that the server has whole is marked `run-<id>.wandb.synced`, as `wandb sync` does, which skips
it; one that was ended in order while offline, `run-<id>.wandb.whole`. What has no mark was cut
short: its driver or its wandb-core was killed, or the server was away until the end.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
from pathlib import Path
from typing import Any

EMPTY_LOG = 7  # bytes of the header of a run's .wandb file
READ_S = 60.0  # for wandb's own reader to read a log


def of_run(folder: Path, run: str) -> list[Path]:
    """List the logs of a run in a sweep's folder, oldest first."""
    found = (folder / "wandb").glob(f"*run-2*/run-{run}.wandb")
    return sorted(found, key=lambda log: log.stat().st_mtime_ns)


def whole(folder: Path) -> set[str]:
    """Return the ids of the runs that have logs in a sweep's folder, none of them cut short."""
    logs = list((folder / "wandb").glob("*run-2*/run-*.wandb"))
    cut_short = {log.name for log in logs if is_cut_short(log)}
    return {log.stem.removeprefix("run-") for log in logs if log.name not in cut_short}


def is_cut_short(log: Path) -> bool:
    """Whether a log was neither sent as a whole nor ended in order."""
    return not any(Path(f"{log}.{mark}").exists() for mark in ("synced", "whole"))


def mark(log: Path, sent: bool) -> None:
    """Mark a log as one that the server has whole, or that was ended in order while offline."""
    Path(f"{log}.{'synced' if sent else 'whole'}").touch()


def epochs(log: Path) -> set[int]:
    """Read the epochs that a log has; none if it cannot be read."""
    return set(rows(log))


def rows(log: Path) -> dict[int, dict[str, Any]]:
    """Read the rows of a log by epoch, by wandb's own reader; none if it cannot be read."""
    from wandb.util import get_core_path

    command = [get_core_path(), "leet", "inspect", "--no-observability", "--json"]
    where = ["--run-file", str(log), str(log.parents[1])]
    found: dict[int, dict[str, Any]] = {}
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        read = subprocess.run(
            [*command, *where], capture_output=True, timeout=READ_S, check=False, cwd=log.parent
        )
        for line in read.stdout.splitlines():
            with contextlib.suppress(ValueError, KeyError, TypeError):
                record = json.loads(line)
                if record["type"] == "history":
                    item = dict(record["history"]["item"])
                    found[int(item["epoch"])] = item
    return found


def unsent(folder: Path) -> bool:
    """Whether some log in a sweep's folder was written while offline, and has not been sent."""
    logs = (folder / "wandb").glob("offline-run-2*/run-*.wandb")
    return any(not Path(f"{log}.synced").exists() for log in logs)
