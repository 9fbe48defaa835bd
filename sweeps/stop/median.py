"""Compare a trial's best so far with what the others had at the same epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sweeps.stop.comparisons import below, others, quantile
from sweeps.stop.curves import Growing
from sweeps.stop.rule import Curves
from sweeps.stop.words import place
from trainers.errors import ConfigError


@dataclass(frozen=True)
class Median:
    """Stops by the median stopping rule (Golovin et al. 2017, "Google Vizier", section 3.2.2)."""

    grace: int
    trials: int

    def __post_init__(self) -> None:
        _check("median", self.grace, self.trials)

    def judge(self, trial: str, epoch: int, curves: Curves) -> str | None:
        """Stop if the best so far is below the median of the others' running averages."""
        if epoch < self.grace or len(curves[epoch]) <= self.trials:
            return None
        growing = Growing.of(curves)
        averages = others(_averages(growing, epoch), trial)
        own = _bests(growing, epoch)[trial]
        if not below(own, _median(averages), averages):
            return None
        return (
            f"median: its best so far is worse than the median of {len(averages)} others at epoch "
            f"{epoch}"
        )


@dataclass(frozen=True)
class Percentile:
    """Keeps trials whose best so far is within the best `percent` of the others' best.

    Like Optuna's PercentilePruner, which however compares with what the complete trials had at
    this very epoch, and leaves out what is no number.
    """

    percent: float
    grace: int
    trials: int

    def __post_init__(self) -> None:
        if not 0 < self.percent < 100:
            raise ConfigError(
                f"stop=percentile keeps the best stop.percent of the trials, a number between 0 "
                f"and 100 such as 25, not {self.percent:g}"
            )
        _check("percentile", self.grace, self.trials)

    def judge(self, trial: str, epoch: int, curves: Curves) -> str | None:
        """Stop if the best so far is below the quantile of the others'."""
        if epoch < self.grace or len(curves[epoch]) <= self.trials:
            return None
        bests = _bests(Growing.of(curves), epoch)
        rest = others(bests, trial)
        if not below(bests[trial], quantile(rest, 1 - self.percent / 100), rest):
            return None
        stands = f"{place(bests[trial], rest)} of {len(bests)} by its best so far at epoch {epoch}"
        return f"percentile: {stands}, and only the best {self.percent:g} % go on"


def _check(name: str, grace: int, trials: int) -> None:
    if grace < 1 or trials < 1:
        raise ConfigError(
            f"stop={name} needs stop.grace >= 1 and stop.trials >= 1, not {grace} and {trials}"
        )


def _bests(curves: Growing, epoch: int) -> Mapping[str, float]:
    """Map each trial to its highest number up to an epoch; NaN if there is none."""
    before: dict[str, float] = {}

    def add(bests: dict[str, float], trial: str, value: float) -> None:
        earlier = before.get(trial, math.nan)
        bests[trial] = earlier if math.isnan(value) or earlier >= value else value

    for e in range(1, epoch + 1):
        before = curves.fold("best", e, add)
    return before


def _averages(curves: Growing, epoch: int) -> Mapping[str, float]:
    """Map each trial to the mean of its numbers up to an epoch; NaN if there is none.

    It is never above the highest of them: rounding may lift the mean of equals above them, and a
    sum may overflow.
    """
    highest, before = _bests(curves, epoch), dict[str, tuple[float, int]]()

    def add_sum(sums: dict[str, tuple[float, int]], trial: str, value: float) -> None:
        total, count = before.get(trial, (0.0, 0))
        sums[trial] = (total, count) if math.isnan(value) else (total + value, count + 1)

    def add(averages: dict[str, float], trial: str, value: float) -> None:
        total, count = before[trial]
        averages[trial] = min(highest[trial], total / count) if count else math.nan

    for e in range(1, epoch + 1):
        before = curves.fold("sum", e, add_sum)
    made: Mapping[str, float] = curves.fold("average", epoch, add)
    return made


def _median(values: NDArray[np.float64]) -> float:
    """Return the median, NaN being lowest; the higher middle value if the mean is not finite."""
    lowered = np.where(np.isnan(values), -np.inf, values)
    middle = len(lowered) // 2
    before = (len(lowered) - 1) // 2
    lowered.partition((before, middle))
    lower, higher = float(lowered[before]), float(lowered[middle])
    mean = (lower + higher) / 2 if before != middle else higher
    return mean if math.isfinite(mean) else higher
