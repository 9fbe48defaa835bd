"""Place values on an axis, and choose its ticks: at 1, 2 or 5 times a power of ten."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

#: Logarithmic from this ratio of the largest to the smallest on, if all are above 0.
WIDE = 50.0
#: Larger ones are as good as infinite, smaller ones as good as 0.
_LARGEST, _SMALLEST = 1e250, 1e-250


@dataclass(frozen=True)
class Tick:
    """Marks a place on an axis.

    Attributes:
        at: from 0 to 1, along the axis.
    """

    at: float
    label: str


class Scale(Protocol):
    """Declares what an axis needs to know."""

    def at(self, value: object) -> float | None:
        """Return the place of a value, 0 and 1 at the ends; None if it is not to be placed."""

    def ticks(self, most: int) -> list[Tick]:
        """Return at most so many ticks, in order."""


@dataclass(frozen=True)
class Linear:
    """Places numbers in proportion.

    Attributes:
        whole: ticks at whole numbers only.
    """

    low: float
    high: float
    whole: bool = False

    def at(self, value: object) -> float | None:
        """Return the place of a number; None if it is not finite."""
        number = finite(value)
        if number is None:
            return None
        return _near((number - self.low) / (self.high - self.low))

    def ticks(self, most: int) -> list[Tick]:
        """Return the multiples of 1, 2 or 5 times a power of ten that lie within."""
        step = _step(self.low, self.high, most)
        step = max(step, 1.0) if self.whole else step
        values = _multiples(self.low, self.high, step)
        places = ((self.at(value), value) for value in values)
        return [Tick(at, tick_label(value, step)) for at, value in places if at is not None]


@dataclass(frozen=True)
class Log:
    """Places numbers above 0 by their logarithm."""

    low: float
    high: float

    def at(self, value: object) -> float | None:
        """Return the place of a number; None if it has no logarithm."""
        number = finite(value)
        if number is None or number <= 0:
            return None
        low, high = math.log(self.low), math.log(self.high)
        return _near((math.log(number) - low) / (high - low))

    def ticks(self, most: int) -> list[Tick]:
        """Return powers of ten, with their 2 and 5 times where there is room."""
        values = log_ticks(self.low, self.high, most)
        return [Tick(self.at(value) or 0.0, tick_label(value)) for value in values]


@dataclass(frozen=True)
class LogToOne:
    """Places numbers below 1 by the logarithm of what is left to 1, as momenta are drawn."""

    low: float
    high: float

    def at(self, value: object) -> float | None:
        """Return the place of a number; None if it is not below 1."""
        number = finite(value)
        place = None if number is None else self._left.at(1 - number)
        return None if place is None else 1 - min(max(place, 0.0), 1.0)

    def ticks(self, most: int) -> list[Tick]:
        """Return 0.9, 0.95, 0.98, 0.99 and so on."""
        left = log_ticks(self._left.low, self._left.high, most, coarser=5)
        values = [1 - value for value in reversed(left)]
        return [Tick(self.at(value) or 0.0, f"{value:.10g}") for value in values]

    @property
    def _left(self) -> Log:
        return Log(max(1 - self.high, 1e-9), max(1 - self.low, 1e-8))


@dataclass(frozen=True)
class Categories:
    """Gives each of a few labels a lane of the same width, and places it in the middle."""

    labels: tuple[str, ...]

    def at(self, value: object) -> float | None:
        """Return the middle of a label's lane; None if there is no such label."""
        if value not in self.labels:
            return None
        return (self.labels.index(str(value)) + 0.5) / len(self.labels)

    def ticks(self, most: int) -> list[Tick]:
        """Return all labels, or each so-manieth where there are too many."""
        step = max(1, math.ceil(len(self.labels) / max(most, 1)))
        chosen = list(self.labels)[::step]
        return [Tick(self.at(label) or 0.0, label) for label in chosen]


def objective_scale(ends: Iterable[object], maximize: bool, margin: float = 0.04) -> Scale:
    """Return a scale of an objective: of what is to be high it is linear, as the best lie close."""
    return scale_for(ends, log=False if maximize else None, margin=margin)


