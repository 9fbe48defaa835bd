"""Rules that compare a trial's best so far with what the others had at the same epoch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median, median_high

from sweeps.stop.order import below, best, low, numbers, quantile
from sweeps.stop.rule import Curves
from trainers.errors import ConfigError


@dataclass(frozen=True)
class Median:
    """The median stopping rule (Golovin et al. 2017, "Google Vizier", section 3.2.2)."""

    grace: int
    trials: int

    def __post_init__(self) -> None:
        _check("median", self.grace, self.trials)

    def judge(self, trial: str, epoch: int, curves: Curves) -> str | None:
        """Its best so far below the median of the others' running averages: stop."""
        if epoch < self.grace or len(curves[epoch]) <= self.trials:
            return None
        upto = [curves[e] for e in range(1, epoch + 1)]
        averages = [
            _average([at[other] for at in upto]) for other in curves[epoch] if other != trial
        ]
        own = best([at[trial] for at in upto])
        if not below(own, _median(averages), averages):
            return None
        return (
            f"median: best so far is below the average of {len(averages)} others at epoch {epoch}"
        )


@dataclass(frozen=True)
class Percentile:
    """Keeps the trials whose best so far is within the best `percent` of the others' best so far.

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
        """Its best so far below the quantile of the others': stop."""
        if epoch < self.grace or len(curves[epoch]) <= self.trials:
            return None
        upto = [curves[e] for e in range(1, epoch + 1)]
        others = [best([at[other] for at in upto]) for other in curves[epoch] if other != trial]
        own = best([at[trial] for at in upto])
        if not below(own, quantile(others, 1 - self.percent / 100), others):
            return None
        return (
            f"percentile: best so far is not in the best {self.percent:g} % of {len(others)} "
            f"others at epoch {epoch}"
        )


def _check(name: str, grace: int, trials: int) -> None:
    if grace < 1 or trials < 1:
        raise ConfigError(
            f"stop={name} needs stop.grace >= 1 and stop.trials >= 1, not {grace} and {trials}"
        )


def _average(values: list[float]) -> float:
    """The mean of those that are numbers, never above the highest of them; NaN if there is none."""
    known = numbers(values)
    if not known:
        return math.nan
    # Rounding may lift the mean of equals above them, and a sum may overflow.
    return min(max(known), sum(known) / len(known))


def _median(values: list[float]) -> float:
    """The median; the higher of the middle two where their mean is not finite."""
    lowered = [low(value) for value in values]
    middle = median(lowered)
    return middle if math.isfinite(middle) else median_high(lowered)
