"""Estimate how much the score of one configuration varies between seeds."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sweeps.findings.observations import Observations
from sweeps.findings.regression import ROUNDING, whole_design
from sweeps.space.dimensions import label_of
from sweeps.trials import SEED, Objective, State, TrialRecord

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