def scale_for(values: Iterable[object], log: bool | None = None, margin: float = 0.04) -> Scale:
    """Return a scale on which these numbers lie, with some room at both ends.

    Args:
        log: None: if all are above 0 and differ `WIDE`-fold.
        margin: the room at each end, as a share.
    """
    numbers = [number for value in values if (number := finite(value)) is not None]
    if log is not False and all(number > 0 for number in numbers) and numbers:
        low, high = min(numbers), max(numbers)
        if log or high >= WIDE * low:
            spread = margin * (math.log(high) - math.log(low)) if high > low else math.log(1.5)
            spread = min(spread, math.log(10))
            if low > _SMALLEST:
                return Log(low * math.exp(-spread), high * math.exp(spread))
    low, high = min(numbers, default=0.0), max(numbers, default=1.0)
    largest = max(abs(low), abs(high))
    if high - low <= max(1e-12 * largest, _SMALLEST):  # equal, but for rounding
        room = largest * 0.1 if largest > _SMALLEST else 0.5
    else:
        room = margin * (high - low)
    return Linear(low - room, high + room)


def finite(value: object) -> float | None:
    """Return a number as it is; None for what is none, or (all but) infinite."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if abs(number) <= _LARGEST else None  # nor is NaN


def log_ticks(low: float, high: float, most: int, coarser: int = 3) -> list[float]:
    """Return ticks on a logarithmic axis; the finest set of which there are not too many.

    Args:
        coarser: what goes with each power of ten where 2 and 5 are too many.
    """
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for digits in ((1, 2, 5), (1, coarser), (1,)):
        found = _within(low, high, (_power(d, e) for e in range(first, last + 1) for d in digits))
        if len(found) <= most:
            break
    for every in range(2, last - first + 2):
        if len(found) <= most:
            break
        found = _within(low, high, (_power(1, e) for e in range(first, last + 1) if not e % every))
    if len(found) < 3 and high < 100 * low:  # so near each other as on a linear axis
        finer = _multiples(low, high, _step(low, high, most))
        found = finer if len(finer) > len(found) else found
    return found[:most]


def tick_label(value: float, step: float | None = None) -> str:
    """Format a tick: 0.05, 2,000, 1e-5; with as many digits as the step between ticks needs."""
    if value == 0:
        return "0"
    if not 1e-3 <= abs(value) < 1e6:
        digits = 3 if step is None else math.floor(math.log10(abs(value)) - math.log10(step) + 1)
        mantissa, exponent = f"{value:.{min(max(digits, 1), 15)}e}".split("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    if step is None:
        return f"{value:.6g}" if abs(value) < 1000 else f"{value:,.0f}"
    decimals = min(max(0, -math.floor(math.log10(step) + 1e-9)), 15)
    return f"{value:,.{decimals}f}"


def _step(low: float, high: float, most: int) -> float:
    """Return the least of 1, 2, 5 times a power of ten with at most so many multiples within."""
    exponent = math.floor(math.log10((high - low) / most))
    steps = (_power(digit, exponent + more) for more in range(3) for digit in (1, 2, 5))
    return next(step for step in steps if len(_multiples(low, high, step)) <= most)


def _multiples(low: float, high: float, step: float) -> list[float]:
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    # Rounded to the digits of the step, as 3 x 0.1 is 0.30000000000000004.
    digits = max(0, -math.floor(math.log10(step))) if step < 1 else 0
    return [round(n * step, digits) for n in range(first, last + 1)]


def _within(low: float, high: float, values: Iterable[float]) -> list[float]:
    return [value for value in values if low * (1 - 1e-9) <= value <= high * (1 + 1e-9)]


def _power(digit: int, exponent: int) -> float:
    return float(f"{digit}e{exponent}")  # 10.0**-5 is not 1e-5


def _near(share: float) -> float:
    """Keep what lies far beyond the ends from coordinates of many digits."""
    return min(max(share, -9.0), 10.0)


def focused(values: Sequence[float], wanted: float, maximize: bool) -> tuple[float, float]:
    """Return the ends of what to show of these numbers: all, unless most room went to bad ones.

    Args:
        wanted: what is good enough to be shown in any case, with half as much room again.
    """
    best = max(values) if maximize else min(values)
    worst = min(values) if maximize else max(values)
    far = best + 1.5 * (wanted - best)
    end = far if 0 < abs(far - best) < 0.75 * abs(worst - best) else worst
    return min(best, end), max(best, end)


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value below which this share of sorted values lies; the nearest of them."""
    return values[min(max(round(share * (len(values) - 1)), 0), len(values) - 1)]
