"""Draw which keys mattered, by each evaluator, and in which direction."""

from __future__ import annotations

from collections.abc import Sequence

from sweeps.figures.drawing.canvas import WIDTH, Canvas, Frame, rect, title
from sweeps.figures.drawing.marks import TrialMarks, any_stopped
from sweeps.figures.drawing.scales import Categories, Linear
from sweeps.figures.figure import Figure
from sweeps.findings.finding import Findings, Importance
from sweeps.recorded.recorded_sweep import RecordedSweep

_TOP, _BOTTOM, _LEFT, _RIGHT = 34, 30, 180, WIDTH - 184
_BAR, _GAP = 9, 12
_MOST_KEYS = 16
#: Weaker correlations have no direction to speak of.
_WEAK = 0.1
#: Evaluators as a reader knows them.
NAMES = {"ped_anova": "PED-ANOVA", "fanova": "fANOVA", "forest": "random forest"}


def importance(sweep: RecordedSweep, findings: Findings, marks: TrialMarks) -> Figure | None:
    """Draw a bar for each evaluator and key, the most important first."""
    found = [one for one in findings.importances if one.values]
    if not found:
        return None
    shown = found[:_MOST_KEYS]
    evaluators = list(dict.fromkeys(name for one in found for name in one.values))
    lane = len(evaluators) * _BAR + _GAP
    bottom = _TOP + lane * len(shown)
    most = max([*(share for one in shown for share in one.values.values()), 0.05])
    frame = Frame(Linear(0, most * 1.02), Categories(("",)), _LEFT, _TOP, _RIGHT, bottom)
    canvas = Canvas(f"Importance of the parameters of {sweep.name}", bottom + _BOTTOM)
    canvas.axis_across(frame, "", 6)
    for place, one in enumerate(shown):
        y = _TOP + place * lane + _GAP / 2
        middle = y + len(evaluators) * _BAR / 2 + 4
        canvas.text(_LEFT - 8, middle, one.parameter, "label", "end", _LEFT - 12)
        for n, name in enumerate(evaluators):
            share = max(one.values.get(name, 0.0), 0.0)
            width = (frame.across(share) or _LEFT) - _LEFT
            told = title(f"{one.parameter}, {NAMES.get(name, name)}: {share:.2f}")
            box = rect(_LEFT, y + n * _BAR, width, _BAR - 1, f"c{n % 8 + 1}")
            canvas.add(f"{box}>{told}</rect>")
        canvas.text(_RIGHT + 10, middle, direction(one, sweep), "tick", room=WIDTH - _RIGHT - 12)
    samples = [
        (f'<rect class="c{n % 8 + 1}" width="12" height="8" y="-4"/>', NAMES.get(name, name))
        for n, name in enumerate(evaluators)
    ]
    canvas.legend(samples, 16)
    return Figure(
        "importance",
        "What mattered",
        _sentence(shown, found, findings, any_stopped(sweep.searched)),
        canvas.svg(),
        ("rank", "parameter", *(NAMES.get(name, name) for name in evaluators), "direction"),
        [_row(place, one, evaluators, sweep) for place, one in enumerate(shown, 1)],
    )


def direction(one: Importance, sweep: RecordedSweep) -> str:
    """Say in which direction a parameter is better, as far as a correlation tells."""
    if one.correlation is None:
        return "no order"
    if abs(one.correlation) < _WEAK:
        return f"no direction (r {one.correlation:+.2f})"
    more = (one.correlation > 0) == sweep.objective.maximize
    return f"{'more' if more else 'less'} is better (r {one.correlation:+.2f})"


def _row(
    place: int, one: Importance, evaluators: Sequence[str], sweep: RecordedSweep
) -> tuple[str, ...]:
    shares = (f"{one.values[name]:.3f}" if name in one.values else "" for name in evaluators)
    return str(one.agreed or place), one.parameter, *shares, direction(one, sweep)


def _sentence(
    shown: Sequence[Importance], found: Sequence[Importance], findings: Findings, stopped: bool
) -> str:
    first = ", ".join(one.parameter for one in shown[:3])
    best = "; trials that were stopped count with their best value" if stopped else ""
    parts = [
        f"Most important: {first}. A bar is the share of the objective's variation that a key "
        f"explains, by each evaluator{best}."
    ]
    if findings.importances_note:
        parts.append(f"Careful: {findings.importances_note}.")
    if findings.forest_trust is not None:
        parts.append(
            f"The forest predicts trials it has not seen with R2 {findings.forest_trust:.2f}."
        )
    if len(shown) < len(found):
        parts.append(f"{len(shown)} of {len(found)} keys are shown.")
    return " ".join(parts)
