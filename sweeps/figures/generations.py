"""Draw the generations of a population: who went on, and who gave way to a child of whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sweeps.driver.pbt_generations import Generation, changed, recorded
from sweeps.figures.drawing.canvas import WIDTH, Canvas, Frame, coordinate, title
from sweeps.figures.drawing.marks import TrialMarks
from sweeps.figures.drawing.scales import Categories, Linear
from sweeps.figures.figure import Figure
from sweeps.findings.finding import Findings
from sweeps.formatting import score
from sweeps.recorded.recorded_sweep import RecordedSweep
from sweeps.trials import TrialRecord

_TOP, _BOTTOM, _LEFT, _RIGHT = 34, 46, 56, WIDTH - 20
_MOST_ROWS = 24


def generations(sweep: RecordedSweep, findings: Findings, marks: TrialMarks) -> Figure | None:
    """Draw a lane for each member of the population, and from whom its children came."""
    decided = recorded(sweep.attributes.get)
    if not decided:
        return None
    known = {trial.id: trial for trial in sweep.searched}
    births = [birth for one in decided for birth in one.children() if birth[2] in known]
    lanes = _lanes(sweep.searched, births)
    lane = min(26.0, max(6.0, 480 / max(len(set(lanes.values())), 1)))
    bottom = _TOP + lane * len(set(lanes.values()))
    longest = max((trial.last_epoch for trial in known.values()), default=1) or 1
    frame = Frame(Linear(0, longest, True), Categories(("",)), _LEFT, _TOP, _RIGHT, bottom)
    canvas = Canvas(f"Generations of {sweep.name}", bottom + _BOTTOM)
    canvas.axis_across(frame, "epoch")
    canvas.ranks("worst", "best", 18)
    height = {trial: _TOP + (place + 0.5) * lane for trial, place in lanes.items()}
    line = _lineage(known, marks.best)
    for _, parent, child in births:
        x = frame.across(known[child].taken_over) or _LEFT
        y, end = height[parent], height[child]
        kind = "lineage" if {parent, child} <= line else "birth"
        bend = f"C{coordinate(x + 8)} {coordinate(y)} {coordinate(x - 8)} {coordinate(end)}"
        d = f"M{coordinate(x - 4)} {coordinate(y)}{bend} {coordinate(x + 4)} {coordinate(end)}"
        canvas.add(f'<path class="{kind}" d="{d}"/>')
    for trial in known.values():
        if trial.last_epoch > trial.taken_over:
            canvas.add(_bar(trial, frame, height[trial.id], lane, marks))
    for trial in known.values():
        if trial.taken_over == 0:
            canvas.text(_LEFT - 8, height[trial.id] + 4, trial.id, "tick", "end", _LEFT - 10)
    return Figure(
        "generations",
        "Generations",
        _sentence(marks, decided, births, known, line),
        canvas.svg(),
        ("after epoch", "gave way", "to a child of", "child", "changed"),
        [
            (
                str(known[child].taken_over),
                *(marks.prefix + one for one in (trial, parent, child)),
                ", ".join(changed(known[parent].params, known[child].params)),
            )
            for trial, parent, child in births[-_MOST_ROWS:]
            if parent in known
        ],
    )


def _bar(trial: TrialRecord, frame: Frame, middle: float, lane: float, marks: TrialMarks) -> str:
    begin, end = (frame.across(e) or _LEFT for e in (trial.taken_over, trial.last_epoch))
    tall = lane * 0.5
    d = (
        f"M{coordinate(begin + 1)} {coordinate(middle - tall / 2)}h{coordinate(end - begin - 2)}"
        f"v{coordinate(tall)}h{coordinate(begin + 2 - end)}z"
    )
    attributes = marks.attributes(trial).replace('class="t ', 'class="bar t ')
    return f'<path{attributes} d="{d}">{title(marks.told(trial))}</path>'


def _lanes(trials: Sequence[TrialRecord], births: Sequence[tuple[str, str, str]]) -> dict[str, int]:
    """Return trial -> lane: a child has that of the trial which gave way to it."""
    instead = {child: trial for trial, _, child in births}
    lanes: dict[str, int] = {}
    count = 0
    for trial in trials:
        if (before := instead.get(trial.id)) in lanes:
            lanes[trial.id] = lanes[str(before)]
        else:
            lanes[trial.id] = count
            count += 1
    return lanes


def _lineage(known: Mapping[str, TrialRecord], trial: str) -> set[str]:
    """Return a trial and those whose training it goes on with."""
    line: set[str] = set()
    while trial in known and trial not in line:
        line.add(trial)
        source = known[trial].source
        trial = "" if source is None or not source.epoch else source.trial
    return line


def _sentence(
    marks: TrialMarks,
    decided: Sequence[Generation],
    births: Sequence[tuple[str, str, str]],
    known: Mapping[str, TrialRecord],
    line: set[str],
) -> str:
    first = sum(trial.taken_over == 0 for trial in known.values())
    parts = [
        f"A population of {first}, a lane each, over {len(decided)} generations: {len(births)} "
        "trials gave way to a child of a better one, which goes on in their lane."
    ]
    if marks.best:
        names = " from ".join(marks.prefix + one for one in sorted(line, reverse=True))
        best = score(marks.scored[marks.best].value)
        parts.append(f"The best, {best}, comes by the thick line: {names}.")
    return " ".join(parts)
