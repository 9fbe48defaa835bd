"""Convert tables, histograms and files into what W&B shows."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sweeps.redaction import redacted_text
from sweeps.tracking.tracker import Table
from trainers.files.histograms import Histogram

if TYPE_CHECKING:
    import wandb


def cells(column: Sequence[Any]) -> list[Any]:
    """Convert the cells of a column to one type: numbers if all of them are, else text.

    W&B sorts and plots a column of numbers, and refuses one of mixed types.
    """
    present = [cell for cell in column if cell is not None]
    if all(isinstance(cell, int | float) and not isinstance(cell, bool) for cell in present):
        return [None if cell is None or math.isnan(cell) else cell for cell in column]
    return [None if cell is None else redacted_text(str(cell)) for cell in column]


def wandb_table(table: Table) -> wandb.Table:
    """Convert a table."""
    import wandb

    columns = [cells([row[i] for row in table.rows]) for i in range(len(table.columns))]
    rows: list[Any] = [list(row) for row in zip(*columns, strict=True)]
    return wandb.Table(columns=list(table.columns), data=rows)


def wandb_histogram(histogram: Histogram) -> wandb.Histogram:
    """Convert a histogram, counts over equal bins."""
    import wandb

    low, counts = histogram.low, histogram.counts
    high = histogram.high if histogram.high > low else low + 1e-6  # wandb wants edges that ascend
    edges = np.linspace(low, high, len(counts) + 1)
    return wandb.Histogram(np_histogram=(np.array(counts), edges))


def shown_files(files: Iterable[Path]) -> dict[str, Any]:
    """Convert pages and pictures among files, by the names that they are shown under.

    What is not there, is neither, or cannot be read is left out: a folder of results may be
    damaged, or of somebody else.
    """
    import wandb

    shown: dict[str, Any] = {}
    for path in files:
        if not path.is_file():
            continue
        if path.suffix == ".html":
            shown[f"pages/{path.stem}"] = wandb.Html(str(path), inject=False)
        elif path.suffix == ".png":
            with contextlib.suppress(Exception):  # of many kinds
                shown[f"pictures/{path.stem}"] = wandb.Image(str(path))
    return shown


def merged_notes(before: str | None, remarks: str) -> str:
    """Add remarks to the notes of a run, in which a person may have written: those not there."""
    lines = (before or "").splitlines()
    return "\n".join([*lines, *(line for line in remarks.splitlines() if line not in lines)])
