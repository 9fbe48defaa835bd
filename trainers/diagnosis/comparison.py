"""Draw trainings that differ in one setting, side by side: curves, weights and gradients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from trainers.files.histograms import Histogram
from trainers.files.history import Rows
from trainers.pictures import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    PARTS,
    UNITS,
    canvas,
    heat,
    range_of,
    save,
    score_of,
    tidy,
    whole_numbers,
)

#: Matrices of weights that are drawn, at most: the first, the last, and some between.
MATRICES = 3
#: Inches of a column, of a panel of curves, of one of histograms, and of what is about them.
_WIDE, _CURVES, _HEAT, _LEFT, _TOP, _BOTTOM = 3.1, 2.1, 1.15, 0.9, 1.1, 0.5
#: What there is a histogram of.
_KINDS = ("weights", "gradients")
#: Percentile of the losses up to which the axis goes: one that explodes would flatten the rest.
_MOST = 99


@dataclass(frozen=True)
class Alike:
    """Holds the trainings that have one value of the setting.

    Attributes:
        value: as it was written.
        curves: metrics by epoch of each training; at least one has an epoch.
        best: name of the best one, and its histograms by epoch, if it has kept any.
        matrices: parameters of the best one that are matrices of weights, first layer first.
    """

    value: str
    curves: Sequence[Rows]
    best: str
    histograms: Mapping[int, Mapping[str, Histogram]]
    matrices: Sequence[str]


def comparison(setting: str, columns: Sequence[Alike], path: Path) -> Path:
    """Draw a column for each value, all on the same axes.

    Above, loss and accuracy (or R²) of all trainings: a thin line each, their mean a thick one as
    far as all of them trained. Below, by epoch, how the weights of the best one and their
    gradients are distributed, if any column has kept that.
    """
    return save(picture(setting, columns), path)


def picture(setting: str, columns: Sequence[Alike]) -> Figure:
    """Draw what `comparison` saves."""
    layers = [_some(column.matrices) for column in columns]
    count = max(map(len, layers)) if any(column.histograms for column in columns) else 0
    heights = [_CURVES] * 2 + [_HEAT] * 2 * count
    width = _LEFT + _WIDE * len(columns) + 0.15
    height = _TOP + 1.25 * sum(heights) + _BOTTOM
    figure = canvas(width, height, arrange=False)  # for so many panels that would take seconds
    grid: Any = figure.subplots(
        len(heights), len(columns), squeeze=False, sharex=True, sharey="row", height_ratios=heights
    )
    figure.subplots_adjust(
        left=_LEFT / width, right=1 - 0.15 / width, bottom=_BOTTOM / height, top=1 - _TOP / height,
        wspace=0.08, hspace=0.34,
    )  # fmt: skip
    score = score_of(next(iter(columns[0].curves[0].values())))
    last = max(epoch for column in columns for rows in column.curves for epoch in rows)
    for place, (column, names) in enumerate(zip(columns, layers, strict=True)):
        head = f"{setting}={column.value}, {len(column.curves)} trials"
        _curves(grid[0, place], column, "loss", head)
        _curves(grid[1, place], column, score, "")
        for row in range(2 * count):
            kind, name = _row(row, names)
            title = f"{column.best}: {name}" if kind == "weights" else "its last gradient"
            tidy(grid[2 + row, place], title if name else "", grid=False)
            grid[2 + row, place].title.set_fontsize(8)
        grid[-1, place].set_xlabel("epoch", fontsize=9, color=INK)
    for row in range(2 * count):
        _heats(grid[2 + row], columns, [_row(row, names) for names in layers])
    for axes, name in zip(grid[:, 0], [UNITS["loss"], UNITS[score], *_KINDS * count], strict=True):
        axes.set_ylabel(name, fontsize=9, color=INK)
    _limit_losses(grid[0, 0], columns)
    grid[0, 0].set_xlim(0.5, last + 0.5)
    whole_numbers(grid[0, 0], range(1, last + 1))
    below = "\nBelow, the best trial of each: dark, most numbers" if count else ""
    figure.suptitle(
        f"Thin: a trial; thick: their mean, while all train{below}",
        fontsize=10, x=0.1 / width, y=1 - 0.1 / height, ha="left", va="top", color=INK,
    )  # fmt: skip
    figure.legend(
        *grid[0, 0].get_legend_handles_labels(), loc="upper left", fontsize=8, frameon=False,
        ncols=2, bbox_to_anchor=(0.05 / width, 1 - (0.48 if count else 0.28) / height),
    )  # fmt: skip
    return figure


def _some(names: Sequence[str]) -> list[str]:
    """Choose up to `MATRICES` of these, evenly, with the first and the last."""
    places = np.linspace(0, len(names) - 1, min(MATRICES, len(names)))
    return [names[round(place)] for place in places]


def _row(row: int, names: Sequence[str]) -> tuple[str, str]:
    """Return what a row of histograms shows in a column: the kind, and the parameter or nothing."""
    kind = _KINDS[row % 2]
    return kind, names[row // 2] if row // 2 < len(names) else ""


def _curves(axes: Axes, column: Alike, kind: str, title: str) -> None:
    tidy(axes, title)
    faint = min(0.4, max(0.08, 5 / len(column.curves)))
    for part, colour in (("train", BLUE), ("val", ORANGE)):
        name = f"{part}_{kind}"
        for rows in column.curves:
            values = [row.get(name, np.nan) for row in rows.values()]
            marker = "." if len(rows) == 1 else None
            axes.plot([*rows], values, color=colour, linewidth=0.7, alpha=faint, marker=marker)
        common = set.intersection(*(set(rows) for rows in column.curves))
        epochs = sorted(common)
        means = [np.mean([rows[e].get(name, np.nan) for rows in column.curves]) for e in epochs]
        marker = "o" if len(epochs) == 1 else None
        axes.plot(epochs, means, color=colour, linewidth=2, marker=marker, label=PARTS[part])


def _limit_losses(axes: Axes, columns: Sequence[Alike]) -> None:
    losses = np.array(
        [
            row.get(name, np.nan)
            for column in columns
            for rows in column.curves
            for row in rows.values()
            for name in ("train_loss", "val_loss")
        ]
    )
    losses = losses[np.isfinite(losses)]
    if len(losses):
        axes.set_ylim(0, 1.05 * float(np.percentile(losses, _MOST)) or 1.0)


def _heats(row: Sequence[Axes], columns: Sequence[Alike], shown: Sequence[tuple[str, str]]) -> None:
    """Draw one parameter, or its gradient, of each column on one scale."""
    by_column = [
        {
            epoch: each[f"{kind}/{name}"]
            for epoch, each in column.histograms.items()
            if sum(each.get(f"{kind}/{name}", Histogram(0, 0, ())).counts)
        }
        for column, (kind, name) in zip(columns, shown, strict=True)
    ]
    every = [histogram for by_epoch in by_column for histogram in by_epoch.values()]
    for axes, by_epoch in zip(row, by_column, strict=True):
        if by_epoch:
            heat(axes, by_epoch, range_of(every))
        else:
            axes.text(0.5, 0.5, "none", transform=axes.transAxes, ha="center", color=GREY)
