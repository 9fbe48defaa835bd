"""Pause trials at rungs, and let the best go on: nobody is stopped for being early.

Like all rules they are functions of the recorded curves alone. A trial that is
paused gives its slot back, and goes on from its checkpoint when it is promoted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from sweeps.stop.asha import check, is_rung, rung_after
from sweeps.stop.comparisons import quantile
from sweeps.stop.curves import Growing
from sweeps.stop.rule import Curves, Stop

#: The share of differences between trials that cross again and again which is taken for noise.
_NOISE_QUANTILE = 0.9


@runtime_checkable
class PromotionRule(Stop, Protocol):
    """Defines a rule that pauses trials, and promotes the best of them."""

    def pauses(self, epoch: int) -> bool:
        """Whether trials wait after this epoch to be promoted."""

    def promote(self, paused: Mapping[str, int], curves: Curves) -> str | None:
        """Return the trial that is to go on, of those that wait; None: a new one is worth more.

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
        """Return None: nobody is stopped."""
        return None

    def pauses(self, epoch: int) -> bool:
        """Whether trials pause after this epoch: at each rung."""
        return is_rung(epoch, self.grace, self.factor)

    def promote(self, paused: Mapping[str, int], curves: Curves) -> str | None:
        """Return the best that waits at the highest rung where one of the best 1/factor waits."""
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
        """Return None: nobody is stopped."""
        return None

    def pauses(self, epoch: int) -> bool:
        """Whether trials pause after this epoch: at each rung."""
        return is_rung(epoch, self.grace, self.factor)

    def promote(self, paused: Mapping[str, int], curves: Curves) -> str | None:
        """Promote as `Promotion` does, but not beyond the ceiling."""
        return _promoted(paused, curves, self.factor, self.ceiling(curves) - 1)

    def ceiling(self, curves: Curves) -> int:
        """Return the epoch to which trials may be promoted."""
        low, high = self.grace, rung_after(self.grace, self.grace, self.factor)
        while curves.get(high) and not _alike(low, high, curves):
            low, high = high, rung_after(high, self.grace, self.factor)
        return high


def _promoted(paused: Mapping[str, int], curves: Curves, factor: float, highest: int) -> str | None:
    """Return the best trial that waits at the highest rung, up to `highest`, with one to go on."""
    waiting: dict[int, list[str]] = {}
    for trial, epoch in paused.items():
        if epoch <= highest:
            waiting.setdefault(epoch, []).append(trial)
    for rung in sorted(waiting, reverse=True):
        values = curves[rung]
        best = min(waiting[rung], key=_order(values))
        if _ahead(best, values) < math.floor(len(values) / factor + 1e-9):
            return best
    return None


def _ranked(values: Mapping[str, float], trials: Collection[str]) -> list[str]:
    """Sort the best first; of equals the earlier trial; what is not a number comes last."""
    return sorted(trials, key=_order(values))


def _order(values: Mapping[str, float]) -> Callable[[str], tuple[bool, float, str]]:
    def place(trial: str) -> tuple[bool, float, str]:
        value = values[trial]
        # NaN is neither below nor equal to another, and would leave their order to chance.
        return (True, 0.0, trial) if math.isnan(value) else (False, -value, trial)

    return place


def _ahead(trial: str, values: Mapping[str, float]) -> int:
    """Count the trials that come before a trial in the order of all."""
    own, numbers = values[trial], np.fromiter(values.values(), np.float64, len(values))
    if math.isnan(own):
        equal = np.isnan(numbers)
        ahead = int(np.sum(~equal))
    else:
        equal = numbers == own
        ahead = int(np.sum(numbers > own))
    if np.sum(equal) > 1:
        ahead += sum(t < trial for t, same in zip(values, equal.tolist(), strict=True) if same)
    return ahead


@dataclass
class _Compared:
    """Describes what is known of the trials that have reached a rung."""

    curves: list[list[float]] = field(default_factory=list)
    noisy: list[NDArray[np.float64]] = field(default_factory=list)
    alike: bool | None = None  # whether this rung and the one below rank them alike, once looked at


def _alike(low: int, high: int, curves: Curves) -> bool:
    """Whether two rungs rank the trials that have reached both alike, but for noise."""
    epochs = [e for e in range(1, high + 1) if e in curves]

    def add(made: dict[int, _Compared], trial: str, value: float) -> None:
        known = made.setdefault(0, _Compared())
        own = [curves[e][trial] for e in epochs]
        if known.curves:
            known.noisy.append(_noisy(np.array(own), np.array(known.curves)))
        known.curves.append(own)
        known.alike = None

    known: _Compared = Growing.of(curves).fold(("compared", low), high, add)[0]
    if known.alike is None:
        before, after = curves[low], curves[high]
        differences = np.concatenate([*known.noisy, np.array([])])
        noise = quantile(differences, _NOISE_QUANTILE) if len(differences) else 0.0
        known.alike = all(
            then == now or abs(before[then] - before[now]) <= noise
            for then, now in zip(_ranked(before, after), _ranked(after, after), strict=True)
        )
    return known.alike


def _noisy(own: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return by what a trial differs from those with which it has changed places more than once.

    Args:
        own: (epochs,) its curve.
        others: (trials, epochs) those of others.
    """
    with np.errstate(invalid="ignore"):  # infinity less infinity is no number, and no difference
        signs = np.sign(own - others)
        last, changes = np.zeros(len(others)), np.zeros(len(others))
        for sign in signs.T:
            told = (sign != 0) & ~np.isnan(sign)
            changes += told & (last != 0) & (sign != last)
            last = np.where(told, sign, last)
        differences = np.abs(own[-1] - others[changes >= 2, -1])
    known: NDArray[np.float64] = differences[~np.isnan(differences)]
    return known
