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
from sweeps.findings.seed_noise import SeedNoise, over_seeds
from sweeps.formatting import Unit
from sweeps.recorded.recorded_sweep import RecordedSweep
from sweeps.repeats import verdict
from sweeps.repeats.intervals import ROUNDING, differences, mean
from sweeps.repeats.plan import Candidate
from sweeps.space.dimensions import label_of
from sweeps.trials import SEED, Objective, Ranked, front, tally

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
    own = [one for one in ranked if one is ranked[0] or one.epoch > one.trial.taken_over]
    yield _first(sweep, own, max(len(ranked) - tally(sweep.trials).replaced, 1), unit)
    if len(sweep.objectives) > 1:
        yield _front(sweep, ranked[0])
    repeats = sweep.repeats
    won = verdict.winner(repeats, sweep.objective)
    if won is not None:
        rivals = [candidate for candidate in repeats.candidates if candidate is not won]
        yield _rerun(won, rivals, sweep, len(ranked), unit)
    else:
        yield from _lead_and_luck(sweep, own, noise, unit)
    if (tested := _test(sweep, ranked[0])) is not None:
        yield tested


def _lead_and_luck(
    sweep: RecordedSweep, own: Sequence[Ranked], noise: SeedNoise | None, unit: Unit
) -> Iterator[Finding]:
    """Yield how far luck may have helped the winner, without repeats of the best.

    Args:
        own: the trials with a score of their own: none taken over from the trial they go on from.
    """
    if noise is not None and not noise.repeated and len(own) > 1:
        spread = statistics.stdev(one.value for one in own)
        noise = None if noise.sd >= spread else noise  # a model that explains nothing tells nothing
    if (seeds := over_seeds(sweep, own[0], unit)) is not None:
        yield seeds
    elif len(own) > 1:
        yield _lead(own, noise, _asked(sweep), unit)
    luck = _luck_between_seeds(own, noise, sweep.objective, unit) if noise else _luck(own, unit)
    if len(own) > 2 and luck is not None:
        yield luck


def _asked(sweep: RecordedSweep) -> str:
    """Say what would tell a lead from luck: not every sweep can repeat its best."""
    if any(trial.taken_over for trial in sweep.trials):
        return "its schedule trained again would tell, make replay"
    return "more seeds would tell" if SEED in sweep.dimensions else "repeats.top=3 would tell"


def _against(unit: Unit, gap: float, value: float, rival: str) -> str:
    if abs(gap) <= ROUNDING * abs(value):
        return f"level with {rival}"
    return f"{unit.change(gap)} against {rival}"


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


def _first(sweep: RecordedSweep, ranked: Sequence[Ranked], number: int, unit: Unit) -> Finding:
    best, sign = ranked[0], 1.0 if sweep.objective.maximize else -1.0
    among = f"the best of {number} trials" if number > 1 else "the only trial"
    name = best.trial.id
    text = f"{name} is {among}: {unit.metric} {unit.value(best.value)} at epoch {best.epoch}"
    named, parts = [name], []
    baseline = sweep.baseline
    own = next((r for r in ranked if baseline is not None and r.trial.id == baseline.id), None)
    if own is best and baseline is not None:
        parts.append("it is the baseline itself")
    elif own is not None:
        gap = sign * (best.value - own.value)
        parts.append(_against(unit, gap, best.value, f"the baseline {own.trial.id}"))
        named.append(own.trial.id)
    if len(ranked) > 1:
        second = ranked[1]
        gap = sign * (best.value - second.value)
        if second is not own or own is best:
            again = ", the same with another seed" if _same_but_seed(best, second) else ""
            parts.append(_against(unit, gap, best.value, f"the second, {second.trial.id}{again}"))
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


def _same_but_seed(one: Ranked, other: Ranked) -> bool:
    """Whether two trials differ in a swept seed alone."""
    first, second = (
        {k: repr(label_of(v)) for k, v in each.trial.params.items() if k != SEED}
        for each in (one, other)
    )
    return SEED in one.trial.params and first == second


