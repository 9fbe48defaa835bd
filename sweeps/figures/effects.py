"""Draw what worked and what did not: differences with their intervals."""

from __future__ import annotations

from collections.abc import Sequence

from sweeps.figures.drawing.canvas import WIDTH, Canvas, Frame, title
from sweeps.figures.drawing.marks import TrialMarks
from sweeps.figures.drawing.scales import Categories, finite, scale_for
from sweeps.figures.figure import Figure
from sweeps.findings.finding import Effect, Findings
from sweeps.findings.winner import unit_of
from sweeps.formatting import Unit, number
from sweeps.recorded.recorded_sweep import RecordedSweep

_TOP, _BOTTOM, _LEFT, _RIGHT, _LANE = 30, 50, 300, WIDTH - 155, 22
_MOST = 24
#: An interval may leave the frame where it is so many times as wide as the others.
_WIDEST = 4.0


def effects(sweep: RecordedSweep, findings: Findings, marks: TrialMarks) -> Figure | None:
    """Draw each effect that has an interval: clear ones by their sign, the others without."""
    found = [one for one in findings.effects if None not in map(finite, _numbers(one))]
    if not found:
        return None
    shown = found[:_MOST]
    unit = unit_of(sweep)
    times = _times(unit)
    bottom = _TOP + _LANE * len(shown)
    widths = sorted(one.high - one.low for one in shown)
    reach = max(abs(one.estimate) for one in shown) + _WIDEST * widths[len(widths) // 2]
    ends = [min(max(end, -reach), reach) for one in shown for end in (one.low, one.high)]
    frame = Frame(
        scale_for([*(times * end for end in ends), 0.0], False),
        Categories(("",)),
        _LEFT,
        _TOP,
        _RIGHT,
        bottom,
    )
    canvas = Canvas(f"Effects on {sweep.objective.metric}", bottom + _BOTTOM)
    canvas.axis_across(
        frame, f"{'points' if unit.points else 'difference'}, better to the right", 6
    )
    zero = frame.across(0.0) or _LEFT
    canvas.line(zero, _TOP - 4, zero, bottom, "axis")
    for place, one in enumerate(shown):
        y = _TOP + (place + 0.5) * _LANE
        kind = _kind(one)
        canvas.text(_LEFT - 8, y + 4, _name(one), "label", "end", _LEFT - 12)
        low, high = (frame.place(times * end, "") or (zero, y) for end in (one.low, one.high))
        canvas.add(f'<g class="effect {kind}">{title(f"{_name(one)}: {_amount(one, unit)}")}')
        canvas.line(low[0], y, high[0], y, f"interval {kind}")
        x = (frame.place(times * one.estimate, "") or (zero, y))[0]
        canvas.add(f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="4.5"/></g>')
        canvas.text(_RIGHT + 8, y + 4, _amount(one, unit), "tick", room=WIDTH - _RIGHT - 8)
    return Figure(
        "effects",
        "What worked, what did not",
        _sentence(sweep, findings, found, shown),
        canvas.svg(),
        ("change", f"difference ({_told(unit)})", "from", "to", "pairs", "epochs"),
        [_row(one, unit) for one in shown],
    )


def _kind(one: Effect) -> str:
    """Return the class of an effect: what its finding claims."""
    return "open" if not one.clear else "good" if one.low > 0 else "bad"


def _numbers(one: Effect) -> tuple[float, float, float]:
    return one.estimate, one.low, one.high


def _name(one: Effect) -> str:
    return f"{one.key}: {number(one.level)} for {number(one.reference)}"


def _told(unit: Unit) -> str:
    return f"{unit.metric} in points" if unit.points else unit.metric


def _amount(one: Effect, unit: Unit) -> str:
    """Write an effect as its finding does; the axis names the metric."""
    text = unit.change(one.estimate, (one.high - one.low) / 2)
    return text if unit.points else text.removesuffix(f" {unit.noun}")


def _row(one: Effect, unit: Unit) -> tuple[str, ...]:
    low, high = (f"{_times(unit) * end:+.4g}" for end in (one.low, one.high))
    how = str(one.pairs) if one.pairs else "model"
    return _name(one), f"{_times(unit) * one.estimate:+.4g}", low, high, how, str(one.epochs)


def _times(unit: Unit) -> int:
    return 100 if unit.points else 1


def _sentence(
    sweep: RecordedSweep, findings: Findings, found: Sequence[Effect], shown: Sequence[Effect]
) -> str:
    good, bad = (sum(_kind(one) == kind for one in found) for kind in ("good", "bad"))
    early = any(trial.last_epoch > one.epochs for trial in sweep.searched for one in found[:1])
    how = ", compared at equal epochs" if early else ""
    parts = [
        f"Differences of {sweep.objective.metric} with their 95 % intervals{how}: {good} clearly "
        f"better, {bad} clearly worse, {len(found) - good - bad} open (the interval holds 0, or "
        "nearly so, for as many as are compared)."
    ]
    if len(found) < len(findings.effects):
        parts.append(f"Of {len(findings.effects) - len(found)} more nothing can be told.")
    if len(shown) < len(found):
        parts.append(f"The first {len(shown)} are drawn.")
    return " ".join(parts)
