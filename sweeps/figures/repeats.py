"""Draw what the same configurations score with other seeds: means, intervals, each seed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sweeps.figures.drawing.canvas import WIDTH, Canvas, Frame, coordinate, title
from sweeps.figures.drawing.marks import TrialMarks, counted, described
from sweeps.figures.drawing.scales import Categories, finite, scale_for
from sweeps.figures.figure import Figure
from sweeps.findings.finding import Findings
from sweeps.formatting import score
from sweeps.recorded.recorded_sweep import RecordedSweep
from sweeps.repeats.intervals import Mean, mean
from sweeps.repeats.repeat_means import repeated
from sweeps.space.dimensions import label_of
from sweeps.trials import SEED, TrialRecord

_TOP, _BOTTOM, _LEFT, _RIGHT, _LANE = 40, 50, 200, WIDTH - 128, 26
_MOST = 24


@dataclass(frozen=True)
class SeededScores:
    """Holds what a configuration has scored with several seeds.

    Attributes:
        trial: id, by which it goes.
        told: more of it, in words.
        searched: its score in the search, by which it was chosen; None if it was not.
        scores: trial of the repeat, or seed -> value.
    """

    trial: str
    told: str
    searched: float | None
    scores: Mapping[str, float]

    @property
    def mean(self) -> Mean:
        """Return the mean of the scores, with its interval."""
        return mean(list(self.scores.values()))


def repeats(sweep: RecordedSweep, findings: Findings, marks: TrialMarks) -> Figure | None:
    """Draw a lane for each configuration that was trained with several seeds, the best first."""
    found = [one for one in (*_rerun(sweep), *_swept(sweep)) if one.scores]
    if not any(len(one.scores) > 1 for one in found):
        return None
    sign = -1 if sweep.objective.maximize else 1
    found.sort(key=lambda one: (len(one.scores) < 2, sign * one.mean.value))
    shown = found[:_MOST]
    bottom = _TOP + _LANE * len(shown)
    numbers = [v for one in shown for v in (*one.scores.values(), one.searched)]
    ends = [end for one in shown for end in (one.mean.low, one.mean.high)]
    spread = [v for v in numbers if v is not None]
    room = 1.5 * (max(spread) - min(spread))
    ends = [end for end in ends if min(spread) - room <= end <= max(spread) + room]
    frame = Frame(
        scale_for([*spread, *ends], False), Categories(("",)), _LEFT, _TOP, _RIGHT, bottom
    )
    canvas = Canvas(f"Seeds of {sweep.name}", bottom + _BOTTOM)
    canvas.axis_across(frame, sweep.objective.metric, 7)
    for place, one in enumerate(shown):
        _draw(canvas, frame, one, _TOP + (place + 0.5) * _LANE, marks)
    canvas.legend(
        [
            ('<circle class="seed" r="3" cx="6"/>', "a seed"),
            ('<path class="interval" d="M-4 0h16"/><circle r="4" cx="4"/>', "mean, 95 % interval"),
            *_if_searched(shown),
        ],
        18,
    )
    return Figure(
        "repeats",
        "Seeds and repeats",
        _sentence(sweep, findings, found, shown, marks),
        canvas.svg(),
        ("trial", "in the search", "mean", "from", "to", "seeds", ""),
        [_row(one, marks) for one in shown],
    )


def _if_searched(shown: Sequence[SeededScores]) -> list[tuple[str, str]]:
    cross = '<path class="searched" d="M0-4l8 8m0-8l-8 8"/>'
    return [(cross, "in the search")] if any(o.searched is not None for o in shown) else []


def _rerun(sweep: RecordedSweep) -> list[SeededScores]:
    standing = sweep.repeats
    return [
        SeededScores(
            one.ranked.trial.id,
            "dropped early" if one.dropped else "",
            one.ranked.value,
            {f"seed {s}": v for s, v in one.scores.items() if finite(v) is not None},
        )
        for one in standing.candidates
    ]


def _swept(sweep: RecordedSweep) -> list[SeededScores]:
    """Return the configurations of a sweep over the seed, the best mean first."""
    return [
        SeededScores(
            one.runs[0].trial.id,
            _configured(sweep, one.runs[0].trial),
            None,
            {run.trial.id: run.value for run in one.runs},
        )
        for one in repeated(sweep.searched, sweep.objective)
    ]


def _configured(sweep: RecordedSweep, trial: TrialRecord) -> str:
    """Say what a trial has of the space; of a sweep with a baseline what it has not as that."""
    as_is = {} if sweep.baseline is None else sweep.baseline.params
    kept = {key: repr(label_of(value)) for key, value in as_is.items()}
    keys = [
        key
        for key in sweep.dimensions
        if key != SEED and repr(label_of(trial.params.get(key))) != kept.get(key)
    ]
    return described(trial, keys) or ("as it is" if as_is else "")


def _draw(canvas: Canvas, frame: Frame, one: SeededScores, y: float, marks: TrialMarks) -> None:
    name = f"{one.trial} {one.told}".strip()
    canvas.text(_LEFT - 10, y + 4, name, "label", "end", _LEFT - 14)
    average = one.mean
    margin = "" if math.isinf(average.margin) else f" ± {score(average.margin)}"
    told = f"{marks.prefix}{name}: {score(average.value)}{margin}, {len(one.scores)} seeds"
    kind = "t best" if marks.best in (one.trial, *one.scores) else "t complete"
    canvas.add(f'<g class="{kind}" data-t="{marks.key(one.trial)}">{title(told)}')
    if math.isfinite(average.margin):
        low, high = (frame.place(end, "") for end in (average.low, average.high))
        if low and high:
            canvas.line(low[0], y, high[0], y, "interval")
    at = frame.place(average.value, "") or (frame.left, y)
    canvas.add(f'<circle cx="{coordinate(at[0])}" cy="{coordinate(y)}" r="4.5"/>')
    if one.searched is not None and (at_search := frame.place(one.searched, "")):
        corner = f"M{coordinate(at_search[0] - 4)} {coordinate(y - 4)}"
        canvas.add(f'<path class="searched" d="{corner}l8 8m0-8l-8 8"/>')
    canvas.add("</g>")
    for trial, value in one.scores.items():
        x = (frame.place(value, "") or (frame.left, y))[0]
        canvas.add(
            f'<circle class="seed" cx="{coordinate(x)}" cy="{coordinate(y)}" r="2.5">'
            f"{title(f'{trial}: {score(value)}')}</circle>"
        )
    canvas.text(_RIGHT + 8, y + 4, f"{score(average.value)}{margin}", "tick")


def _row(one: SeededScores, marks: TrialMarks) -> tuple[str, ...]:
    average = one.mean
    single = math.isinf(average.margin)
    return (
        marks.prefix + one.trial,
        "" if one.searched is None else score(one.searched),
        score(average.value),
        "" if single else score(average.low),
        "" if single else score(average.high),
        str(len(one.scores)),
        one.told,
    )


def _sentence(
    sweep: RecordedSweep,
    findings: Findings,
    found: Sequence[SeededScores],
    shown: Sequence[SeededScores],
    marks: TrialMarks,
) -> str:
    best = shown[0]
    margin = "" if math.isinf(best.mean.margin) else f" ± {score(best.mean.margin)}"
    several = sum(len(one.scores) > 1 for one in found)
    parts = [
        f"{counted(several, 'configuration')} with several seeds: the best mean, "
        f"{score(best.mean.value)}{margin}, is that of {marks.prefix}{best.trial} over "
        f"{counted(len(best.scores), 'seed')}."
    ]
    if best.searched is not None:
        sign = 1 if sweep.objective.maximize else -1
        lucky = [
            o for o in found if o.searched is not None and sign * (o.searched - o.mean.value) > 0
        ]
        parts.append(
            f"Crosses: the score in the search, above the mean of other seeds in {len(lucky)} of "
            f"{len(found)} (they were chosen for it)."
        )
    elif marks.best not in best.scores:
        parts.append(
            f"The best run, {marks.prefix}{marks.best}, is of another configuration: single runs "
            "are lucky as well."
        )
    if findings.noise is not None:
        parts.append(f"Between seeds the standard deviation is {score(findings.noise)}.")
    if len(shown) < len(found):
        parts.append(f"The best {len(shown)} are drawn.")
    return " ".join(parts)
