"""Draw parallel coordinates: an axis for each key and the objective, a line for each trial."""

from __future__ import annotations

from collections.abc import Sequence

from sweeps.figures.drawing.canvas import WIDTH, Canvas, coordinate, polyline, text_width, title
from sweeps.figures.drawing.marks import TrialMarks
from sweeps.figures.drawing.parameters import PlacedKey, parameters_of
from sweeps.figures.drawing.scales import Scale
from sweeps.figures.figure import Figure
from sweeps.figures.parameters import scale_up
from sweeps.findings.finding import Findings
from sweeps.formatting import number, score, short_names
from sweeps.recorded.recorded_sweep import RecordedSweep
from sweeps.trials import TrialRecord

_TOP, _BOTTOM, _HEIGHT = 52, 330, 360
_LEFT, _RIGHT = 44, WIDTH - 52
#: Axes that fit beside each other, the objective's among them.
_MOST_AXES = 9
#: Where lines cross that have no such key.
_NONE = 346
_MOST_ROWS = 8


def parallel(sweep: RecordedSweep, findings: Findings, marks: TrialMarks) -> Figure | None:
    """Draw the most important keys from left to right, then the objective."""
    trials = [trial for trial in marks.drawn if trial.id in marks.scored]
    order = {one.parameter: place for place, one in enumerate(findings.importances)}
    known = sorted(parameters_of(sweep, trials), key=lambda p: order.get(p.key, len(order)))
    shown = [p for p in known if len({p.value(t) for t in trials}) > 1][: _MOST_AXES - 1]
    if len(shown) < 2 or len(trials) < 2:
        return None
    canvas = Canvas(f"Parallel coordinates of {sweep.name}", _HEIGHT)
    up = scale_up(marks, 0.25)
    places = [_LEFT + n * (_RIGHT - _LEFT) / len(shown) for n in range(len(shown) + 1)]
    lines = []
    for trial in marks.in_order(trials):
        heights = [_height(parameter.at(trial)) for parameter in shown]
        heights.append(_height(up.at(marks.scored[trial.id].value)))
        d = polyline(zip(places, heights, strict=True))
        told = title(marks.brief(trial))
        lines.append(f'<path{marks.attributes(trial)} d="{d}">{told}</path>')
    canvas.trials(lines)
    names = short_names([parameter.key for parameter in shown])
    for n, parameter in enumerate(shown):
        _draw_axis(canvas, places, n, names[parameter.key], parameter.scale)
    metric = sweep.objective.metric
    _draw_axis(canvas, places, len(shown), metric, up)
    lacking = any(p.key not in trial.params for trial in trials for p in shown)
    if lacking:
        canvas.text(4, _NONE + 4, "none", "tick")
    return Figure(
        "parallel",
        "Parallel coordinates",
        _sentence(shown, known, trials, marks, lacking),
        canvas.svg(),
        ("trial", *(parameter.key for parameter in shown), metric),
        _table(shown, trials, marks),
    )


def _height(at: float | None) -> float:
    if at is None:
        return _NONE
    return _BOTTOM - min(max(at, 0.0), 1.0) * (_BOTTOM - _TOP)


def _draw_axis(canvas: Canvas, places: Sequence[float], n: int, name: str, scale: Scale) -> None:
    """Draw one axis; every other name stands a line higher, so that they have room."""
    x, room = places[n], places[1] - places[0]
    canvas.line(x, _TOP, x, _BOTTOM, "axis")
    for tick in scale.ticks(7):
        y = _BOTTOM - tick.at * (_BOTTOM - _TOP)
        canvas.line(x - 3, y, x, y, "axis")
        if n == len(places) - 1:
            canvas.text(x + 6, y + 4, tick.label, "tick halo", room=44)
        else:
            canvas.text(x - 5, y + 4, tick.label, "tick halo", "end", min(room * 0.7, 60))
    y = 34 if n % 2 else 16
    half = text_width(name) / 2
    anchor = "end" if x + half > WIDTH - 4 else "start" if x - half < 4 else "middle"
    at = WIDTH - 4 if anchor == "end" else 4 if anchor == "start" else x
    canvas.text(at, y, name, "label", anchor, 1.9 * room)
    canvas.add(f'<path class="grid" d="M{coordinate(x)} {y + 5}V{_TOP}"/>')


def _sentence(
    shown: Sequence[PlacedKey],
    known: Sequence[PlacedKey],
    trials: Sequence[TrialRecord],
    marks: TrialMarks,
    lacking: bool,
) -> str:
    best = marks.sweep.objective.goal
    parts = [f"A line a trial, {len(trials)} of them, from its values on the left to {best}."]
    if marks.best:
        top = marks.scored[marks.best].trial
        told = ", ".join(
            f"{p.key} {number(top.params[p.key])}" for p in shown if p.key in top.params
        )
        parts.append(f"The best, {marks.prefix}{top.id}: {told}.")
    if lacking:
        parts.append("Lines below the axes have no such key.")
    if len(shown) < len(known):
        parts.append(f"{len(shown)} of {len(known)} keys are shown.")
    if marks.unscored:
        parts.append(marks.left_out)
    return " ".join(parts) + marks.thinned


def _table(
    shown: Sequence[PlacedKey], trials: Sequence[TrialRecord], marks: TrialMarks
) -> list[tuple[str, ...]]:
    best = sorted(trials, key=lambda trial: (-marks.quality(trial), trial.number))[:_MOST_ROWS]
    return [
        (
            marks.prefix + trial.id,
            *(number(trial.params[p.key]) if p.key in trial.params else "" for p in shown),
            score(marks.scored[trial.id].value),
        )
        for trial in best
    ]
