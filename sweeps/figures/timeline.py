"""Draw when and where trials were trained: a lane for each slot of each machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sweeps.figures.drawing.canvas import WIDTH, Canvas, Frame, coordinate, title
from sweeps.figures.drawing.marks import MOST_DRAWN, TrialMarks, counted
from sweeps.figures.drawing.scales import Categories, Linear, Tick
from sweeps.figures.figure import Figure
from sweeps.findings.finding import Findings
from sweeps.findings.waste import EPOCHS_SPAN
from sweeps.formatting import duration
from sweeps.recorded.recorded_sweep import RecordedSweep
from sweeps.trials import TrialRecord

_TOP, _BOTTOM, _LEFT, _RIGHT = 34, 46, 150, WIDTH - 20
_MOST_LANES = 80
#: Seconds between epochs, at least, that end a stretch; shorter pauses are no gap to be seen.
_PAUSE = 2.0
_STEPS = (
    1,
    2,
    5,
    10,
    20,
    30,
    60,
    120,
    300,
    600,
    1200,
    1800,
    3600,
    7200,
    14400,
    21600,
    43200,
    86400,
)


@dataclass(frozen=True)
class Busy:
    """Says that a trial was trained somewhere without a pause.

    Attributes:
        begin, end: in seconds since 1970.
    """

    trial: TrialRecord
    member: str
    machine: str
    begin: float
    end: float


@dataclass(frozen=True)
class Clock:
    """Places seconds since the beginning, with ticks at whole minutes or hours."""

    length: float

    def at(self, value: object) -> float | None:
        """Return the place of a second."""
        return Linear(0.0, self.length).at(value)

    def ticks(self, most: int) -> list[Tick]:
        """Return ticks at round times."""
        days = max(1, round(self.length / 86400 / most))
        step = next((s for s in _STEPS if self.length / s < most), 86400 * (days + 1))
        seconds = range(0, int(self.length) + 1, step)
        return [Tick(second / self.length, duration(second)) for second in seconds]


def timeline(sweep: RecordedSweep, findings: Findings, marks: TrialMarks) -> Figure | None:
    """Draw the training of every trial of which it is on record, repeats of the best included."""
    trained = [trial for trial in sweep.trials if trial.trained > 0]
    stretches = [stretch for trial in trained for stretch in stretches_of(trial)]
    if not stretches:
        return None
    lanes = lanes_of(stretches)
    shown = lanes[:_MOST_LANES]
    begin, end = min(s.begin for s in stretches), max(s.end for s in stretches)
    lane = min(22.0, max(5.0, 420 / len(shown)))
    bottom = _TOP + lane * len(shown)
    frame = Frame(Clock(max(end - begin, 1.0)), Categories(("",)), _LEFT, _TOP, _RIGHT, bottom)
    canvas = Canvas(f"Timeline of {sweep.name}", bottom + _BOTTOM)
    canvas.axis_across(frame, "time since the first epoch began", 9)
    canvas.ranks("worst", "best", 18)
    paths: dict[str, list[str]] = {}
    for place, slot in enumerate(shown):
        for one in slot:
            left, right = (frame.across(t - begin) or _LEFT for t in (one.begin, one.end))
            y, tall = _TOP + (place + 0.12) * lane, lane * 0.76
            width = max(right - left - 0.5, 0.6)
            box = f"h{coordinate(width)}v{coordinate(tall)}h{coordinate(-width)}z"
            paths.setdefault(one.trial.id, []).append(f"M{coordinate(left)} {coordinate(y)}{box}")
    for trial in trained:
        if trial.id in paths:
            attributes = marks.attributes(trial).replace('class="t ', 'class="bar t ')
            told = title(marks.told(trial)) if len(trained) <= MOST_DRAWN else ""
            canvas.add(f'<path{attributes} d="{"".join(paths[trial.id])}">{told}</path>')
    _name_lanes(canvas, shown, lane)
    return Figure(
        "timeline",
        "When and where",
        _sentence(marks, stretches, lanes, len(trained), end - begin, sweep.epochs_span),
        canvas.svg(),
        ("machine", "member", "slots", "trials", "training", "busy"),
        _table(lanes, end - begin),
    )


def stretches_of(trial: TrialRecord) -> list[Busy]:
    """Return when a trial was trained; an epoch began its own seconds before it was heard of."""
    found: list[Busy] = []
    for epoch in sorted(trial.moments):
        moment = trial.moments[epoch]
        took = max(trial.epochs.get(epoch, {}).get("epoch_s", 0.0), 0.0)
        began = moment.at - took
        last = found[-1] if found else None
        here = last is not None and (last.member, last.machine) == (moment.member, moment.machine)
        if last is not None and here and began - last.end < max(_PAUSE, took):
            found[-1] = Busy(trial, last.member, last.machine, last.begin, moment.at)
        else:
            found.append(Busy(trial, moment.member, moment.machine, began, moment.at))
    return found


def lanes_of(stretches: Sequence[Busy]) -> list[list[Busy]]:
    """Sort stretches into lanes, by machine and member, so that none covers another."""
    places: dict[tuple[str, str], list[list[Busy]]] = {}
    for one in sorted(stretches, key=lambda one: one.begin):
        slots = places.setdefault((one.machine, one.member), [])
        slack = min(0.5, (one.end - one.begin) / 2)  # what is heard of late seems to overlap
        free = next((slot for slot in slots if slot[-1].end <= one.begin + slack), None)
        if free is None:
            slots.append([one])
        else:
            free.append(one)
    return [slot for key in sorted(places) for slot in places[key]]


def _name_lanes(canvas: Canvas, lanes: Sequence[Sequence[Busy]], lane: float) -> None:
    """Name the machine and member of each group of lanes, where a line has room."""
    before, last = ("", ""), -99.0
    for place, slot in enumerate(lanes):
        key = (slot[0].machine, slot[0].member)
        y = _TOP + place * lane
        if key != before:
            canvas.line(4, y, _RIGHT, y, "grid")
            if y - last >= 13 or not place:
                name = " · ".join(part for part in key if part) or "here"
                canvas.text(4, y + max(lane / 2 + 4, 11), name, "label", room=_LEFT - 10)
                last = y
        before = key


def _sentence(
    marks: TrialMarks,
    stretches: Sequence[Busy],
    lanes: Sequence[Sequence[Busy]],
    trained: int,
    length: float,
    span: float,
) -> str:
    timed = len({one.trial.id for one in stretches})
    machines = len({one.machine for one in stretches})
    busy = sum(one.end - one.begin for one in stretches)
    share = min(busy / (len(lanes) * length), 1.0) if length > 0 else 1.0
    parts = [
        f"{counted(timed, 'trial')} on {counted(len(lanes), 'slot')} of "
        f"{counted(machines, 'machine')} in {duration(length)} {EPOCHS_SPAN}; training took "
        f"{share:.0%} of the slots' time."
    ]
    if length - span > 1:
        parts.append("The time between sessions is drawn and counted too.")
    if timed < trained:
        parts.append(f"Left out, without times on record: {counted(trained - timed, 'trial')}.")
    if len(lanes) > _MOST_LANES:
        parts.append(f"The first {_MOST_LANES} slots are drawn.")
    return " ".join(parts)


def _table(lanes: Sequence[Sequence[Busy]], length: float) -> list[tuple[str, ...]]:
    places: dict[tuple[str, str], list[Sequence[Busy]]] = {}
    for slot in lanes:
        places.setdefault((slot[0].machine, slot[0].member), []).append(slot)
    rows: list[tuple[str, ...]] = []
    for (machine, member), slots in places.items():
        busy = sum(one.end - one.begin for slot in slots for one in slot)
        trials = len({one.trial.id for slot in slots for one in slot})
        share = min(busy / (len(slots) * length), 1.0) if length > 0 else 1.0
        rows.append(
            (
                machine or "-",
                member or "-",
                str(len(slots)),
                str(trials),
                duration(busy),
                f"{share:.0%}",
            )
        )
    return rows
