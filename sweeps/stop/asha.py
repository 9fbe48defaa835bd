"""Halve without waiting: a trial is judged at rungs, among those that got there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

from sweeps.stop.comparisons import below, others, quantile
from sweeps.stop.curves import Growing
from sweeps.stop.rule import Curves
from sweeps.stop.words import best_part, place
from trainers.errors import ConfigError

#: No trial has more epochs; a bracket that began later would never be judged.
_MOST_EPOCHS = 1e9
_MOST_BRACKETS = 100


@dataclass(frozen=True)
class Asha:
    """Asynchronous successive halving, stopping variant (Li et al. 2020, arXiv:1810.05934).

    At each rung (epoch grace x factor^k) a trial goes on if it is in the top 1/factor of those
    that have reached the rung before it, and at the first rung also if it is the first there.
    With several brackets, bracket s (from 0) has its first rung at grace x factor^s; see
    `bracket` for who is in it, and a trial is judged among those of its own.
    """

    grace: int
    factor: float
    brackets: int = 1

    def __post_init__(self) -> None:
        check("asha", self.grace, self.factor)
        if self.brackets < 1:
            raise ConfigError(f"stop=asha needs stop.brackets >= 1, not {self.brackets}")
        last = math.log(self.grace) + (self.brackets - 1) * math.log(self.factor)
        if self.brackets > _MOST_BRACKETS or last > math.log(_MOST_EPOCHS):
            raise ConfigError(
                f"stop.brackets={self.brackets} with stop.grace={self.grace} and stop.factor="
                f"{self.factor:g} is more than any trial has epochs for: fewer, such as 3"
            )

    def judge(self, trial: str, epoch: int, curves: Curves) -> str | None:
        """Below the top 1/factor of the others at this rung: stop."""
        return _halve("asha", self.grace, self.factor, self.brackets, trial, epoch, curves)


@dataclass(frozen=True)
class Hyperband:
    """Asynchronous Hyperband (Li et al. 2018, JMLR 18:185; asynchronous: Li et al. 2020, 3.2).

    ASHA in every bracket whose first rung is within the epochs of a trial, so that what only
    shines late has a chance too.
    """

    grace: int
    factor: float
    epochs: int

    def __post_init__(self) -> None:
        check("hyperband", self.grace, self.factor)
        if self.grace > self.epochs:
            raise ConfigError(
                f"stop=hyperband needs stop.grace within the epochs of a trial, not "
                f"{self.grace} of {self.epochs}"
            )
        if _steps(self.grace, self.factor, self.epochs) >= _MOST_BRACKETS:
            raise ConfigError(
                f"stop=hyperband would have over {_MOST_BRACKETS} brackets in {self.epochs} "
                f"epochs with stop.factor={self.factor:g}: a higher factor, such as 3"
            )

    @property
    def brackets(self) -> int:
        """Count the brackets: as many as have a rung within the epochs."""
        count = 1
        while _rung(self.grace, self.factor, count) <= self.epochs:
            count += 1
        return count

    def judge(self, trial: str, epoch: int, curves: Curves) -> str | None:
        """Below the top 1/factor of the others of its bracket at this rung: stop."""
        return _halve("hyperband", self.grace, self.factor, self.brackets, trial, epoch, curves)


@lru_cache(maxsize=1 << 17)
def bracket(number: int, brackets: int, factor: float) -> int:
    """Return the bracket of a trial, from 0, by its number alone.

    Bracket s gets the share of trials that Hyperband gives it, in proportion to
    ceil(brackets x factor^r / (r + 1)) with r = brackets - 1 - s. The numbers take turns as
    evenly as a golden-ratio step around the whole lets them, so that already the first few
    trials are spread, and each whole round has the shares exactly.
    """
    ends, stride = _shares(brackets, factor)
    position = number * stride % ends[-1]
    return next(index for index, end in enumerate(ends) if position < end)


@lru_cache(maxsize=64)
def _shares(brackets: int, factor: float) -> tuple[tuple[int, ...], int]:
    """Return where each bracket ends in a round of trials, and the step between trials."""
    sizes = (math.ceil(brackets * factor**r / (r + 1)) for r in reversed(range(brackets)))
    ends = tuple(accumulate(sizes))
    stride = max(1, round(ends[-1] * (math.sqrt(5) - 1) / 2))
    while math.gcd(stride, ends[-1]) > 1:
        stride += 1
    return ends, stride


def _halve(
    name: str, grace: int, factor: float, brackets: int, trial: str, epoch: int, curves: Curves
) -> str | None:
    values, several = curves[epoch], brackets > 1
    own = bracket(int(trial), brackets, factor) if several else 0
    if not is_rung(epoch, grace, factor, own):
        return None
    if several:
        values = _parts(curves, epoch, brackets, factor)[own]
    rest = others(values, trial)
    if not len(rest) or not below(values[trial], quantile(rest, 1 - 1 / factor), rest):
        return None
    among = f"the {len(values)} in bracket {own}" if several else str(len(values))
    stands = f"{place(values[trial], rest)} of {among} at epoch {epoch}"
    return f"{name}: {stands}, and only {best_part(factor)} on"


def _parts(
    curves: Curves, epoch: int, brackets: int, factor: float
) -> Mapping[int, Mapping[str, float]]:
    """Bracket -> trial -> value at an epoch."""

    def add(parts: dict[int, dict[str, float]], trial: str, value: float) -> None:
        parts.setdefault(bracket(int(trial), brackets, factor), {})[trial] = value

    return Growing.of(curves).fold(("bracket", brackets, factor), epoch, add)


def is_rung(epoch: int, grace: int, factor: float, first: int = 0) -> bool:
    """Whether some k >= first has its rung at this epoch; as quick for any epoch and factor."""
    last = math.floor(_steps(grace, factor, epoch + 0.5))  # of several at one epoch the highest
    return any(_rung(grace, factor, k) == epoch for k in range(max(last - 1, first), last + 2))


def rung_after(epoch: int, grace: int, factor: float) -> int:
    """Return the next rung after an epoch."""
    k = max(0, math.floor(_steps(grace, factor, epoch)))
    while _rung(grace, factor, k) <= epoch:
        k += 1
    return _rung(grace, factor, k)


def _rung(grace: int, factor: float, k: int) -> int:
    return round(grace * factor**k)


def _steps(grace: int, factor: float, epoch: float) -> float:
    """Return the k, not a whole number in general, for which grace x factor^k is this epoch."""
    return math.log(epoch / grace) / math.log(factor)


def check(name: str, grace: int, factor: float) -> None:
    """Raise ConfigError unless there are rungs at grace x factor^k."""
    if grace < 1 or not 1 < factor <= _MOST_EPOCHS:
        raise ConfigError(
            f"stop={name} needs stop.grace >= 1 and stop.factor > 1, not {grace} and {factor}"
        )
