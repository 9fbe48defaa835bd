"""Draw learning curves, with the rungs and where trials were stopped."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sweeps.figures.drawing.canvas import WIDTH, Canvas, Frame, coordinate, polyline, title
from sweeps.figures.drawing.marks import TrialMarks, counted
from sweeps.figures.drawing.scales import (
    Linear,
    Log,
    Scale,
    finite,
    focused,
    objective_scale,
    quantile,
)
from sweeps.figures.figure import Figure
from sweeps.findings.finding import Findings
from sweeps.formatting import clip, score
from sweeps.recorded.recorded_sweep import RecordedSweep
from sweeps.stop.asha import rung_after
from sweeps.trials import State, TrialRecord

_TOP, _HEIGHT, _BOTTOM = 44, 360, 50
_RIGHT = WIDTH - 52
#: More rungs say nothing.
_MOST_RUNGS = 60
#: Bad values may be cut off, but no more of them, and of the trials' best ones, than this share.
_SHOWN_FROM = 0.25
#: The scale across is logarithmic where the middle trial has ended before this share.
_EARLY = 0.15

#: Of several sweeps together, the trials of each that are drawn; and the colours there are.
_MOST_OF_A_SWEEP, _COLOURS = 6, 8

_Points = list[tuple[int, float]]


def curves(sweep: RecordedSweep, findings: Findings, marks: TrialMarks) -> Figure | None:
    """Draw the objective against the epoch, a line for each trial."""
    objective = sweep.objective
    told = {trial.id: _told(trial, objective.metric) for trial in marks.drawn}
    values = [value for points in told.values() for _, value in points]
    if not values:
        return None
    longest = max(epoch for points in told.values() for epoch, _ in points)
    across = _scale_across(marks, longest)
    frame = Frame(across, _scale_up(marks, values), 56, _TOP, _RIGHT, _HEIGHT - _BOTTOM)
    canvas = Canvas(f"Learning curves of {sweep.name}", _HEIGHT)
    name = "epoch (log scale)" if isinstance(across, Log) else "epoch"
    canvas.axes(frame, name, objective.metric)
    canvas.ranks("worst", "best", 14)
    rungs = [rung for rung in rungs_of(sweep.config.get("stop"), longest) if rung <= longest]
    _draw_rungs(canvas, frame, rungs)
    ends: dict[str, tuple[float, float]] = {}
    lines: list[str] = []
    for trial in marks.in_order(list(marks.drawn)):
        pieces = _pieces(frame, told[trial.id])
        if not pieces:
            continue
        ends[trial.id] = pieces[-1][-1]
        lines.append(
            f'<path{marks.attributes(trial)} d="{_line(trial, pieces)}">'
            f"{title(marks.told(trial))}</path>"
        )
    canvas.trials(lines)
    _name_ends(canvas, marks, ends)
    return Figure(
        "curves",
        "Learning curves",
        _sentence(sweep, marks, told, rungs, frame),
        canvas.svg(),
        (
            "epoch",
            "trials that reached it",
            "stopped after it",
            f"best {objective.metric}",
            "median",
        ),
        _table(sweep, marks, rungs, longest),
    )


def curves_by_sweep(all_marks: Sequence[TrialMarks]) -> Figure | None:
    """Draw the best few trials of several sweeps that optimise the same, a colour a sweep.

    Args:
        all_marks: of each sweep, with a prefix that names it.
    """
    shown = [marks for marks in all_marks if marks.best]
    if len(shown) < 2 or len({marks.sweep.objective for marks in shown}) > 1:
        return None
    objective = shown[0].sweep.objective
    lines: list[tuple[int, TrialMarks, TrialRecord, _Points]] = []
    for n, marks in enumerate(shown):
        ranked = sorted(marks.scored.values(), key=lambda one: -marks.quality(one.trial))
        best = [one.trial for one in ranked if one.trial.id != marks.best][: _MOST_OF_A_SWEEP - 1]
        for trial in (*reversed(best), marks.scored[marks.best].trial):
            lines.append((n, marks, trial, _told(trial, objective.metric)))
    longest = max(epoch for *_, points in lines for epoch, _ in points)
    values = sorted((v for *_, points in lines for _, v in points), reverse=not objective.maximize)
    focus = focused(values, quantile(values, _SHOWN_FROM), objective.maximize)
    across = Linear(0.5, 1.5, True) if longest == 1 else Linear(1 - 0.01 * longest, longest, True)
    up = objective_scale(focus, objective.maximize)
    frame = Frame(across, up, 56, _TOP, WIDTH - 12, _HEIGHT - _BOTTOM)
    canvas = Canvas("Learning curves by sweep", _HEIGHT)
    canvas.axes(frame, "epoch", objective.metric)
    for n, marks, trial, points in lines:
        kind = f"t c{n % _COLOURS + 1}{' strong' if trial.id == marks.best else ''}"
        d = _line(trial, _pieces(frame, points))
        told = title(marks.told(trial))
        canvas.add(f'<path class="{kind}" data-t="{marks.key(trial.id)}" d="{d}">{told}</path>')
    names = [clip(marks.sweep.name, 24) for marks in shown[:_COLOURS]]
    samples = [f'<path class="c{n + 1} strong" d="M0 0h14"/>' for n in range(len(names))]
    canvas.legend(list(zip(samples, names, strict=True)), 30)
    firsts = [(marks, marks.scored[marks.best]) for marks in shown]
    firsts.sort(key=lambda pair: -pair[0].quality(pair[1].trial))
    told = "; ".join(f"{m.sweep.name} {score(one.value)} ({m.prefix}{m.best})" for m, one in firsts)
    return Figure(
        "curves-by-sweep",
        "Learning curves by sweep",
        f"The best of each of {len(shown)} sweeps, thick, and the next few. Best first: {told}.",
        canvas.svg(),
        ("sweep", "best trial", f"best {objective.metric}", "at epoch", "trials"),
        [
            (m.sweep.name, m.prefix + m.best, score(one.value), str(one.epoch), str(len(m.scored)))
            for m, one in firsts
        ],
    )


def rungs_of(stop: Any, longest: int) -> list[int]:
    """Return the epochs at which a recorded stopping rule judges; several rules have theirs all."""
    if not isinstance(stop, Mapping):
        return []
    if isinstance(rules := stop.get("rules"), Mapping):
        return sorted({rung for rule in rules.values() for rung in rungs_of(rule, longest)})
    grace, factor = finite(stop.get("grace")), finite(stop.get("factor"))
    found: list[int] = []
    if grace is not None and factor is not None and grace >= 1 and factor > 1:
        rung = round(grace)
        while rung <= longest and len(found) < _MOST_RUNGS:
            found.append(rung)
            rung = rung_after(rung, round(grace), factor)
    elif (interval := finite(stop.get("interval"))) is not None and interval >= 1:
        found = list(range(round(interval), longest + 1, round(interval)))[:_MOST_RUNGS]
    return found


def _told(trial: TrialRecord, metric: str) -> _Points:
    """List the finite values of a trial, from the last of its parent's on."""
    told = ((epoch, finite(trial.epochs[epoch].get(metric))) for epoch in sorted(trial.epochs))
    begin = trial.taken_over
    return [(epoch, value) for epoch, value in told if value is not None and epoch >= begin]


