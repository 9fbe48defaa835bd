"""Read and write metrics.csv: one row an epoch, numbers that read back as the same bits."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from trainers.config import TaskConfig
from trainers.files.whole_file import replacing

Rows = dict[int, dict[str, float]]


def read(path: Path) -> Rows:
    """Read the metrics by epoch number; empty if there is no file.

    A row that a kill cut off, wherever it is, is left out; so is a second row of an epoch.
    """
    if not path.exists():
        return {}
    text = path.read_text(encoding="utf-8", errors="replace")
    whole = text[: text.rfind("\n") + 1]
    lines = [line.split(",") for line in whole.splitlines()]
    if not lines or lines[0][:1] != ["epoch"]:
        return {}
    names = lines[0][1:]
    rows: Rows = {}
    for line in lines[1:]:
        try:
            epoch, values = int(line[0]), [number(value) for value in line[1:]]
        except (IndexError, ValueError):
            continue
        if len(values) == len(names):
            rows.setdefault(epoch, dict(zip(names, values, strict=True)))
    return dict(sorted(rows.items()))


def number(value: object) -> float:
    """Read a metric, whole or not, as the very number that was written: 59082 is no 59082.0.

    Raises:
        ValueError, TypeError: it is no number.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lstrip("-").isdecimal():
        return int(value)
    return float(value)  # type: ignore[arg-type]


def write(path: Path, rows: Mapping[int, Mapping[str, float]]) -> None:
    """Replace metrics.csv by these rows, whole or not at all."""
    with replacing(path) as fresh, fresh.open("w", newline="") as file:
        if rows:
            names = list(next(iter(rows.values())))
            file.write(_line(["epoch", *names]))
            for number in sorted(rows):
                values = [rows[number].get(name, float("nan")) for name in names]
                file.write(_line([number, *values]))
        file.flush()
        os.fsync(file.fileno())


def append(path: Path, number: int, metrics: Mapping[str, float], durable: bool) -> None:
    """Append the row of one epoch, and the header before the first row.

    Args:
        durable: wait for the disk; needless while the epoch's checkpoint, which has the same
            metrics, stays.
    """
    with path.open("a", newline="") as file:
        if not file.tell():
            file.write(_line(["epoch", *metrics]))
        file.write(_line([number, *metrics.values()]))
        if durable:
            file.flush()
            os.fsync(file.fileno())


def best(rows: Mapping[int, Mapping[str, float]], task: TaskConfig) -> int:
    """Return the number of the best epoch by the task's metric, the earliest of equals."""
    sign = 1 if task.maximize else -1
    return max(rows, key=lambda number: (sign * rows[number][task.metric], -number))


def stalled(rows: Mapping[int, Mapping[str, float]], task: TaskConfig, patience: int | None) -> str:
    """Describe why patience ends training after these epochs; empty if training goes on."""
    if patience is None or not rows:
        return ""
    best_epoch = best(rows, task)
    if max(rows) - best_epoch < patience:
        return ""
    return f"no better {task.metric} in {patience} epochs than at epoch {best_epoch} (patience)"


def _line(cells: list[str] | list[int | float]) -> str:
    """Join cells, numbers by repr: the shortest text that reads back as the same bits."""
    return ",".join(cell if isinstance(cell, str) else repr(cell) for cell in cells) + "\n"
