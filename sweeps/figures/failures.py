"""Draw the trials that came to nothing, by reason."""

from __future__ import annotations

import re

from sweeps.figures.drawing.canvas import WIDTH, Canvas
from sweeps.figures.drawing.marks import TrialMarks, counted
from sweeps.figures.figure import Figure
from sweeps.findings.finding import Findings
from sweeps.formatting import duration, one_line
from sweeps.recorded.recorded_sweep import RecordedSweep
from sweeps.trials import State, TrialRecord

_TOP, _LANE, _LEFT = 14, 40, 14
_MOST_REASONS = 15
#: Trials of a reason that have a dot.
_MOST_DOTS = 250
_STATES = (State.FAILED, State.DIVERGED, State.ABANDONED, State.INFEASIBLE)


def failures(sweep: RecordedSweep, findings: Findings, marks: TrialMarks) -> Figure | None:
    """Draw a row of trials for each reason, the most frequent first."""
    reasons: dict[tuple[State, str], list[TrialRecord]] = {}
    for trial in sweep.trials:
        if trial.state in _STATES:
            reasons.setdefault((trial.state, alike(trial.reason)), []).append(trial)
    if not reasons:
        return None
    found = sorted(reasons.items(), key=lambda item: -len(item[1]))
    shown = found[:_MOST_REASONS]
    most = max(min(len(trials), _MOST_DOTS) for _, trials in shown)
    step = min(12.0, (WIDTH - _LEFT - 70) / most)
    canvas = Canvas(f"Failures of {sweep.name}", _TOP + _LANE * len(shown) + 4)
    for place, ((state, _), trials) in enumerate(shown):
        y = _TOP + place * _LANE
        first = one_line(trials[0].reason) or "no reason on record"
        canvas.text(_LEFT - 6, y + 2, f"{state.value}: {first}", "label", room=WIDTH - 24)
        for n, trial in enumerate(trials[:_MOST_DOTS]):
            told = f" ({trial.reason})" if trial.reason else ""
            canvas.add(marks.dot(trial, _LEFT + n * step, y + 16, told))
        end = _LEFT + (min(len(trials), _MOST_DOTS) - 1) * step
        canvas.text(end + 12, y + 20, str(len(trials)), "tick")
    lost = sum(trial.seconds for trials in reasons.values() for trial in trials)
    return Figure(
        "failures",
        "Failures",
        _sentence(sweep, found, lost),
        canvas.svg(),
        ("state", "reason of the first", "trials", "training lost", "the first"),
        [
            (
                state.value,
                one_line(trials[0].reason)[:200],
                str(len(trials)),
                duration(sum(trial.seconds for trial in trials)),
                marks.prefix + trials[0].id,
            )
            for (state, _), trials in shown
        ],
    )


def alike(reason: str) -> str:
    """Return what reasons have in common that differ in numbers and in names of trials only."""
    return re.sub(r"\d[\d.,]*(e[-+]?\d+)?", "#", one_line(reason))


def _sentence(
    sweep: RecordedSweep, found: list[tuple[tuple[State, str], list[TrialRecord]]], lost: float
) -> str:
    count = sum(len(trials) for _, trials in found)
    infeasible = sum(len(trials) for (state, _), trials in found if state is State.INFEASIBLE)
    parts = [
        f"{count} of {counted(len(sweep.trials), 'trial')} came to nothing, for "
        f"{counted(len(found), 'reason')}; {duration(lost)} of training were lost with them."
    ]
    if infeasible:
        parts.append(f"Never begun, as they could not run as asked: {infeasible}.")
    if len(found) > _MOST_REASONS:
        parts.append(f"The {_MOST_REASONS} most frequent reasons are drawn.")
    return " ".join(parts)
