"""Tables and histograms as W&B takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sweeps.tracking.tracker import Table
from trainers.files.histograms import Histogram

if TYPE_CHECKING:
    import wandb

import math
from collections.abc import Sequence

from sweeps.redaction import redacted_text


def cells(column: Sequence[Any]) -> list[Any]:
    """One column of a table with cells of one type: numbers where all are, else text.

    W&B sorts and plots a column of numbers, and refuses one of mixed types.
    """
    known = [cell for cell in column if cell is not None]
    if all(isinstance(cell, int | float) and not isinstance(cell, bool) for cell in known):
        return [None if cell is None or math.isnan(cell) else cell for cell in column]
    return [None if cell is None else redacted_text(str(cell)) for cell in column]


def wandb_table(table: Table) -> wandb.Table:
    """Make a W&B table."""
    import wandb

    columns = [cells([row[i] for row in table.rows]) for i in range(len(table.columns))]
    rows: list[Any] = [list(row) for row in zip(*columns, strict=True)]
    return wandb.Table(columns=list(table.columns), data=rows)


def wandb_histogram(histogram: Histogram) -> wandb.Histogram:
    """Make a W&B histogram of counts over equal bins."""
    import wandb

    low, counts = histogram.low, histogram.counts
    high = histogram.high if histogram.high > low else low + 1e-6  # wandb wants edges that ascend
    edges = np.linspace(low, high, len(counts) + 1)
    return wandb.Histogram(np_histogram=(np.array(counts), edges))
