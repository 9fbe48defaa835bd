"""Draw pictures of a training, as PNG files: its curves, its weights and gradients.

They are drawn without a display and without matplotlib's global state. The colours are Okabe &
Ito's, which colour-blind readers can tell apart, and maps whose lightness rises evenly.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.ticker import FuncFormatter, MaxNLocator

from trainers.config import TaskConfig
from trainers.files.histograms import Histogram
from trainers.files.history import best
from trainers.files.whole_file import replacing

Floats = npt.NDArray[np.float64]

BLUE, ORANGE, GREEN, PURPLE, SKY, AMBER = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#E69F00",
)
GREY, INK = "#767676", "#222222"

#: Parameters in a picture of histograms, at most.
PARAMETERS = 12
#: Rows of pixels that a panel of histograms has.
_LEVELS = 120
#: Standard deviation of the blur over these rows.
_BLUR = 1.2
#: Share of the numbers that may lie beyond a panel of histograms, at either end.
_BEYOND = 0.002


def canvas(width: float, height: float, arrange: bool = True) -> Figure:
    """Make an empty picture, sizes in inches; `arrange` makes room for the panels' labels."""
    figure = Figure((width, height), dpi=120, layout="constrained" if arrange else None)
    FigureCanvasAgg(figure)
    return figure


def tidy(axes: Axes, title: str = "", x: str = "", y: str = "", grid: bool = True) -> None:
    """Style a panel: title at the left, labels with units, faint lines to read by, no box."""
    # A position (y) that is given need not be computed from all labels, over and over.
    axes.set_title(title, loc="left", y=1.0, fontsize=10, color=INK)
    axes.set_xlabel(x, fontsize=9, color=INK)
    axes.set_ylabel(y, fontsize=9, color=INK)
    axes.tick_params(labelsize=8, color=GREY, labelcolor=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GREY)
    if grid:
        axes.grid(color="#E4E4E4", linewidth=0.7)
        axes.set_axisbelow(True)


def longest(figure: Figure, texts: Sequence[str], size: float) -> float:
    """Measure the longest of the texts, in inches, at a size in points."""
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    font = FontProperties(size=size)
    pixels = (renderer.get_text_width_height_descent(text, font, False)[0] for text in texts)
    return max(pixels, default=0.0) / float(figure.dpi)


