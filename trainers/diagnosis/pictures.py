"""Draw the checks before training, the confusion matrix and the hidden layer."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator, PercentFormatter

from trainers.diagnosis.confusion_matrix import Quality
from trainers.diagnosis.hidden_layer import Hidden, Plane
from trainers.diagnosis.lr_range import LrRange
from trainers.diagnosis.overfit import NEAR_ZERO, Overfit
from trainers.diagnosis.predicted_numbers import PredictedNumbers
from trainers.pictures import (
    AMBER,
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PURPLE,
    SKY,
    UNITS,
    Floats,
    canvas,
    longest,
    save,
    tidy,
    whole_numbers,
)

#: A confusion matrix of up to so many classes has shares written into it, beside the counts.
_WRITTEN = 12
#: Numbers smaller than so many points could not be read, and are left out.
_SMALLEST = 4.0
#: Shades of mistakes: the least is not white, which is none.
_MISTAKES = LinearSegmentedColormap.from_list(
    "mistakes", colormaps["Oranges"](np.linspace(0.12, 1, 64))
)
#: Marks of F1, precision and recall, which can be told apart where all three are the same.
_SHAPES: tuple[dict[str, Any], ...] = (
    {"marker": "|", "color": INK, "markersize": 9, "markeredgewidth": 1.6},
    {"marker": "o", "color": BLUE, "markersize": 6.5, "markerfacecolor": "none"},
    {"marker": "D", "color": ORANGE, "markersize": 3},
)
#: Points of a class's name, at least: where it were smaller, every other one is left out.
_NAME = 5.0
#: Numbers of a regression that are drawn, at most.
_PANELS = 4
_COLOURS = (BLUE, ORANGE, GREEN, PURPLE, AMBER, SKY, INK)
_MARKERS = "osD^v<>PX*"


def lr_range(result: LrRange, path: Path) -> Path:
    """Draw the loss by learning rate, and the range to choose a rate from."""
    figure = canvas(9.0, 4.0)
    axes = figure.subplots()
    tidy(axes, "Learning-rate range test", "learning rate", f"{UNITS['loss']} of the batch")
    axes.set_xscale("log")
    axes.plot(result.rates, result.losses, ".", color=GREY, markersize=3, alpha=0.6, label="a step")
    axes.plot(result.rates[: len(result.smoothed)], result.smoothed, color=BLUE, label="smoothed")
    if result.steepest is not None and result.largest is not None:
        low = max(result.steepest / 10, result.rates[0])
        axes.axvspan(
            low, result.largest, color=GREEN, alpha=0.10, linewidth=0, label="rates to choose from"
        )
        axes.axvline(result.steepest, color=GREEN, label=f"falls fastest at {result.steepest:.2g}")
        axes.axvline(
            result.largest, color=ORANGE, linestyle="--", label=f"rises above {result.largest:.2g}"
        )
    axes.axvline(
        result.configured, color=INK, linestyle=":", label=f"optimizer.lr={result.configured:g}"
    )
    finite = np.array(result.losses)[np.isfinite(result.losses)]
    if len(finite):  # one huge loss at the end would leave the rest a line
        most = max(
            1.3 * finite[: max(1, len(finite) // 2)].max(), 1.1 * max(result.smoothed or [0])
        )
        axes.set_ylim(0, most)
    figure.legend(fontsize=8, frameon=False, loc="outside right upper")  # beside all lines
    return save(figure, path)


def overfit(result: Overfit, path: Path) -> Path:
    """Draw loss and accuracy on the one batch, step by step."""
    figure = canvas(7.0, 4.2)
    if result.accuracies:
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    else:  # of numbers there is none
        above = below = figure.subplots()
    steps = np.arange(1, len(result.losses) + 1)
    title = f"One batch of {result.examples}, over and over, at optimizer.lr={result.lr:g}"
    tidy(above, title, "", UNITS["loss"])
    above.set_yscale("log")
    marker = "o" if len(steps) == 1 else None  # one step makes no line
    losses = np.maximum(result.losses, 1e-9)  # a loss of 0 has no logarithm
    above.plot(steps, losses, color=BLUE, marker=marker)
    above.axhline(NEAR_ZERO, color=GREEN, linestyle="--", linewidth=1.2)
    above.annotate(
        f"learnt by heart: below {NEAR_ZERO}", (0, NEAR_ZERO), (4, 3),
        xycoords=("axes fraction", "data"), textcoords="offset points", fontsize=8, color=GREEN,
    )  # fmt: skip
    if result.accuracies:
        tidy(below, "", "step", UNITS["accuracy"])
        below.plot(steps, result.accuracies, color=ORANGE, marker=marker)
        below.set_ylim(0, 1.05)
    else:
        above.set_xlabel("step", fontsize=9, color=INK)
    whole_numbers(below, steps.tolist())
    return save(figure, path)


def confusion(quality: Quality, path: Path) -> Path:
    """Draw the confusion matrix: colours are shares of each true class, numbers are examples.

    Right in blue, wrong in orange, grey: no examples. Both scales are of all shares, whatever the
    model: one mistake is as pale as it is small, and two pictures compare. That of the mistakes is
    of their root, so that rare ones show.
    """
    count = len(quality.classes)
    nonempty = quality.support > 0
    shares = quality.counts / np.where(nonempty, quality.support, 1)[:, None]
    right = np.eye(count, dtype=bool)
    wrong = np.where(~right & (shares > 0), shares, np.nan)
    cell = min(max(3.4 / count, 0.19), 13.0 / count)  # inches
    step = math.ceil(_NAME / (40 * cell))
    small = 9.0 if count <= _WRITTEN else min(8.0, 40 * cell * step)
    side = cell * count
    figure = canvas(1, 1, arrange=False)  # arranged below, from the lengths of the names
    names = longest(figure, quality.classes, small) + 0.1
    width, height = 0.4 + names + side + 1.1, 0.35 + side + names + 0.35
    figure.set_size_inches(width, height)
    left, bottom = 0.4 + names, 0.35 + names

    def place(x: float, y: float, wide: float, high: float) -> Axes:
        return figure.add_axes((x / width, y / height, wide / width, high / height))

    axes = place(left, bottom, side, side)
    bars = [place(left + side + 0.2, bottom + up * side, 0.14, 0.46 * side) for up in (0.54, 0.0)]
    axes.barh(np.flatnonzero(~nonempty), count, 1, -0.5, color="#D9D9D9")
    hits = axes.imshow(np.where(right & nonempty[:, None], shares, np.nan), "Blues", vmin=0, vmax=1)
    errs = axes.imshow(wrong, _MISTAKES, norm=PowerNorm(0.5, 0, 1))
    title = (
        f"Accuracy {quality.accuracy:.4f}, macro F1 {quality.macro_f1:.4f}, "
        f"{int(quality.counts.sum()):,} examples"
    )
    tidy(axes, title, "taken for", "true class", grid=False)
    every = slice(None, None, step)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks(
            range(count)[every], quality.classes[every], fontsize=small, parse_math=False
        )
    axes.tick_params(length=0)
    axes.tick_params(axis="x", labelrotation=90 if names > cell else 0)
    axes.spines[:].set_visible(False)
    between = np.arange(count + 1) - 0.5  # lines for the eye to find row and column by
    axes.hlines(between, -0.5, count - 0.5, color="#E4E4E4", linewidth=0.5)
    axes.vlines(between, -0.5, count - 0.5, color="#E4E4E4", linewidth=0.5)
    _write_counts(axes, quality, shares, cell)
    scales = (("right", (0, 0.2, 0.4, 0.6, 0.8, 1)), ("wrong", (0, 0.01, 0.05, 0.1, 0.25, 0.5, 1)))
    for image, box, (kind, ticks) in zip((hits, errs), bars, scales, strict=True):
        bar = figure.colorbar(image, cax=box, ticks=ticks, format=PercentFormatter(1, decimals=0))
        bar.set_label(f"{kind}, of a true class", fontsize=8)
        bar.ax.tick_params(labelsize=8)
        bar.outline.set_visible(False)  # type: ignore[operator]
    return save(figure, path)


def predicted(numbers: PredictedNumbers, path: Path) -> Path:
    """Draw predicted against true numbers, a panel a number: on the line where they agree."""
    shown = min(len(numbers.names), _PANELS)
    figure = canvas(4.6 * shown, 4.6)
    panels = figure.subplots(1, shown, squeeze=False)[0]
    for k, axes in enumerate(panels):
        true, made = numbers.true[:, k], numbers.predicted[:, k]
        tidy(
            axes,
            f"{numbers.names[k]}: R² {numbers.r2[k]:.4f}, mean error {numbers.mae[k]:.4g}",
            "true",
            "predicted",
        )
        low, high = min(true.min(), made.min()), max(true.max(), made.max())
        axes.plot([low, high], [low, high], color=INK, linewidth=0.9, linestyle=":")
        alpha = min(0.8, max(0.08, 150 / len(true)))
        axes.scatter(true, made, s=14, alpha=alpha, linewidths=0, color=BLUE)
        axes.set_aspect("equal", "datalim")
    return save(figure, path)


def _write_counts(axes: Axes, quality: Quality, shares: Floats, cell: float) -> None:
    """Write the number of examples into each cell that has any, and its share if there is room."""
    both = len(quality.classes) <= _WRITTEN
    places = [(row, column) for row, column in np.argwhere(quality.counts)]
    counts = [int(quality.counts[place]) for place in places]
    texts = [f"{count}" if both else _short(count) for count in counts]
    longest_text = max((*map(len, texts), len("99.9%") if both else 0), default=0)
    size = min(7.5, 72 * cell / (0.65 * longest_text + 0.3))
    if size < _SMALLEST:
        return
    for (row, column), text in zip(places, texts, strict=True):
        share = float(shares[row, column])
        if both:
            text += f"\n{100 * share:.1f}".removesuffix(".0") + "%"
        colour = "white" if share > (0.6 if row == column else 0.4) else INK
        axes.text(column, row, text, ha="center", va="center", fontsize=size, color=colour)


def _short(count: int) -> str:
    """Write a count in four characters: 9999, 12k, 380k, 2M."""
    for unit, size in (("M", 1_000_000), ("k", 1000)):
        if count >= max(size, 10_000):
            return f"{count // size}{unit}"
    return f"{count}"


def classes(quality: Quality, path: Path) -> Path:
    """Draw F1, precision, recall and examples of each class, the most frequent class on top.

    They are marks, not bars, whose axis may begin and end near the values; it says so.
    """
    order = np.argsort(quality.support, kind="stable")  # drawn from the bottom up
    names = [quality.classes[i] for i in order]
    rows = np.arange(len(order))
    small = 8.0 if len(order) <= 45 else 7.0
    figure = canvas(1, 1, arrange=False)  # arranged from the lengths of the names
    margin = longest(figure, names, small) + 0.2
    width, height = margin + 7.0, 1.3 + 0.17 * max(len(order), 6)
    figure.set_size_inches(width, height)
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(3, 1))
    figure.subplots_adjust(
        margin / width, 0.85 / height, 1 - 0.1 / width, 1 - 0.35 / height, wspace=0.08
    )
    measured = np.stack([quality.f1, quality.precision, quality.recall])[:, order]
    measured[:, quality.support[order] == 0] = np.nan  # nothing of theirs to be recognised
    low, high = fitting(measured[np.isfinite(measured)])
    only = "" if (low, high) == (0, 1) else f"; the axis is {low:g} to {high:g} only"
    tidy(left, f"F1 by class (macro {quality.macro_f1:.4f})", f"share{only}")
    for values, shape, label in zip(measured, _SHAPES, ("F1", "precision", "recall"), strict=True):
        left.plot(values, rows, linestyle="", label=label, clip_on=False, zorder=3, **shape)
    left.axvline(quality.macro_f1, color=INK, linewidth=0.8, linestyle=":", label="macro F1")
    left.set_xlim(low, high + 0.01 * (high - low))
    left.set_ylim(-0.7, len(order) - 0.3)
    left.set_yticks(rows, names, fontsize=small, parse_math=False)
    figure.legend(
        *left.get_legend_handles_labels(), loc="lower left", ncols=4, fontsize=8,
        frameon=False,
    )  # fmt: skip
    tidy(right, "Examples", "count")
    right.barh(rows, quality.support[order], color="#C9C9C9", height=0.72)
    for row, count in zip(rows, quality.support[order], strict=True):
        right.annotate(f"{count:,}", (0, row), (3, 0), textcoords="offset points", va="center",
                       fontsize=small - 1, color=INK)  # fmt: skip
    right.set_xlim(left=0)
    right.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=3))
    right.tick_params(axis="y", length=0, labelleft=False)
    right.grid(axis="y", visible=False)
    return save(figure, path)


def fitting(shares: Floats) -> tuple[float, float]:
    """Find ends of an axis for shares: round ones near the least and the largest, or 0 and 1."""
    least, most = float(shares.min(initial=1.0)), float(shares.max(initial=0.0))
    if least == 1:
        return 0.9, 1.0
    begins = (end for end in (0.99, 0.98, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5) if end < least)
    ends = (end for end in (0.05, 0.1, 0.2, 0.3, 0.4, 0.5) if end > most)
    return (next(begins, 0.0), 1.0) if most > 0.5 else (0.0, next(ends, 1.0))


def plane(hidden: Hidden, drawn: Plane, names: tuple[str, ...], path: Path) -> Path:
    """Draw the examples in two dimensions, each class with its colour, marker and name."""
    figure = canvas(8.0, 7.0)
    axes = figure.subplots()
    tidy(axes, f"Last hidden layer, {len(drawn.points):,} examples of the validation part",
         *drawn.axes, grid=False)  # fmt: skip
    counts = np.bincount(hidden.labels, minlength=len(names))
    order = [int(i) for i in np.argsort(-counts, kind="stable") if counts[i]]
    middles = np.zeros((len(order), 2))
    for place, label in enumerate(order):  # the rare ones last, on top
        points = drawn.points[hidden.labels == label]
        axes.scatter(
            points[:, 0], points[:, 1], s=11, alpha=0.65, linewidths=0,
            color=_COLOURS[label % len(_COLOURS)], marker=_MARKERS[label % len(_MARKERS)],
        )  # fmt: skip
        middles[place] = np.median(points, axis=0)
    axes.margins(0.03)
    figure.draw_without_rendering()  # so that data can be turned into pixels
    figure.set_layout_engine("none")  # and stay there
    _write_names(axes, middles, [names[label] for label in order], [
        _COLOURS[label % len(_COLOURS)] for label in order
    ])  # fmt: skip
    return save(figure, path)


def _write_names(axes: Axes, middles: Floats, names: list[str], colours: list[str]) -> None:
    """Write the names at the middles of their classes, pushed apart where they would overlap."""
    pixels = axes.transData.transform(middles)
    apart = push_apart(pixels, (8.0 * max(map(len, names)) + 6.0, 17.0))
    back = axes.transData.inverted().transform(apart)
    outline = [withStroke(linewidth=2.5, foreground="white")]
    for name, place, middle, colour in zip(names, back, middles, colours, strict=True):
        axes.annotate(
            name, tuple(middle), tuple(place), ha="center", va="center", fontsize=9,
            fontweight="bold", color=colour, path_effects=outline, zorder=5, parse_math=False,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.6, "shrinkA": 5,
                        "shrinkB": 0},
        )  # fmt: skip


def push_apart(places: Floats, room: tuple[float, float], rounds: int = 300) -> Floats:
    """Move (N, 2) places as little as need be for each to have a rectangle of `room` alone.

    After `rounds` some may still overlap.
    """
    size = np.array(room)
    # Places that coincide could not be told apart; an even spiral, a pixel wide, tells them.
    turn = np.arange(len(places)) * 2.399963
    moved = places + np.stack([np.cos(turn), np.sin(turn)], axis=1) * 0.5
    for _ in range(rounds):
        between = (moved[:, None] - moved[None]) / size
        overlap = 1 - np.abs(between).max(axis=2)
        np.fill_diagonal(overlap, 0)
        overlap = overlap.clip(min=0)
        if not overlap.any():
            break
        # Along the axis where less is missing, half the way each.
        along = np.abs(between) == np.abs(between).max(axis=2, keepdims=True)
        step = 0.5 * overlap[:, :, None] * along * np.where(between < 0, -1, 1) * size
        moved = moved + 0.5 * step.sum(axis=1)
    return moved
