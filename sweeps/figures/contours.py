"""Draw the objective over two swept keys, for the pairs that matter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

from sweeps.figures.drawing.canvas import WIDTH, Canvas, Frame, coordinate
from sweeps.figures.drawing.marks import TrialMarks, any_stopped, counted, slug
from sweeps.figures.drawing.parameters import UP, PlacedKey, parameters_of
from sweeps.figures.figure import Figure
from sweeps.findings.finding import Findings
from sweeps.formatting import number, score
from sweeps.recorded.recorded_sweep import RecordedSweep
from sweeps.trials import TrialRecord

_TOP, _HEIGHT, _BOTTOM, _LEFT = 40, 400, 50, 84
#: Keys of which all pairs are drawn.
_KEYS = 3
#: Fewer trials make no surface.
_FEWEST = 8
#: Cells of a numeric axis.
_CELLS_ACROSS, _CELLS_UP = 64, 40
#: Nothing is filled in farther from all trials, in units of the smoothing's width.
_REACH = 2.5
_MOST_ROWS = 5
#: A choice of more values has too few trials of each.
_MOST_LANES = 12

_Array = npt.NDArray[np.float64]


def contours(sweep: RecordedSweep, findings: Findings, marks: TrialMarks) -> list[Figure]:
    """Draw what lies between all trials, stopped ones by their best value, and the trials on it.

    Of the pairs that matter together, where there are some; else of the most important keys.
    Cells have the colour of a mean of the ranks nearby, weighted by distance, so that a single bad
    value does not take all of the scale.
    """
    trials = [trial for trial in marks.drawn if trial.id in marks.scored]
    known = {parameter.key: parameter for parameter in parameters_of(sweep, trials)}
    first = [one.parameter for one in findings.importances if one.parameter in known]
    wanted = [k for k in dict.fromkeys((*first, *known)) if _count(known[k], 0) <= _MOST_LANES]
    together = [pair for pair in findings.together if all(key in wanted for key in pair)]
    pairs = together or combinations(wanted[:_KEYS], 2)
    figures = (_figure(known[a], known[b], trials, marks) for a, b in pairs)
    return [figure for figure in figures if figure is not None]


def _figure(
    one: PlacedKey, other: PlacedKey, trials: Sequence[TrialRecord], marks: TrialMarks
) -> Figure | None:
    here = [t for t in trials if one.at(t) is not None and other.at(t) is not None]
    if len(here) < _FEWEST or any(len({p.value(t) for t in here}) < 2 for p in (one, other)):
        return None
    across, up = (other, one) if one.is_choice and not other.is_choice else (one, other)
    frame = Frame(across.scale, up.scale, _LEFT, _TOP, WIDTH - 12, _HEIGHT - _BOTTOM)
    canvas = Canvas(f"{marks.sweep.objective.metric} over {across.key} and {up.key}", _HEIGHT)
    canvas.add(*_cells(across, up, here, marks, frame))
    canvas.axes(frame, across.name, up.name)
    canvas.ranks("worst", "best", 15)
    dots = []
    for trial in marks.in_order(here):
        x = frame.left + (across.at(trial) or 0.0) * (frame.right - frame.left)
        y = frame.bottom - (up.at(trial, UP) or 0.0) * (frame.bottom - frame.top)
        dots.append(marks.dot(trial, x, y))
    canvas.trials(dots, "on-cells")
    return Figure(
        f"contour-{slug(across.key)}-{slug(up.key)}",
        f"{across.key} and {up.key}",
        _sentence(across, up, here, trials, marks),
        canvas.svg(),
        ("trial", across.key, up.key, marks.sweep.objective.metric),
        _table(across, up, here, marks),
    )


def _cells(
    across: PlacedKey,
    up: PlacedKey,
    trials: Sequence[TrialRecord],
    marks: TrialMarks,
    frame: Frame,
) -> Iterator[str]:
    """Yield one path for each tenth of the ranks, made of the cells that have it."""
    columns, rows = _count(across, _CELLS_ACROSS), _count(up, _CELLS_UP)
    tenths = _surface(across, up, trials, marks, (columns, rows))
    width = (frame.right - frame.left) / columns
    height = (frame.bottom - frame.top) / rows
    for tenth in range(10):
        parts = []
        for row, begin, end in _runs(tenths == tenth):
            x, y = frame.left + begin * width, frame.bottom - (row + 1) * height
            size = f"h{coordinate((end - begin) * width)}v{coordinate(height)}"
            back = f"h{coordinate((begin - end) * width)}z"
            parts.append(f"M{coordinate(x)} {coordinate(y)}{size}{back}")
        if parts:
            yield f'<path class="cell v{tenth}" d="{"".join(parts)}"/>'


def _count(parameter: PlacedKey, cells: int) -> int:
    return len(parameter.scale.ticks(10**6)) if parameter.is_choice else cells


def _surface(
    across: PlacedKey,
    up: PlacedKey,
    trials: Sequence[TrialRecord],
    marks: TrialMarks,
    size: tuple[int, int],
) -> npt.NDArray[np.int64]:
    """Return the tenth of the ranks of each cell, (rows, columns); -1 where no trial is near."""
    order = sorted(trials, key=marks.quality)
    ranks = np.linspace(0, 1, len(order))
    points = np.array([[p.at(t, jitter=0.0) for p in (across, up)] for t in order], float)
    columns, rows = size
    width = 0.24 * len(order) ** (-1 / 5)
    x = _weights((np.arange(columns) + 0.5) / columns, points[:, 0], _width(across, width))
    y = _weights((np.arange(rows) + 0.5) / rows, points[:, 1], _width(up, width))
    weights = y @ x.T
    means = (y * ranks) @ x.T / np.maximum(weights, 1e-300)
    nearest = np.stack([(y[:, i : i + 1] * x[:, i]) for i in range(len(order))]).max(axis=0)
    tenths = np.minimum((means * 10).astype(np.int64), 9)
    return np.where(nearest > np.exp(-(_REACH**2) / 2), tenths, -1)


def _width(parameter: PlacedKey, width: float) -> float:
    """Return the width of the smoothing: a lane of a choice tells nothing of the next."""
    return 0.05 / _count(parameter, 1) if parameter.is_choice else width


def _weights(cells: _Array, points: _Array, width: float) -> _Array:
    """Return how much each point counts in each cell along one axis, (cells, points)."""
    found: _Array = np.exp(-(((cells[:, None] - points[None, :]) / width) ** 2) / 2)
    return found


def _runs(chosen: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int, int]]:
    """Yield (row, first column, column after the last) of each run of chosen cells."""
    for row, cells in enumerate(chosen):
        edges = np.flatnonzero(np.diff(np.concatenate(([0], cells.astype(np.int8), [0]))))
        for begin, end in zip(edges[::2], edges[1::2], strict=True):
            yield row, int(begin), int(end)


def _sentence(
    across: PlacedKey,
    up: PlacedKey,
    here: Sequence[TrialRecord],
    trials: Sequence[TrialRecord],
    marks: TrialMarks,
) -> str:
    top = max(here, key=marks.quality)
    told = ", ".join(f"{p.key} {number(top.params[p.key])}" for p in (across, up))
    stopped = ", stopped ones included by their best value" if any_stopped(here) else ""
    parts = [
        f"Of {len(here)} trials{stopped}, the best "
        f"({marks.prefix}{top.id}, {score(marks.scored[top.id].value)}) has {told}. Colours are "
        "ranks, smoothed between the trials; where none is near, nothing is filled in."
    ]
    if len(here) < len(trials):
        parts.append(f"Without one of the keys: {counted(len(trials) - len(here), 'trial')}.")
    if marks.unscored:
        parts.append(marks.left_out)
    return " ".join(parts) + marks.thinned


def _table(
    across: PlacedKey, up: PlacedKey, here: Sequence[TrialRecord], marks: TrialMarks
) -> list[tuple[str, ...]]:
    best = sorted(here, key=lambda trial: (-marks.quality(trial), trial.number))[:_MOST_ROWS]
    return [
        (
            marks.prefix + trial.id,
            *(number(trial.params[p.key]) for p in (across, up)),
            score(marks.scored[trial.id].value),
        )
        for trial in best
    ]
