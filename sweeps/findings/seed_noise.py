"""Tell what seeds make of a score: how much it varies, what is best over several of them."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sweeps.findings.finding import Certainty, Finding, Topic
from sweeps.findings.observations import Observations
from sweeps.findings.regression import ROUNDING, whole_design
from sweeps.formatting import Unit, clip, number, short_names
from sweeps.recorded.recorded_sweep import RecordedSweep
from sweeps.repeats.intervals import differences, mean
from sweeps.repeats.repeat_means import Repeated, repeated
from sweeps.space.dimensions import label_of
from sweeps.trials import SEED, Objective, Ranked, State, TrialRecord

#: Trials of a configuration, and cells of a value, in a sentence.
_NAMED, _VALUE = 5, 40
#: Degrees of freedom that a model must leave to say anything of the noise.
_FEWEST = 5


@dataclass(frozen=True)
class SeedNoise:
    """Holds the standard deviation between seeds, and what it rests on.

    Attributes:
        freedom: degrees of freedom.
        repeated: whether it is of trainings of the same configuration; else it is what a model
            leaves unexplained, which is more than the noise.
    """

    sd: float
    freedom: int
    repeated: bool


def seed_noise(trials: Sequence[TrialRecord], objective: Objective) -> SeedNoise | None:
    """Estimate the noise from trials that differ in their seed alone; None if there are none.

    The pooled standard deviation within configurations, of trials that ran to their end. The trial
    for which repeats were made is not among them: it was picked for its luck. Where a trial is a
    mean over several seeds (`repeats.runs`), the noise is that of such means.
    """
    groups: dict[Any, list[float]] = defaultdict(list)
    within: list[tuple[float, int]] = []
    for trial in trials:
        best = trial.best(objective) if trial.state is State.COMPLETE else None
        if best is None or not math.isfinite(best[1]):
            continue
        seeded = SEED in trial.params
        if trial.repeat_of is not None or seeded:
            rest = sorted((k, repr(label_of(v))) for k, v in trial.params.items() if k != SEED)
            groups[trial.repeat_of, tuple(rest)].append(best[1])
    within = [(statistics.variance(g), len(g) - 1) for g in groups.values() if len(g) > 1]
    freedom = sum(degrees for _, degrees in within)
    if not freedom:
        return None
    pooled = math.sqrt(sum(variance * degrees for variance, degrees in within) / freedom)
    return SeedNoise(pooled, freedom, True) if pooled > 0 else None


def noise_of(
    trials: Sequence[TrialRecord], objective: Objective, observed: Observations
) -> SeedNoise | None:
    """Estimate the noise from repeats, else by what a model of all keys leaves unexplained.

    The latter only where all trials are compared at their ends: early scores vary more.
    """
    if (found := seed_noise(trials, objective)) is not None:
        return found
    longest = max((trial.last_epoch for trial in observed.trials), default=0)
    return unexplained(observed) if 0 < longest <= observed.epoch else None


def unexplained(observed: Observations) -> SeedNoise | None:
    """Return the residual deviation of a linear model of all keys; None of too few trials."""
    design = whole_design(observed)
    freedom = len(observed.scores) - int(np.linalg.matrix_rank(design))
    if freedom < _FEWEST:
        return None
    fitted = design @ np.linalg.lstsq(design, observed.scores, rcond=None)[0]
    left = float(((observed.scores - fitted) ** 2).sum())
    if left <= ROUNDING**2 * float(observed.scores @ observed.scores):
        return None
    return SeedNoise(math.sqrt(left / freedom), freedom, False)


def over_seeds(sweep: RecordedSweep, best: Ranked, unit: Unit) -> Finding | None:
    """Say which configuration has the best mean where the seed was swept; None of single scores.

    The winner is the best run, whose checkpoint there is: its seed may have been a lucky one.
    """
    rows = repeated(sweep.searched, sweep.objective)
    if not rows or rows[0].trials < 2:
        return None
    first, *others = rows
    own = mean([one.value for one in first.runs])
    mine = [one.trial.id for one in first.runs]
    text = (
        f"over {first.trials} seeds {_configured(first, sweep)} ({', '.join(mine[:_NAMED])}) has a "
        f"mean of {unit.value(own.value)} ± {unit.size(own.margin)} {unit.noun}"
    )
    if others:
        text += f", the best of {len(others) + 1} configurations"
        text += "" if best.trial.id in mine else _single(best, others, unit)
    certainty = Certainty.COUNTED
    rival = others[0] if others and others[0].trials > 1 else None
    if rival is not None:
        sign = 1.0 if sweep.objective.maximize else -1.0
        gaps = [sign * gap for gap in differences(first.by_seed, rival.by_seed)]
        told, certainty = _apart(gaps, rival.runs[0].trial.id, unit)
        text += told
    return Finding(
        "winner-seeds",
        Topic.WINNER,
        certainty,
        text,
        value=own.value,
        low=own.low,
        high=own.high,
        unit=unit.metric,
        trials=tuple(mine),
    )


def _configured(one: Repeated, sweep: RecordedSweep) -> str:
    """Name a configuration by what it has; of an ablation by what it does not have as it was."""
    names = short_names(sweep.dimensions)
    as_is = {} if sweep.baseline is None else sweep.baseline.params
    other = {k: v for k, v in one.params.items() if k not in as_is or _differ(v, as_is[k])}
    if not other:
        return "the configuration as it is" if as_is or not one.params else "one configuration"
    return ", ".join(f"{names[k]} {clip(number(v), _VALUE)}" for k, v in other.items())


def _differ(one: Any, other: Any) -> bool:
    return repr(label_of(one)) != repr(label_of(other))


def _single(best: Ranked, others: Sequence[Repeated], unit: Unit) -> str:
    """Say that the best run is of another configuration, and what that one has on average."""
    its = next(row for row in others if any(run.trial.id == best.trial.id for run in row.runs))
    if its.trials < 2:
        average = "which has a single score"
    else:
        average = f"whose mean is {unit.value(its.mean)}"
    return (
        f"; the best run, {best.trial.id}, is of another one, {average}: a single run is the best "
        "by the luck of its seed as well"
    )


def _apart(gaps: Sequence[float], second: str, unit: Unit) -> tuple[str, Certainty]:
    """Compare the best mean with the second, seed by seed; the first was picked: never clear."""
    if len(gaps) < 2:
        return "", Certainty.COUNTED
    lead = mean(gaps)
    change = unit.change(lead.value, lead.margin)
    if lead.low <= 0:
        told = f"; it and the second mean, that of {second}, cannot be told apart ({change})"
        return told, Certainty.OPEN
    return f"; {change} against the second mean, that of {second}", Certainty.COUNTED