def save(figure: Figure, path: Path) -> Path:
    """Write a PNG, whole or not at all; the same picture gives the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as fresh:
        figure.savefig(fresh, format="png", metadata={"Software": None}, facecolor="white")
    return path


def curves(rows: Mapping[int, Mapping[str, float]], task: TaskConfig, path: Path) -> Path:
    """Draw loss, accuracy and learning rate by epoch, and mark the best epoch.

    Args:
        rows: metrics from `trainers.files.history.read`; not empty.
    """
    epochs = list(rows)
    values = {name: [rows[e].get(name, np.nan) for e in epochs] for name in rows[epochs[0]]}
    varies = len(set(values.get("lr", ()))) > 1
    figure = canvas(11.0 if varies else 8.0, 3.4)
    panels: Sequence[Axes] = figure.subplots(1, 3 if varies else 2)
    best_epoch = best(rows, task)
    for axes, kind, unit in zip(panels, ("loss", "accuracy"), ("nats", "share"), strict=False):
        tidy(axes, kind.capitalize(), "epoch", f"{kind} ({unit})")
        for part, colour, style in (("train", BLUE, "--"), ("val", ORANGE, "-")):
            name = f"{part}_{kind}"
            if name in values:
                words = {"train": "training", "val": "validation"}
                axes.plot(
                    epochs, values[name], style, color=colour, label=words[part],
                    linewidth=1.6, marker="o" if len(epochs) == 1 else None,
                )  # fmt: skip
        _mark(axes, task, best_epoch, rows[best_epoch], kind)
        axes.legend(fontsize=8, frameon=False)
    if varies:
        tidy(panels[2], "Learning rate", "epoch", "learning rate of the first step")
        panels[2].plot(epochs, values["lr"], color=GREEN, linewidth=1.6)
    for axes in panels:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return save(figure, path)


def _mark(axes: Axes, task: TaskConfig, epoch: int, row: Mapping[str, float], kind: str) -> None:
    axes.axvline(epoch, color=GREY, linewidth=0.8, linestyle=":")
    if task.metric.endswith(kind):
        value = row[task.metric]
        axes.plot([epoch], [value], "o", color=INK, markersize=4, zorder=5)
        axes.set_title(
            f"best {value:.4f}, epoch {epoch}", loc="right", y=1.0, fontsize=8, color=INK
        )


def histograms(epochs: Mapping[int, Mapping[str, Histogram]], path: Path) -> Path:
    """Draw a heat map of each parameter's numbers and of its gradients, by epoch.

    Where there are more than `PARAMETERS`, biases are left out first, then every other one.

    Args:
        epochs: number -> histograms from `trainers.files.histograms.load`; not empty.
    """
    parameters = {name.partition("/")[2]: None for each in epochs.values() for name in each}
    chosen = _chosen(list(parameters))
    across = 2 if len(chosen) > 4 else 1  # parameters side by side, each two panels wide
    down = -(-len(chosen) // across)
    width, height = 4.9 * across, 1.25 * down + 0.8
    figure = canvas(width, height, arrange=False)  # for so many panels that would take seconds
    grid: Any = figure.subplots(down, 2 * across, squeeze=False)
    figure.subplots_adjust(
        left=0.6 / width, right=1 - 0.1 / width, bottom=0.45 / height, top=1 - 0.6 / height,
        wspace=0.33, hspace=0.4,
    )  # fmt: skip
    for place in range(down * across):
        row, column = place % down, 2 * (place // down)
        pair = grid[row, column : column + 2]
        if place >= len(chosen):
            for axes in pair:
                axes.set_axis_off()
            continue
        last = row == down - 1 or place == len(chosen) - 1
        for axes, kind in zip(pair, ("weights", "gradients"), strict=True):
            by_epoch = {e: h[f"{kind}/{chosen[place]}"] for e, h in epochs.items()
                     if f"{kind}/{chosen[place]}" in h}  # fmt: skip
            _heat(axes, by_epoch)
            title = chosen[place] if kind == "weights" else "its gradient"
            tidy(axes, title, "epoch" if last else "", grid=False)
            axes.title.set_fontsize(8)
            axes.tick_params(labelsize=7, labelbottom=last)
    some = (
        f"{len(chosen)} of {len(parameters)} parameters, " if len(chosen) < len(parameters) else ""
    )
    figure.suptitle(
        f"Weights and gradients by epoch ({some}dark: many numbers)",
        fontsize=10, x=0.1 / width, y=1 - 0.12 / height, ha="left", va="top", color=INK,
    )  # fmt: skip
    return save(figure, path)


def _chosen(names: list[str]) -> list[str]:
    if len(names) > PARAMETERS:
        matrices = [name for name in names if re.search(r"weight|original", name)]
        names = matrices or names
    while len(names) > PARAMETERS:
        names = names[::2]
    return names


def _heat(axes: Axes, by_epoch: Mapping[int, Histogram]) -> None:
    """Draw a column for each epoch, whose fullest bin is the darkest."""
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
    full = {epoch: h for epoch, h in by_epoch.items() if sum(h.counts)}
    if not full:
        axes.text(0.5, 0.5, "none", transform=axes.transAxes, ha="center", color=GREY, fontsize=8)
        axes.set_xticks([])
        axes.set_yticks([])
        return
    ends = np.array([_ends(h) for h in full.values()])
    low, high = float(ends[:, 0].min()), float(ends[:, 1].max())
    margin = 0.02 * (high - low) or max(abs(high), 1e-3) * 0.05
    levels = np.linspace(low - margin, high + margin, _LEVELS + 1)
    columns = _blur(np.array([spread(h, levels) for h in full.values()]).T)
    numbers = np.array(list(full), dtype=float)
    sides = np.concatenate(
        [[numbers[0] - 0.5], (numbers[1:] + numbers[:-1]) / 2, [numbers[-1] + 0.5]]
    )
    shade = np.sqrt(columns / columns.max(axis=0, keepdims=True).clip(min=1e-300))
    axes.pcolormesh(sides, levels, shade, cmap="Blues", vmin=0, vmax=1, rasterized=True)


def spread(histogram: Histogram, levels: Floats) -> Floats:
    """Count (L,) the numbers between each two of (L + 1,) rising levels.

    Numbers count as spread evenly within their bin; those beyond the levels are left out.
    """
    edges, below = _cumulative(histogram)
    counts: Floats = np.diff(np.interp(levels, edges, below))
    return counts


def _blur(columns: Floats) -> Floats:
    """Blur counts over neighbouring levels: few numbers would be a line each."""
    steps = np.arange(_LEVELS)
    weights = np.exp(-0.5 * ((steps[:, None] - steps) / _BLUR) ** 2)
    shared: Floats = weights @ columns
    return shared


def _cumulative(histogram: Histogram) -> tuple[Floats, Floats]:
    """Return the edges of the bins, and how many numbers lie below each."""
    low, high = histogram.low, histogram.high
    if high <= low:  # one number, many times: a bin of no width cannot be drawn
        low, high = low - (abs(low) or 1.0) * 1e-3, high + (abs(high) or 1.0) * 1e-3
        return np.array([low, high]), np.array([0.0, float(sum(histogram.counts))])
    counts = np.asarray(histogram.counts, dtype=np.float64)
    return np.linspace(low, high, len(counts) + 1), np.concatenate([[0.0], counts.cumsum()])


def _ends(histogram: Histogram) -> tuple[float, float]:
    """Find the range of all numbers but a few: one far off would leave the rest a line."""
    edges, below = _cumulative(histogram)
    total = below[-1]
    first = int(np.searchsorted(below, _BEYOND * total, side="right")) - 1
    last = int(np.searchsorted(below, (1 - _BEYOND) * total, side="left"))
    return float(edges[max(first, 0)]), float(edges[last])
