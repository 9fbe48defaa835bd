"""Make the parameters of a child: its parent's, each changed a little or drawn anew."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from sweeps.space.dimensions import Choice, Dimension, Interval, tidy
from sweeps.space.space import Space


@dataclass(frozen=True)
class Drawing:
    """Draws values as an Optuna trial would, from a generator of its own."""

    random: Random

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """Draw one of the choices."""
        return self.random.choice(choices)

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        """Draw a whole number, both ends included."""
        if log:
            value = math.exp(self.random.uniform(math.log(low - 0.5), math.log(high + 0.5)))
            return min(max(round(value), low), high)
        return self.random.randrange(low, high + 1, step)

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """Draw a number, both ends included."""
        if step is not None:
            return low + step * self.random.randint(0, math.floor((high - low) / step + 1e-9))
        if log:
            value = math.exp(self.random.uniform(math.log(low), math.log(high)))
        else:
            value = self.random.uniform(low, high)
        return min(max(value, low), high)


def explore(
    space: Space, params: Mapping[str, Any], random: Random, perturb: float, resample: float
) -> dict[str, Any]:
    """Parameters near those of a parent (Jaderberg et al. 2017, arXiv:1711.09846, appendix A).

    Each value is drawn anew with probability `resample`. Otherwise a number is multiplied by
    `perturb` or its inverse, whichever a coin says, and clipped to the space; a list of numbers
    gives a neighbour; any other choice stays. A key that exists only now is drawn.
    """
    found: dict[str, Any] = {}
    for parameter in space.parameters:
        if not parameter.applies(found):
            continue
        key, dimension = parameter.key, parameter.dimension
        if key not in params or random.random() < resample:
            found[key] = dimension.suggest(Drawing(random), key)
        else:
            found[key] = _near(dimension, params[key], random.random() < 0.5, perturb)
    return found


def _near(dimension: Dimension, value: Any, up: bool, perturb: float) -> Any:
    """Return the value that is one change further up, or down."""
    if isinstance(dimension, Interval):
        return _moved(dimension, value, up, perturb)
    return _neighbour(dimension, value, up)


def _neighbour(choice: Choice, value: Any, up: bool) -> Any:
    """Return the next of a list of numbers; the end of the list stays."""
    if not all(isinstance(v, int | float) and not isinstance(v, bool) for v in choice.values):
        return value
    values = sorted(choice.values)
    return values[min(max(values.index(value) + (1 if up else -1), 0), len(values) - 1)]


def _moved(interval: Interval, value: float, up: bool, perturb: float) -> Any:
    """Change a value by the factor or its inverse, by one step at least, within the interval."""
    low, high, factor = interval.low, interval.high, perturb if up else 1 / perturb
    if interval.log1m:
        return tidy(min(max(1 - (1 - value) / factor, low), high), False)
    moved = value * factor
    if value == 0:  # which has no multiple
        moved = (high - low) * (perturb - 1) * (1 if up else -1)
    step = interval.step or (1 if interval.integer else None)
    if step is None:
        return min(max(moved, low), high)
    steps, before = round((moved - low) / step), round((value - low) / step)
    if steps == before:
        steps += 1 if (moved > value) else -1
    last = math.floor((high - low) / step + 1e-9)
    return tidy(low + min(max(steps, 0), last) * step, interval.integer)
