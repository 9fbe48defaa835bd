"""Draw pictures of a training, as PNG files: its curves, its weights and gradients.

They are drawn without a display and without matplotlib's global state. The colours are Okabe &
Ito's, which colour-blind readers can tell apart, and maps whose lightness rises evenly.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
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

#: What the axes of curves are called, and whose curves they are.
TITLES = {"loss": "Loss", "accuracy": "Accuracy", "r2": "R²"}
UNITS = {"loss": "loss", "accuracy": "accuracy (share)", "r2": "R² (share explained)"}
PARTS = {"train": "training, mean while it trains", "val": "validation"}

#: Size of a point's name; rings on which there is looked for room, and directions on each.
_LABEL, _RINGS = 7.0, 40
_TURNS = -np.pi / 4 - np.linspace(0, 2 * np.pi, 16, endpoint=False)  # right below comes first
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


def whole_numbers(axes: Axes, numbers: Sequence[int]) -> None:
    """Give an axis of epochs or steps whole numbers alone, also where there is but one."""
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    if len(numbers) == 1:
        axes.set_xticks([numbers[0]])


def longest(figure: Figure, texts: Sequence[str], size: float) -> float:
    """Measure the longest of the texts, in inches, at a size in points."""
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    font = FontProperties(size=size)
    pixels = (renderer.get_text_width_height_descent(text, font, False)[0] for text in texts)
    return max(pixels, default=0.0) / float(figure.dpi)


def write_labels(
    axes: Axes, points: Floats, texts: Sequence[str], others: Floats, line: Floats
) -> int:
    """Write a text beside each of (N, 2) points, where it covers neither a text nor a point.

    The panel must have its final place and limits. A text that finds room only further away gets a
    line to its point, and one that finds none is left out.

    Args:
        others: (M, 2) points without a text, and
        line: (K, 2) corners of a line: covered rather than that a text is left out.

    Returns:
        The number of texts written.
    """
    figure = axes.get_figure(root=True)
    assert figure is not None
    per_point = figure.dpi / 72
    to_pixels = axes.transData.transform
    marks, faint = to_pixels(points), np.concatenate([to_pixels(others), _along(to_pixels(line))])
    taken: list[Floats] = []
    for text, point, mark in zip(texts, points, marks, strict=True):
        room = 3 + np.array([longest(figure, [text], _LABEL) * figure.dpi, _LABEL * per_point])
        box = _free_box(mark, room, np.array(axes.bbox.extents), taken, marks, faint)
        if box is None:
            continue
        taken.append(box)
        middle = (box[:2] + box[2:]) / 2
        far = (np.abs(middle - mark) - room / 2).max() > 8 * per_point
        axes.annotate(
            text, tuple(point), tuple((middle - mark) / per_point), fontsize=_LABEL, color=INK,
            textcoords="offset points", ha="center", va="center", parse_math=False,
            arrowprops={"arrowstyle": "-", "color": GREY, "linewidth": 0.5, "shrinkA": 0,
                        "shrinkB": 2} if far else None,
        )  # fmt: skip
    return len(taken)


def _along(corners: Floats) -> Floats:
    """Place points (M, 2) along a line with these corners, 2 pixels apart at most."""
    pieces = [corners]
    for begin, end in itertools.pairwise(corners):
        shares = np.linspace(0, 1, int(np.abs(end - begin).max() / 2) + 2)[:, None]
        pieces.append(begin + shares * (end - begin))
    return np.concatenate(pieces)


def _free_box(
    mark: Floats, room: Floats, frame: Floats, taken: Sequence[Floats], marks: Floats, faint: Floats
) -> Floats | None:
    """Find the nearest free box (left, bottom, right, top) for a text; None: there is none.

    It is looked for on rings about the mark, and in pixels, as all that is given.
    """
    for obstacles in (np.concatenate([marks, faint]), marks):
        for ring in range(_RINGS):
            reach = room / 2 + 5.0 * (1 + ring)
            for turn in _TURNS:
                way = np.array([np.cos(turn), np.sin(turn)])
                middle = mark + reach * way / np.abs(way).max()
                box = np.concatenate([middle - room / 2, middle + room / 2])
                inside = (box[:2] >= frame[:2]).all() and (box[2:] <= frame[2:]).all()
                if not inside or any(_overlap(box, other) for other in taken):
                    continue
                covered = (obstacles > box[:2] - 3) & (obstacles < box[2:] + 3)
                if not covered.all(axis=1).any():
                    return box
    return None


def _overlap(one: Floats, other: Floats) -> bool:
    return bool((one[:2] < other[2:]).all() and (other[:2] < one[2:]).all())


def save(figure: Figure, path: Path) -> Path:
    """Write a PNG, whole or not at all; the same picture gives the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as fresh:
        figure.savefig(fresh, format="png", metadata={"Software": None}, facecolor="white")
    return path


