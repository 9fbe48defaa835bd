"""Comparisons that hold for every float: NaN is below all numbers, infinities are extremes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence


def low(value: float) -> float:
    """The value, or minus infinity for NaN."""
    return -math.inf if math.isnan(value) else value


def best(values: Iterable[float]) -> float:
    """The highest that is a number; NaN if there is none."""
    return max((value for value in values if not math.isnan(value)), default=math.nan)


def below(value: float, bar: float, others: Sequence[float]) -> bool:
    """Whether a value fails the bar that others set; what is no number fails if any other is one.

    Where nobody has a number all are equal, and equals go on.
    """
    if math.isnan(value):
        return not all(map(math.isnan, others))
    return value < bar


def quantile(values: Sequence[float], share: float) -> float:
    """The value that the given share of the values is below, linear between two neighbours.

    As numpy's to the last bit where all is finite. Between two of which one is infinite, and
    where a difference overflows, it is the higher one, so that the best value always reaches it.
    """
    ordered = sorted(map(low, values))
    index, part = divmod((len(ordered) - 1) * share, 1.0)
    lower = ordered[int(index)]
    if part == 0.0 or int(index) + 1 == len(ordered):
        return lower
    higher = ordered[int(index) + 1]
    gap = higher - lower
    if not math.isfinite(gap):
        return higher
    return lower + gap * part if part < 0.5 else higher - gap * (1.0 - part)
