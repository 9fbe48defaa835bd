"""Say what won, by how much, and how far luck may have helped it."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from sweeps.findings.finding import CONFIDENCE, Certainty, Finding, Topic
from sweeps.findings.regression import Estimate
from sweeps.findings.seed_noise import SeedNoise
from sweeps.formatting import Unit
from sweeps.recorded.recorded_sweep import RecordedSweep
from sweeps.repeats import verdict
from sweeps.repeats.intervals import differences, mean
from sweeps.repeats.plan import Candidate
from sweeps.trials import Objective, Ranked

#: Draws of the scores' noise, for the best of at most so many trials.
_DRAWS, _MOST = 2000, 200
#: So many of the best are called close to it.
_BEST = 5


def winner_findings(
    sweep: RecordedSweep, ranked: Sequence[Ranked], noise: SeedNoise | None
) -> Iterator[Finding]:
    """Yield what is found of the winner. `ranked`: the trials with a finite score, it first."""
    if not ranked:
        yield Finding("winner", Topic.WINNER, Certainty.COUNTED, _nothing(sweep))
        return
    unit = unit_of(sweep)
    yield _first(sweep, ranked, unit)
    repeats = sweep.repeats
    won = verdict.winner(repeats, sweep.objective)
    if won is not None:
        rivals = [candidate for candidate in repeats.candidates if candidate is not won]
        yield _rerun(won, rivals, sweep, len(ranked), unit)
    elif len(ranked) > 1:
        yield _lead(ranked, noise, sweep.objective, unit)
    if won is None and len(ranked) > 2:
        yield _luck(ranked, noise, sweep.objective, unit)
    if (tested := _test(sweep, ranked[0])) is not None:
        yield tested


def unit_of(sweep: RecordedSweep) -> Unit:
    """Return how the objective of a sweep is written."""
    metric = sweep.objective.metric
    values = [e[metric] for t in sweep.trials for e in t.epochs.values() if metric in e]
    return Unit.of(metric, [value for value in values if math.isfinite(value)])


def _nothing(sweep: RecordedSweep) -> str:
    if not sweep.trials:
        return "no trial has begun yet"
    running = sum(not trial.state.ended for trial in sweep.trials)
    if running:
        return f"no trial has a score yet; {running} of {len(sweep.trials)} run"
    return f"none of the {len(sweep.trials)} trials has a score"


def _first(sweep: RecordedSweep, ranked: Sequence[Ranked], unit: Unit) -> Finding:
    best, sign = ranked[0], 1.0 if sweep.objective.maximize else -1.0
    among = f"the best of {len(ranked)} trials" if len(ranked) > 1 else "the only trial"
    name = best.trial.id
    text = f"{name} is {among}: {unit.metric} {unit.value(best.value)} at epoch {best.epoch}"
    named, parts = [name], []
    baseline = sweep.baseline
    own = next((r for r in ranked if baseline is not None and r.trial.id == baseline.id), None)
    if own is best and baseline is not None:
        parts.append("it is the baseline itself")
    elif own is not None:
        gap = sign * (best.value - own.value)
        parts.append(f"{unit.change(gap)} against the baseline {own.trial.id}")
        named.append(own.trial.id)
    if len(ranked) > 1:
        second = ranked[1]
        gap = sign * (best.value - second.value)
        if second is not own or own is best:
            parts.append(f"{unit.change(gap)} against the second, {second.trial.id}")
            named.append(second.trial.id)
        elif own is second:
            parts[-1] += ", which is the second"
    return Finding(
        "winner",
        Topic.WINNER,
        Certainty.COUNTED,
        "; ".join([text, *parts]),
        value=best.value,
        unit=unit.metric,
        trials=tuple(named),
    )


def _rerun(
    won: Candidate, others: Sequence[Candidate], sweep: RecordedSweep, scored: int, unit: Unit
) -> Finding:
    """Say what the repeats of the best say of the winner."""
    objective = sweep.objective
    text = ". ".join(verdict.verdict(sweep.repeats, objective, scored))
    own = mean(list(won.scores.values()))
    value, low, high, certainty = own.value, own.low, own.high, Certainty.COUNTED
    sign = 1.0 if objective.maximize else -1.0
    alive = [c for c in others if len(c.scores) > 1 and not c.dropped]
    named = [won.ranked.trial.id, *(c.ranked.trial.id for c in others)]
    if alive:
        second = max(alive, key=lambda c: sign * statistics.fmean(c.scores.values()))
        gaps = [sign * gap for gap in differences(won.scores, second.scores)]
        if len(gaps) > 1:
            lead = mean(gaps)
            value, low, high = lead.value, lead.low, lead.high
            certainty = Certainty.CLEAR if low > 0 and len({*gaps}) > 1 else Certainty.OPEN
    return Finding(
        "winner-repeats",
        Topic.WINNER,
        certainty,
        text,
        value=value,
        low=low,
        high=high,
        unit=unit.metric,
        trials=tuple(named),
    )


def _lead(
    ranked: Sequence[Ranked], noise: SeedNoise | None, objective: Objective, unit: Unit
) -> Finding:
    """Say whether the lead over the second is more than seeds make of two equal trials.

    It is never called clear: the first was picked as the best of all.
    """
    best, second = ranked[:2]
    gap = abs(best.value - second.value)
    names = f"{best.trial.id} and {second.trial.id}"
    ask = "repeats.top=3 would tell"
    if noise is None:
        text = f"whether {names} differ by more than their seeds is open: {ask}"
        low = high = None
    else:
        estimate = Estimate(gap, noise.sd * math.sqrt(2), noise.freedom)
        low, high = estimate.interval(CONFIDENCE)
        what = "seeds alone vary" if noise.repeated else "what no parameter explains varies"
        much = f"{what} a score by {unit.size(noise.sd)} {unit.noun} (standard deviation)"
        if low <= 0:
            text = f"{names} cannot be told apart: {unit.change(gap)}, and {much}: {ask}"
        else:
            text = f"{names} are {unit.size(gap)} {unit.noun} apart, and {much}; {ask} for sure"
    return Finding(
        "winner-lead",
        Topic.WINNER,
        Certainty.OPEN,
        text,
        value=gap,
        low=low,
        high=high,
        unit=unit.metric,
        trials=(best.trial.id, second.trial.id),
    )


def _luck(
    ranked: Sequence[Ranked], noise: SeedNoise | None, objective: Objective, unit: Unit
) -> Finding:
    """Estimate how much of the best score is luck: the best of many is optimistic."""
    top = ranked[:_BEST]
    if noise is not None:
        luck = optimism([one.value for one in ranked], noise.sd, objective.maximize)
        most = "" if noise.repeated else "at most "
        text = (
            f"the best of {len(ranked)} scores is optimistic: {most}about {unit.size(luck)} "
            f"{unit.noun} of it are expected to be luck"
        )
    else:
        luck = abs(top[0].value - statistics.fmean(one.value for one in top))
        text = (
            f"the best of {len(ranked)} scores is optimistic: were the best {len(top)} equally "
            f"good, {unit.size(luck)} {unit.noun} of it would be luck"
        )
    return Finding(
        "winner-luck",
        Topic.WINNER,
        Certainty.OPEN,
        text,
        value=luck,
        unit=unit.metric,
        trials=tuple(one.trial.id for one in top),
    )


def optimism(values: Sequence[float], sd: float, maximize: bool) -> float:
    """Estimate by how much the best of some scores exceeds what it would score again.

    The scores are shrunk towards their mean by the share of their variance that is noise (James
    and Stein 1961, positive part), and noise is drawn on top of that: the mean of the best one's
    own noise over 2,000 draws (a parametric bootstrap).
    """
    signed = np.array(values, dtype=np.float64) * (1 if maximize else -1)
    signed = np.sort(signed)[::-1]
    variance = float(signed.var(ddof=1)) if len(signed) > 1 else 0.0
    if sd <= 0 or variance <= 0:
        return 0.0
    kept = max(0.0, 1 - sd**2 / variance)
    true = (signed.mean() + kept * (signed - signed.mean()))[:_MOST]
    noise = np.random.default_rng(0).normal(0.0, sd, (_DRAWS, len(true)))
    chosen = np.argmax(true + noise, axis=1)
    return float(np.mean(noise[np.arange(_DRAWS), chosen]))


def _test(sweep: RecordedSweep, best: Ranked) -> Finding | None:
    """Return what the winner scored on the test part, which is measured once; None if it is not."""
    try:
        content = json.loads(sweep.folder.summary.read_text(encoding="utf-8"))
        found = content["best"]
        measured = {k: v for k, v in found.items() if k.startswith("test_") and _number(v)}
        same = found["trial"] == best.trial.id
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    if not measured or not same:
        return None
    metric = sweep.objective.metric.replace("val_", "test_", 1)
    key = metric if metric in measured else next(iter(measured))
    unit = Unit.of(key, [float(measured[key])])
    text = (
        f"on the test part {best.trial.id} has {key} {unit.value(float(measured[key]))}, measured "
        "once, after everything was chosen"
    )
    return Finding(
        "winner-test",
        Topic.WINNER,
        Certainty.COUNTED,
        text,
        value=float(measured[key]),
        unit=key,
        trials=(best.trial.id,),
    )


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