def score_of(metrics: Mapping[str, float]) -> str:
    """Return what is drawn beside the loss: accuracy, or R² where numbers are predicted."""
    return "r2" if "val_r2" in metrics and "val_accuracy" not in metrics else "accuracy"


def curves(rows: Mapping[int, Mapping[str, float]], task: TaskConfig, path: Path) -> Path:
    """Draw loss, accuracy (or R²) and learning rate by epoch, and mark the best epoch.

    Args:
        rows: metrics from `trainers.files.history.read`; not empty.
    """
    epochs = list(rows)
    values = {name: [rows[e].get(name, np.nan) for e in epochs] for name in rows[epochs[0]]}
    varies = len(set(values.get("lr", ()))) > 1
    figure = canvas(11.0 if varies else 8.0, 3.4)
    panels: Sequence[Axes] = figure.subplots(1, 3 if varies else 2)
    best_epoch = best(rows, task)
    for axes, kind in zip(panels, ("loss", score_of(rows[epochs[0]])), strict=False):
        tidy(axes, TITLES[kind], "epoch", UNITS[kind])
        for part, colour, style in (("train", BLUE, "--"), ("val", ORANGE, "-")):
            name = f"{part}_{kind}"
            if name in values:
                axes.plot(
                    epochs, values[name], style, color=colour, label=PARTS[part],
                    linewidth=1.6, marker="o" if len(epochs) == 1 else None,
                )  # fmt: skip
        _mark(axes, task, best_epoch, rows[best_epoch], kind)
        axes.legend(fontsize=8, frameon=False)
    if varies:
        tidy(panels[2], "Learning rate", "epoch", "learning rate of the first step")
        panels[2].plot(epochs, values["lr"], color=GREEN, linewidth=1.6)
    for axes in panels:
        axes.set_xlim(*_around(epochs))
        whole_numbers(axes, epochs)
    return save(figure, path)


def _around(epochs: Sequence[int]) -> tuple[float, float]:
    """Make room at both ends for a mark, and none for an epoch before the first."""
    margin = 0.02 * (epochs[-1] - epochs[0]) or 0.5
    return epochs[0] - min(margin, 0.5), epochs[-1] + margin


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
            heat(axes, by_epoch)
            title = chosen[place] if kind == "weights" else "its last gradient"
            tidy(axes, title, "epoch" if last else "", grid=False)
            axes.title.set_fontsize(8)
            axes.tick_params(labelsize=7, labelbottom=last)
    some = (
        f"{len(chosen)} of {len(parameters)} parameters, " if len(chosen) < len(parameters) else ""
    )
    figure.suptitle(
        f"Weights and gradients by epoch ({some}dark: most numbers)",
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


def heat(
    axes: Axes, by_epoch: Mapping[int, Histogram], ends: tuple[float, float] | None = None
) -> None:
    """Draw a column for each epoch, whose fullest level is the darkest.

    Args:
        ends: of the numbers' axis; None: those of `range_of`.
    """
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
    full = {epoch: h for epoch, h in by_epoch.items() if sum(h.counts)}
    if not full:
        axes.text(0.5, 0.5, "none", transform=axes.transAxes, ha="center", color=GREY, fontsize=8)
        axes.set_xticks([])
        axes.set_yticks([])
        return
    levels = np.linspace(*(ends or range_of(full.values())), _LEVELS + 1)
    columns = _blur(np.array([spread(h, levels) for h in full.values()]).T)
    numbers = np.array(list(full), dtype=float)
    sides = np.concatenate(
        [[numbers[0] - 0.5], (numbers[1:] + numbers[:-1]) / 2, [numbers[-1] + 0.5]]
    )
    shade = np.sqrt(columns / columns.max(axis=0, keepdims=True).clip(min=1e-300))
    axes.pcolormesh(sides, levels, shade, cmap="Blues", vmin=0, vmax=1, rasterized=True)
    whole_numbers(axes, list(full))


def range_of(histograms: Iterable[Histogram]) -> tuple[float, float]:
    """Find a range that holds nearly all numbers of these histograms, which are not all empty."""
    ends = np.array([_ends(h) for h in histograms if sum(h.counts)])
    low, high = float(ends[:, 0].min()), float(ends[:, 1].max())
    margin = 0.02 * (high - low) or max(abs(high), 1e-3) * 0.05
    return low - margin, high + margin


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
