"""Draw the objective against each swept key, with the best that was had beside each value."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from sweeps.figures.drawing.canvas import WIDTH, Canvas, Frame, polyline
from sweeps.figures.drawing.marks import TrialMarks, any_stopped, counted, slug
from sweeps.figures.drawing.parameters import PlacedKey, parameters_of
from sweeps.figures.drawing.scales import Scale, focused, objective_scale, quantile
from sweeps.figures.figure import Figure
from sweeps.findings.finding import Findings
from sweeps.formatting import number, score
from sweeps.recorded.recorded_sweep import RecordedSweep
from sweeps.trials import TrialRecord

_TOP, _HEIGHT, _BOTTOM, _LEFT = 30, 300, 50, 56
#: Slices of a numeric axis of which the envelope joins the best.
_SLICES = 12
#: Lanes whose names fit below them.
_MOST_LANES = 12
#: Rows of a table, at most.
_MOST_ROWS = 12
#: Bad trials may lie at the edge: all but this share are placed by their value.
_SHOWN_FROM = 0.25


def parameters(sweep: RecordedSweep, findings: Findings, marks: TrialMarks) -> list[Figure]:
    """Draw one plot for each swept key, the most important first."""
    trials = [trial for trial in marks.drawn if trial.id in marks.scored]
    if not trials:
        return []
    order = {one.parameter: place for place, one in enumerate(findings.importances)}
    found = parameters_of(sweep, trials)
    found.sort(key=lambda parameter: order.get(parameter.key, len(order)))
    up = scale_up(marks, _SHOWN_FROM)
    figures = (_figure(parameter, trials, up, marks) for parameter in found)
    return [figure for figure in figures if figure is not None]


def scale_up(marks: TrialMarks, shown_from: float) -> Scale:
    """Return the scale of the objective over the trials; the worst of them may lie beyond.

    Args:
        shown_from: share of the trials, the worst, that need not lie within.
    """
    maximize = marks.sweep.objective.maximize
    values = sorted((one.value for one in marks.scored.values()), reverse=not maximize)
    shown = focused(values, quantile(values, shown_from), maximize)
    return objective_scale(shown, maximize, margin=0.06)


def _figure(
    parameter: PlacedKey, trials: Sequence[TrialRecord], up: Scale, marks: TrialMarks
) -> Figure | None:
    here = [trial for trial in trials if parameter.at(trial) is not None]
    if not here or (parameter.is_choice and len(parameter.scale.ticks(2)) < 2):
        return None  # one value alone has nothing to be compared with
    objective = marks.sweep.objective
    frame = Frame(parameter.scale, up, _LEFT, _TOP, WIDTH - 12, _HEIGHT - _BOTTOM)
    canvas = Canvas(f"{objective.metric} against {parameter.key}", _HEIGHT)
    canvas.axes(frame, parameter.name, objective.metric, _MOST_LANES)
    canvas.ranks("worst", "best", 14)
    for end in parameter.ends or ():
        x = frame.across(end) or frame.left
        canvas.line(x, frame.top, x, frame.bottom, "edge")
    _draw_envelope(canvas, frame, parameter, here, marks)
    dots = []
    for trial in marks.in_order(here):
        x = frame.left + (parameter.at(trial) or 0.0) * (frame.right - frame.left)
        y = min(max(frame.up(marks.scored[trial.id].value) or 0, frame.top), frame.bottom)
        told = f" with {number(trial.params[parameter.key])}"
        dots.append(marks.dot(trial, x, y, told))
    canvas.trials(dots)
    return Figure(
        f"parameter-{slug(parameter.key)}",
        parameter.key,
        _sentence(parameter, here, trials, marks, frame),
        canvas.svg(),
        (parameter.key, "trials", f"best {objective.metric}", "median", "best trial"),
        _table(parameter, here, marks),
    )


def _draw_envelope(
    canvas: Canvas,
    frame: Frame,
    parameter: PlacedKey,
    trials: Sequence[TrialRecord],
    marks: TrialMarks,
) -> None:
    """Join the best of each slice of the axis; of a choice, draw the best and median of a lane."""
    width = frame.right - frame.left

    def height(value: float) -> float:
        return min(max(frame.up(value) or 0.0, frame.top), frame.bottom)

    slices = _slices(parameter, trials)
    if not parameter.is_choice:
        bests = [max(part, key=marks.quality) for part in slices.values()]
        points = [
            (frame.left + (parameter.at(one) or 0.0) * width, height(marks.scored[one.id].value))
            for one in bests
        ]
        if len(points) > 1:
            canvas.add(f'<path class="envelope" d="{polyline(points)}"/>')
        return
    lanes = len(frame.x.ticks(10**6))
    half = width / lanes * 0.38
    for place, part in slices.items():
        middle = frame.left + (place + 0.5) / lanes * width
        values = [marks.scored[one.id].value for one in part]
        best = height(marks.scored[max(part, key=marks.quality).id].value)
        canvas.line(middle - half, best, middle + half, best, "envelope")
        median = height(statistics.median(values))
        canvas.line(middle - half, median, middle + half, median, "median")


def _slices(parameter: PlacedKey, trials: Sequence[TrialRecord]) -> dict[int, list[TrialRecord]]:
    """Sort trials into the slices of an axis, those of a choice into its lanes; from the left."""
    count = len(parameter.scale.ticks(10**6)) if parameter.is_choice else _SLICES
    slices: dict[int, list[TrialRecord]] = {}
    for trial in trials:
        at = parameter.at(trial, jitter=0.0) or 0.0
        slices.setdefault(min(int(at * count), count - 1), []).append(trial)
    return dict(sorted(slices.items()))


def _sentence(
    parameter: PlacedKey,
    here: Sequence[TrialRecord],
    trials: Sequence[TrialRecord],
    marks: TrialMarks,
    frame: Frame,
) -> str:
    top = max(here, key=marks.quality)
    metric = marks.sweep.objective.metric
    best = score(marks.scored[top.id].value)
    stopped = f", stopped ones by their best {metric}" if any_stopped(here) else ""
    parts = [
        f"{counted(len(here), 'trial')}{stopped}: the best, {best}, at {parameter.key} "
        f"{number(top.params[parameter.key])} (trial {marks.prefix}{top.id})."
    ]
    if parameter.ends:
        low, high = parameter.ends
        drawn = "joined line: the best of each part of the range"
        parts.append(f"Dashed: the ends of the space, {number(low)} and {number(high)}; {drawn}.")
    else:
        parts.append("Solid bars: the best of each choice; dashed: its median.")
    if len(here) < len(trials):
        parts.append(f"Without this key: {counted(len(trials) - len(here), 'trial')}.")
    beyond = sum(not 0 <= (frame.y.at(marks.scored[t.id].value) or 0.0) <= 1 for t in here)
    if beyond:
        parts.append(f"{beyond} of the worst lie at the edge of the frame.")
    if marks.unscored:
        parts.append(marks.left_out)
    return " ".join(parts) + marks.thinned


def _table(
    parameter: PlacedKey, trials: Sequence[TrialRecord], marks: TrialMarks
) -> list[tuple[str, ...]]:
    parts = sorted(_slices(parameter, trials).values(), key=len, reverse=True)[:_MOST_ROWS]
    if parameter.is_choice:
        parts.sort(key=lambda part: -max(map(marks.quality, part)))
    else:
        parts.sort(key=lambda part: parameter.at(part[0]) or 0.0)
    rows: list[tuple[str, ...]] = []
    for part in parts:
        top = max(part, key=marks.quality)
        values = [marks.scored[one.id].value for one in part]
        own = sorted(
            (one.params[parameter.key] for one in part),
            key=lambda value: value if isinstance(value, int | float) else 0,
        )
        ends = list(dict.fromkeys((number(own[0]), number(own[-1]))))
        name = ends[0] if parameter.is_choice else " to ".join(ends)
        median = score(statistics.median(values))
        best = score(marks.scored[top.id].value)
        rows.append((name, str(len(part)), best, median, f"{marks.prefix}{top.id}"))
    return rows
