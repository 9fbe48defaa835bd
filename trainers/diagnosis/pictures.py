"""Draw the checks before training, the confusion matrix and the hidden layer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.patheffects import withStroke
from matplotlib.ticker import PercentFormatter

from trainers.diagnosis.confusion_matrix import Quality
from trainers.diagnosis.hidden_layer import Hidden, Plane
from trainers.diagnosis.lr_range import LrRange
from trainers.diagnosis.overfit import NEAR_ZERO, Overfit
from trainers.pictures import (
    AMBER,
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PURPLE,
    SKY,
    Floats,
    canvas,
    longest,
    save,
    tidy,
)

#: A confusion matrix of up to so many classes has its numbers written into it.
_WRITTEN = 12
#: With more classes, every other name is left out, and so on.
_NAMES = 140
_COLOURS = (BLUE, ORANGE, GREEN, PURPLE, AMBER, SKY, INK)
_MARKERS = "osD^v<>PX*"


def lr_range(result: LrRange, path: Path) -> Path:
    """Draw the loss by learning rate, and the range to choose a rate from."""
    figure = canvas(7.0, 4.0)
    axes = figure.subplots()
    tidy(axes, "Learning-rate range test", "learning rate", "loss of the batch (nats)")
    axes.set_xscale("log")
    axes.plot(result.rates, result.losses, ".", color=GREY, markersize=3, alpha=0.6, label="a step")
    axes.plot(result.rates[: len(result.smoothed)], result.smoothed, color=BLUE, label="smoothed")
    if result.steepest is not None and result.largest is not None:
        axes.axvspan(result.steepest / 10, result.largest, color=GREEN, alpha=0.10, linewidth=0)
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
    axes.legend(fontsize=8, frameon=False, loc="lower left")
    return save(figure, path)


def overfit(result: Overfit, path: Path) -> Path:
    """Draw loss and accuracy on the one batch, step by step."""
    figure = canvas(7.0, 4.2)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    steps = np.arange(1, len(result.losses) + 1)
    title = f"One batch of {result.examples}, over and over, at optimizer.lr={result.lr:g}"
    tidy(above, title, "", "loss (nats)")
    above.set_yscale("log")
    above.plot(steps, np.maximum(result.losses, 1e-9), color=BLUE)  # a loss of 0 has no logarithm
    above.axhline(NEAR_ZERO, color=GREEN, linestyle="--", linewidth=1.2)
    above.annotate(
        f"learnt by heart: below {NEAR_ZERO}", (0, NEAR_ZERO), (4, 3),
        xycoords=("axes fraction", "data"), textcoords="offset points", fontsize=8, color=GREEN,
    )  # fmt: skip
    tidy(below, "", "step", "accuracy (share)")
    below.plot(steps, result.accuracies, color=ORANGE)
    below.set_ylim(0, 1.05)
    return save(figure, path)


def confusion(quality: Quality, path: Path) -> Path:
    """Draw the confusion matrix as shares of each class: right in blue, wrong in orange.

    The mistakes have a root scale of their own, so that rare ones show. Grey: no examples.
    """
    count = len(quality.classes)
    nonempty = quality.support > 0
    shares = quality.counts / np.where(nonempty, quality.support, 1)[:, None]
    right = np.eye(count, dtype=bool)
    wrong = np.where(~right & (shares > 0), shares, np.nan)
    most = max(0.02, float(np.nanmax(wrong, initial=0.0)))
    cell = min(max(3.4 / count, 0.19), 13.0 / count)  # inches
    small = 9.0 if count <= _WRITTEN else min(8.0, 40 * cell * (1 + count // _NAMES))
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
    errs = axes.imshow(wrong, "Oranges", norm=PowerNorm(0.5, 0, most))
    title = (
        f"Shares of each class: accuracy {quality.accuracy:.4f}, macro F1 {quality.macro_f1:.4f}"
    )
    tidy(axes, title, "taken for", "true class", grid=False)
    every = slice(None, None, 1 + count // _NAMES)
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
    if count <= _WRITTEN:
        _write_shares(axes, shares, most)
    for image, box, label in zip((hits, errs), bars, ("right", "taken for another"), strict=True):
        bar = figure.colorbar(image, cax=box, format=PercentFormatter(1))
        bar.set_label(label, fontsize=8)
        bar.ax.tick_params(labelsize=8)
        bar.outline.set_visible(False)  # type: ignore[operator]
    return save(figure, path)


def _write_shares(axes: Axes, shares: Floats, most: float) -> None:
    for row, column in np.argwhere(shares >= 0.0005):
        share = float(shares[row, column])
        dark = share > 0.6 if row == column else share > 0.5 * most
        text = f"{100 * share:.1f}".removesuffix(".0")
        colour = "white" if dark else INK
        axes.text(column, row, text, ha="center", va="center", fontsize=7.5, color=colour)


def classes(quality: Quality, path: Path) -> Path:
    """Draw F1, precision, recall and examples of each class, the most frequent class on top."""
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
        margin / width, 0.85 / height, 1 - 0.1 / width, 1 - 0.35 / height, wspace=0.04
    )
    tidy(left, f"F1 by class (macro {quality.macro_f1:.4f})", "share")
    left.barh(rows, np.nan_to_num(quality.f1[order]), color="#C6E2F3", height=0.76, label="F1")
    left.plot(quality.precision[order], rows, "o", color=BLUE, markersize=3.5, label="precision")
    left.plot(quality.recall[order], rows, "D", color=ORANGE, markersize=3, label="recall")
    left.axvline(quality.macro_f1, color=INK, linewidth=0.8, linestyle=":")
    left.set_xlim(0, 1.02)
    left.set_ylim(-0.7, len(order) - 0.3)
    left.set_yticks(rows, names, fontsize=small, parse_math=False)
    left.grid(axis="y", visible=False)
    figure.legend(
        *left.get_legend_handles_labels(), loc="lower left", ncols=3, fontsize=8,
        frameon=False,
    )  # fmt: skip
    tidy(right, "Examples", "count (log)")
    right.barh(rows, quality.support[order], color=GREY, height=0.72)
    right.set_xscale("log")
    right.set_xlim(left=0.7)
    right.tick_params(axis="y", length=0, labelleft=False)
    right.grid(axis="y", visible=False)
    return save(figure, path)


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
