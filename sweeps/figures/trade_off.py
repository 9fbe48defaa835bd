"""Draw the trade-off between the first two objectives, and its front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from sweeps.figures.drawing.canvas import WIDTH, Canvas, Frame, polyline
from sweeps.figures.drawing.marks import TrialMarks, counted
from sweeps.figures.drawing.scales import finite, focused, objective_scale, quantile
from sweeps.figures.figure import Figure
from sweeps.findings.finding import Findings
from sweeps.formatting import score
from sweeps.recorded.recorded_sweep import RecordedSweep
from sweeps.trials import Objective, front, scores

_TOP, _HEIGHT, _BOTTOM, _LEFT = 30, 380, 50, 64
_MOST_ROWS, _MOST_NAMES = 20, 12


def trade_off(sweep: RecordedSweep, findings: Findings, marks: TrialMarks) -> Figure | None:
    """Draw all trials by the first two objectives; those that none beats in all are joined."""
    if len(sweep.objectives) < 2:
        return None
    up, across = sweep.objectives[:2]
    values: dict[str, tuple[float, float]] = {}
    for trial in (ranked.trial for ranked in marks.scored.values()):
        both = scores(trial, (up, across))
        if both is not None and None not in map(finite, both):
            values[trial.id] = (both[1], both[0])
    if not values:
        return None
    best = [one.trial for one in front(sweep.searched, sweep.objectives) if one.trial.id in values]
    frame = _frame(values, [values[trial.id] for trial in best], (across, up))
    canvas = Canvas(f"{up.metric} against {across.metric}", _HEIGHT)
    canvas.axes(frame, _name(across), _name(up))
    at = {name: place for name, both in values.items() if (place := frame.place(*both))}
    if len(sweep.objectives) == 2:
        corners = _steps([at[trial.id] for trial in best], across)
        canvas.add(f'<path class="envelope" d="{polyline(corners)}"/>')
    drawn = [trial for trial in sweep.searched if trial.id in at]
    kept = {trial.id for trial in (*marks.drawn, *best)}
    for trial in marks.in_order([trial for trial in drawn if trial.id in kept]):
        canvas.add(marks.dot(trial, *at[trial.id], f", {score(values[trial.id][0])}"))
    _name_front(canvas, {trial.id: at[trial.id] for trial in best[:_MOST_NAMES]})
    left = len(marks.scored) - len(values)
    lost = f" Left out, without both values: {counted(left, 'trial')}." if left else ""
    which = "both" if len(sweep.objectives) == 2 else f"all {len(sweep.objectives)} objectives"
    return Figure(
        "trade-off",
        f"{up.metric} against {across.metric}",
        f"{counted(len(values), 'trial')}; none beats {len(best)} of them in {which}: from "
        f"{marks.prefix}{best[0].id} with the best {up.metric}, {score(values[best[0].id][1])}, to "
        f"{marks.prefix}{best[-1].id}.{lost}{marks.thinned}"
        if best
        else f"{counted(len(values), 'trial')}.{lost}",
        canvas.svg(),
        ("trial", *(objective.metric for objective in sweep.objectives)),
        [
            (marks.prefix + trial.id, *map(score, scores(trial, sweep.objectives) or ()))
            for trial in best[:_MOST_ROWS]
        ],
    )


def _frame(
    values: Mapping[str, tuple[float, float]],
    best: Sequence[tuple[float, float]],
    objectives: tuple[Objective, Objective],
) -> Frame:
    across, up = (
        objective_scale(
            _shown([v[n] for v in values.values()], one, [v[n] for v in best]), one.maximize
        )
        for n, one in enumerate(objectives)
    )
    return Frame(across, up, _LEFT, _TOP, WIDTH - 20, _HEIGHT - _BOTTOM)


def _name_front(canvas: Canvas, places: Mapping[str, tuple[float, float]]) -> None:
    """Write the names of trials beside them, where there is room."""
    taken: list[tuple[float, float]] = []
    for trial, (x, y) in places.items():
        if all(abs(x - a) > 34 or abs(y - b) > 13 for a, b in taken):
            taken.append((x, y))
            canvas.text(min(x + 7, WIDTH - 34), max(y - 6, 22), trial, "tick halo")


def _shown(values: list[float], objective: Objective, front_values: list[float]) -> list[float]:
    """Return the ends of an axis: the front in any case, and most of the others."""
    ordered = sorted(values, reverse=not objective.maximize)
    return [*focused(ordered, quantile(ordered, 0.1), objective.maximize), *front_values]


def _name(objective: Objective) -> str:
    return f"{objective.metric} ({'highest' if objective.maximize else 'lowest'} is best)"


def _steps(places: list[tuple[float, float]], across: Objective) -> list[tuple[float, float]]:
    """Join the front by steps: of the one, what is to be had with so much of the other."""
    ordered = sorted(places)
    corners: list[tuple[float, float]] = []
    for (x, y), (next_x, next_y) in pairwise(ordered):
        corners += [(x, y), (x, next_y) if across.maximize else (next_x, y)]
    return [*corners, *ordered[-1:]]
