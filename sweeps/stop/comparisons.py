"""Compare floats, all of them: NaN is below all numbers, infinities are extremes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray


def low(value: float) -> float:
    """Return the value, or minus infinity for NaN."""
    return -math.inf if math.isnan(value) else value


def numbers(values: list[float]) -> list[float]:
    """Return those that are numbers."""
    if not math.isnan(sum(values)):  # the usual case, and quick to tell
        return values
    return [value for value in values if not math.isnan(value)]


def best(values: list[float]) -> float:
    """Return the highest that is a number; NaN if there is none."""
    return max(numbers(values), default=math.nan)


def below(value: float, bar: float, others: Iterable[float]) -> bool:
    """Whether a value fails the bar that others set; NaN fails if any other is a number.

    Where nobody has a number all are equal, and equals go on.
    """
    if math.isnan(value):
        return not all(map(math.isnan, others))
    return value < bar


def others(values: Mapping[str, float], trial: str) -> NDArray[np.float64]:
    """(trials - 1,) the values of all trials but one, in any order.

    Which of several equal values is left out makes no difference, and to ask each for its trial
    takes three times as long: as long as a proposal where there are thousands.
    """
    own = values[trial]
    numbers = np.fromiter(values.values(), np.float64, len(values))
    same = np.isnan(numbers) if math.isnan(own) else numbers == own
    return np.delete(numbers, int(np.argmax(same)))


def quantile(values: Sequence[float] | NDArray[np.float64], share: float) -> float:
    """Return the value that a share of the values is below, linear between neighbours.

    As numpy's to the last bit where all is finite. Between two of which one is infinite, and
    where a difference overflows, it is the higher one, so that the best value always reaches it.
    """
    index, part = divmod((len(values) - 1) * share, 1.0)
    at, next_ = int(index), min(int(index) + 1, len(values) - 1)
    numbers = np.array(values, dtype=np.float64)
    numbers[np.isnan(numbers)] = -math.inf
    numbers.partition((at, next_))  # a tenth of the time of sorting, where trials are many
    lower, higher = float(numbers[at]), float(numbers[next_])
    if part == 0.0 or at == next_:
        return lower
    gap = higher - lower
    if not math.isfinite(gap):
        return higher
    return lower + gap * part if part < 0.5 else higher - gap * (1.0 - part)
