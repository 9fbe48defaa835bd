"""When to stop a trial early: pure rules, numbers in and a reason out.

A rule is a function of the recorded curves alone. It keeps nothing, so after any interruption
it decides as it would have decided without.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Protocol

import numpy as np

from trainers.errors import ConfigError

#: Epoch -> trial id -> objective at that epoch, signed so that more is better.
Curves = Mapping[int, Mapping[str, float]]


class Stop(Protocol):
    """One rule; `conf/stop/` names them by `_target_`."""

    def judge(self, trial: str, epoch: int, curves: Curves) -> str | None:
        """Why the trial should stop after this epoch, or None to let it go on.

        Args:
            trial: its id; `curves` holds its own values up to `epoch`.
            epoch: the epoch just ended, from 1.
            curves: what every trial has reported so far.
        """


@dataclass(frozen=True)
class Never:
    """Lets every trial run to its end."""

    def judge(self, trial: str, epoch: int, curves: Curves) -> str | None:
        """None, always."""
        return None


@dataclass(frozen=True)
class Asha:
    """Asynchronous successive halving, stopping variant (Li et al. 2020, arXiv:1810.05934).

    At each rung (epoch grace x factor^k) a trial goes on if it is in the top 1/factor of those
    that have reached the rung before it, and at the first rung also if it is the first there.
    """

    grace: int
    factor: float

    def __post_init__(self) -> None:
        if self.grace < 1 or self.factor <= 1:
            raise ConfigError(
                f"stop=asha needs stop.grace >= 1 and stop.factor > 1, not {self.grace} and "
                f"{self.factor}"
            )

    def judge(self, trial: str, epoch: int, curves: Curves) -> str | None:
        """Below the top 1/factor of the others at this rung: stop."""
        if not self._is_rung(epoch):
            return None
        others = [value for other, value in curves[epoch].items() if other != trial]
        if not others:
            return None
        cutoff = float(np.quantile(others, 1 - 1 / self.factor))
        if curves[epoch][trial] >= cutoff:
            return None
        return f"asha: not in the best 1/{self.factor:g} of {len(others) + 1} at epoch {epoch}"

    def _is_rung(self, epoch: int) -> bool:
        rung = float(self.grace)
        while round(rung) < epoch:
            rung *= self.factor
        return round(rung) == epoch


@dataclass(frozen=True)
class Median:
    """The median stopping rule (Golovin et al. 2017, "Google Vizier", section 3.2.2)."""

    grace: int
    trials: int

    def __post_init__(self) -> None:
        if self.grace < 1 or self.trials < 1:
            raise ConfigError(
                f"stop=median needs stop.grace >= 1 and stop.trials >= 1, not {self.grace} and "
                f"{self.trials}"
            )

    def judge(self, trial: str, epoch: int, curves: Curves) -> str | None:
        """Its best so far below the median of the others' running averages: stop."""
        if epoch < self.grace:
            return None
        upto = [curves[e] for e in range(1, epoch + 1)]
        averages = [
            sum(at[other] for at in upto) / epoch for other in curves[epoch] if other != trial
        ]
        if len(averages) < self.trials or max(at[trial] for at in upto) >= median(averages):
            return None
        return (
            f"median: best so far is below the average of {len(averages)} others at epoch {epoch}"
        )