def _scale_up(marks: TrialMarks, values: list[float]) -> Scale:
    maximize = marks.sweep.objective.maximize
    bests = sorted((one.value for one in marks.scored.values()), reverse=not maximize)
    ends = [quantile(sorted(values, reverse=not maximize), _SHOWN_FROM)]
    ends += [quantile(bests, _SHOWN_FROM)] if bests else []
    shown = focused(values, min(ends) if maximize else max(ends), maximize)
    return objective_scale(shown, maximize)


def _scale_across(marks: TrialMarks, longest: int) -> Scale:
    ends = sorted(trial.last_epoch for trial in marks.drawn if trial.epochs)
    if longest == 1:
        return Linear(0.5, 1.5, True)
    if longest >= 10 and quantile(ends, 0.5) < _EARLY * longest:
        return Log(0.95, longest)
    return Linear(1 - 0.01 * longest, longest, True)


def _pieces(frame: Frame, points: _Points) -> list[list[tuple[float, float]]]:
    """Return what of a curve lies within the frame; its end, at the edge, if nothing does."""
    places = [
        (across, up)
        for epoch, value in points
        if (across := frame.across(epoch)) is not None and (up := frame.up(value)) is not None
    ]
    edge = [[at] for at in [frame.place(*points[-1])] if at] if points else []
    return frame.within(places) or edge


