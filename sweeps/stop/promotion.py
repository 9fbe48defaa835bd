"""Rules that pause trials at rungs, and let the best go on: nobody is stopped for being early.

Like all rules they are functions of the recorded curves alone. A trial that is
paused gives its slot back, and goes on from its checkpoint when it is promoted.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from sweeps.stop.halving import check, is_rung, rung_after
from sweeps.stop.rule import Curves, Stop

#: The share of differences between trials that cross again and again which is taken for noise.
_NOISE_QUANTILE = 0.9


@runtime_checkable
class Promoting(Stop, Protocol):
    """A rule that pauses trials."""

    def pauses(self, epoch: int) -> bool:
        """Whether trials wait after this epoch to be promoted."""

    def promote(self, paused: Mapping[str, int], curves: Curves) -> str | None:
        """The trial that is to go on, of those that wait; None: a new one is worth more.

        Args:
            paused: trial -> the epoch after which it waits.
            curves: what every trial has reported so far.
        """


@dataclass(frozen=True)
class Promotion:
    """Asynchronous successive halving as published (Li et al. 2020, algorithm 2).

    Every trial waits at every rung (epoch grace x factor^k). One that is in the best 1/factor of
    all that have reached its rung goes on; where there is none such, a new trial begins.
    """

    grace: int
    factor: float

    def __post_init__(self) -> None:
        check("promotion", self.grace, self.factor)

    def judge(self, trial: str, epoch: int, curves: Curves) -> str | None:
        """None: nobody is stopped."""
        return None

    def pauses(self, epoch: int) -> bool:
        """At each rung."""
        return is_rung(epoch, self.grace, self.factor)

    def promote(self, paused: Mapping[str, int], curves: Curves) -> str | None:
        """The best that waits at the highest rung where one of the best 1/factor waits."""
        return _promoted(paused, curves, self.factor, max(paused.values(), default=0))


@dataclass(frozen=True)
class Pasha:
    """Progressive ASHA (Bohdal et al. 2023, arXiv:2207.06940): no longer than the ranking needs.

    As `Promotion`, under a ceiling: at first the second rung. While the ceiling and the rung
    below it rank trials differently, by more than noise explains, it is raised by a rung. Noise
    is measured as in the paper, on trials whose curves cross more than once.
    """

    grace: int
    factor: float

    def __post_init__(self) -> None:
        check("pasha", self.grace, self.factor)

    def judge(self, trial: str, epoch: int, curves: Curves) -> str | None:
        """None: nobody is stopped."""
        return None

    def pauses(self, epoch: int) -> bool:
        """At each rung."""
        return is_rung(epoch, self.grace, self.factor)

    def promote(self, paused: Mapping[str, int], curves: Curves) -> str | None:
        """As `Promotion`, but not beyond the ceiling."""
        return _promoted(paused, curves, self.factor, self.ceiling(curves) - 1)

    def ceiling(self, curves: Curves) -> int:
        """The epoch to which trials may be promoted."""
        low, high = self.grace, rung_after(self.grace, self.grace, self.factor)
        while curves.get(high) and not _alike(low, high, curves):
            low, high = high, rung_after(high, self.grace, self.factor)
        return high


def _promoted(paused: Mapping[str, int], curves: Curves, factor: float, highest: int) -> str | None:
    """The best trial waiting at the highest rung, of `highest` and lower, that has one to go on."""
    for rung in sorted({epoch for epoch in paused.values() if epoch <= highest}, reverse=True):
        ranked = _ranked(curves[rung], curves[rung])
        for trial in ranked[: math.floor(len(ranked) / factor + 1e-9)]:
            if paused.get(trial) == rung:
                return trial
    return None


def _ranked(values: Mapping[str, float], trials: Collection[str]) -> list[str]:
    """The best first; of equals the earlier trial; what is not a number comes last."""
    return sorted(trials, key=lambda t: (math.isnan(values[t]), -values[t], t))


def _alike(low: int, high: int, curves: Curves) -> bool:
    """Whether two rungs rank the trials that have reached both alike, but for noise."""
    trials = [t for t in curves[high] if t in curves[low]]
    before, after = curves[low], curves[high]
    noise = _noise(trials, high, curves)
    ranked_before, ranked_after = _ranked(before, trials), _ranked(after, trials)
    return all(
        then == now or abs(before[then] - before[now]) <= noise
        for then, now in zip(ranked_before, ranked_after, strict=True)
    )


def _noise(trials: Collection[str], upto: int, curves: Curves) -> float:
    """What trials that change places more than once differ by at the highest rung."""
    if len(trials) < 2:
        return 0.0
    last = changes = np.zeros((len(trials), len(trials)))
    for epoch in (e for e in range(1, upto + 1) if e in curves):
        values = np.array([curves[epoch][t] for t in trials])
        with np.errstate(invalid="ignore"):  # of two infinities
            differences = values[:, None] - values  # (trials, trials)
        signs = np.nan_to_num(np.sign(differences))
        changes = changes + ((signs != 0) & (last != 0) & (signs != last))
        last = np.where(signs != 0, signs, last)
    crossing = np.triu(changes >= 2)
    return (
        float(np.quantile(np.abs(differences[crossing]), _NOISE_QUANTILE))
        if crossing.any()
        else 0.0
    )