def _front(sweep: RecordedSweep, best: Ranked) -> Finding:
    """Say between which trials several objectives leave the choice."""
    kept = [one.trial.id for one in front(list(sweep.trials), sweep.objectives)]
    metrics = " and ".join(objective.metric for objective in sweep.objectives)
    named = ", ".join(kept[:_BEST]) + (f" and {len(kept) - _BEST} more" if kept[_BEST:] else "")
    first = f"{best.trial.id} is the best by {sweep.objective.metric} alone"
    if not kept:
        text = f"{first}; no trial has a number for each of {metrics}"
    elif len(kept) == 1:
        text = f"{kept[0]} beats or equals every other trial in {metrics}"
    else:
        text = f"{first}; no trial beats these {len(kept)} in {metrics} together: {named}"
    return Finding("winner-front", Topic.WINNER, Certainty.COUNTED, text, trials=tuple(kept))


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


def _lead(ranked: Sequence[Ranked], noise: SeedNoise | None, ask: str, unit: Unit) -> Finding:
    """Say whether the lead over the second is more than seeds make of two equal trials.

    It is never called clear: the first was picked as the best of all.
    """
    best, second = ranked[:2]
    gap = abs(best.value - second.value)
    names = f"{best.trial.id} and {second.trial.id}"
    if noise is None:
        text = f"whether {names} differ by more than their seeds is open: {ask}"
        low = high = None
    else:
        estimate = Estimate(gap, noise.sd * math.sqrt(2), noise.freedom)
        low, high = estimate.interval(CONFIDENCE)
        what = "seeds alone vary" if noise.repeated else "what no parameter explains varies"
        much = f"{what} a score by {unit.size(noise.sd)} {unit.noun} (standard deviation)"
        if low <= 0:
            equal = gap <= ROUNDING * abs(best.value)
            lead = "they score the same" if equal else unit.change(gap)
            text = f"{names} cannot be told apart: {lead}, and {much}: {ask}"
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


def _luck_between_seeds(
    own: Sequence[Ranked], noise: SeedNoise, objective: Objective, unit: Unit
) -> Finding:
    """Estimate how much of the best score is luck: the best of many is optimistic."""
    luck = optimism([one.value for one in own], noise.sd, objective.maximize)
    most = "" if noise.repeated else "at most "
    text = (
        f"the best of {_scores(own)} is optimistic: {most}about {unit.size(luck)} {unit.noun} "
        "of it are expected to be luck"
    )
    return _lucky(text, luck, own[:_BEST], unit)


def _luck(own: Sequence[Ranked], unit: Unit) -> Finding | None:
    """Say what luck would be, where nothing tells the noise; None of fewer than three trials.

    Among the trials that trained as long as the best: a score of earlier is no rival of its.
    """
    best = own[0]
    top = [one for one in own if one.trial.last_epoch >= best.epoch][:_BEST]
    if len(top) < 3:
        return None
    luck = abs(best.value - statistics.fmean(one.value for one in top))
    if luck <= ROUNDING * abs(best.value):
        text = (
            f"the best {len(top)} of {len(own)} trials have the same score, "
            f"{unit.value(best.value)}: which of them is the best is open"
        )
        return _lucky(text, 0.0, top, unit)
    text = (
        f"the best of {_scores(own)} is optimistic: were the best {len(top)} equally good, "
        f"{unit.size(luck)} {unit.noun} of it would be luck"
    )
    return _lucky(text, luck, top, unit)


def _scores(own: Sequence[Ranked]) -> str:
    """Count scores: a population has more of them than trials."""
    copies = any(one.trial.taken_over for one in own)
    return f"{len(own)} scores{' (a copy that goes on has its own)' if copies else ''}"


def _lucky(text: str, luck: float, top: Sequence[Ranked], unit: Unit) -> Finding:
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