def _line(trial: TrialRecord, pieces: list[list[tuple[float, float]]]) -> str:
    """Return a trial's path: a ring if it is a point, a bar at its end if it was stopped."""
    if sum(map(len, pieces)) == 1:
        x, y = pieces[0][0]
        return f"M{coordinate(x - 2.5)} {coordinate(y)}a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0-5 0"
    stopped = "m0-3v6" if trial.state is State.STOPPED else ""
    return "".join(polyline(piece, curve=True) for piece in pieces) + stopped


def _draw_rungs(canvas: Canvas, frame: Frame, rungs: list[int]) -> None:
    last = 0.0
    for rung in rungs:
        x = frame.across(rung) or frame.left
        canvas.line(x, frame.top - 4, x, frame.bottom, "rung")
        if x - last > 22:
            canvas.text(x, frame.top - 8, str(rung), "tick", "middle")
            last = x


def _name_ends(canvas: Canvas, marks: TrialMarks, ends: dict[str, tuple[float, float]]) -> None:
    """Name the best and the baseline where their curves end, unless one covers the other."""
    taken: list[float] = []
    for trial, kind in ((marks.best, "best"), (marks.baseline, "baseline")):
        if trial not in ends:
            continue
        x, y = ends[trial]
        while any(abs(y - other) < 13 for other in taken):
            y += 13
        taken.append(y)
        canvas.text(x + 6, y + 4, trial, f"label {kind}")
        if marks.best == marks.baseline:
            return


def _sentence(
    sweep: RecordedSweep,
    marks: TrialMarks,
    told: dict[str, _Points],
    rungs: list[int],
    frame: Frame,
) -> str:
    searched = [trial for trial in sweep.searched if trial.epochs]
    longest = max(trial.last_epoch for trial in searched)
    states = Counter(trial.state for trial in searched)
    ended = ", ".join(f"{count} {state.value}" for state, count in states.most_common())
    parts = [f"{counted(len(searched), 'trial')} of up to {counted(longest, 'epoch')}: {ended}."]
    if marks.best:
        best = marks.scored[marks.best]
        which = "best that has ended" if State.RUNNING in states else "best"
        parts.append(
            f"The {which}, {marks.prefix}{marks.best}, reached {sweep.objective.metric} "
            f"{score(best.value)} at epoch {best.epoch}."
        )
    if rungs:
        parts.append(f"Dashed: the epochs at which trials were judged ({_listed(rungs)}).")
    lost = sum(len(t.epochs) - t.taken_over for t in marks.drawn) - sum(
        sum(epoch > t.taken_over for epoch, _ in told[t.id]) for t in marks.drawn
    )
    if lost:
        parts.append(f"Left out, as they are not finite: {counted(lost, 'value')}.")
    beyond = sum(
        not 0 <= (frame.y.at(value) or 0.0) <= 1 for points in told.values() for _, value in points
    )
    if beyond:
        parts.append(f"Beyond the frame: {counted(beyond, 'bad value')}.")
    return " ".join(parts) + marks.thinned


def _listed(rungs: list[int]) -> str:
    shown = ", ".join(map(str, rungs[:8]))
    return f"{shown}, …" if len(rungs) > 8 else shown


def _table(
    sweep: RecordedSweep, marks: TrialMarks, rungs: list[int], longest: int
) -> list[tuple[str, ...]]:
    metric, maximize = sweep.objective.metric, sweep.objective.maximize
    marked = rungs if 1 < len(rungs) <= 12 else []
    epochs = sorted({1, *marked, *(longest * n // 4 for n in range(1, 5))} - {0})
    rows: list[tuple[str, ...]] = []
    for epoch in epochs:
        there = [
            value
            for trial in sweep.searched
            if (value := finite(trial.epochs.get(epoch, {}).get(metric))) is not None
        ]
        if not there:
            continue
        stopped = sum(t.state is State.STOPPED and t.last_epoch == epoch for t in sweep.searched)
        best = max(there) if maximize else min(there)
        middle = statistics.median(there)
        rows.append((str(epoch), str(len(there)), str(stopped), score(best), score(middle)))
    return rows
