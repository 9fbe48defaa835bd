"""Encode configurations as numbers and measure the distance between them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweeps.space.dimensions import Choice, Interval, label_of
from sweeps.space.space import Space
from sweeps.trials import SEED

#: Codes of a key that the configuration lacks, and of a value that the space lacks.
ABSENT, STRANGE = -1, -2

Numbers = NDArray[np.float64]
Codes = NDArray[np.int64]


class Encoding:
    """Maps the configurations of a space into a unit cube, and numbers their categories.

    An interval is measured on its own scale (log, log of 1 - x), from 0 to 1. A choice among
    numbers is measured by rank. All other keys, and the seed, are categories.
    """

    def __init__(self, space: Space) -> None:
        """Build the scales of the space's parameters."""
        self.numeric: dict[str, Callable[[Any], float]] = {}
        self.categorical: dict[str, dict[Any, int]] = {}
        for parameter in space.parameters:
            dimension = parameter.dimension
            if isinstance(dimension, Interval) and parameter.key != SEED:
                self.numeric[parameter.key] = _interval(dimension)
            elif isinstance(dimension, Choice) and parameter.key != SEED and _numbers(dimension):
                self.numeric[parameter.key] = _ranks(dimension)
            elif isinstance(dimension, Choice):
                labels = [label_of(value) for value in dimension.values]
                self.categorical[parameter.key] = {label: i for i, label in enumerate(labels)}
            # An interval of seeds is no scale, and has too many values for categories.

    def numbers(self, params: Mapping[str, Any]) -> Numbers:
        """Return the position of a configuration, (numeric keys,); nan for a key it lacks."""
        return np.array(
            [
                scale(params[key]) if key in params else math.nan
                for key, scale in self.numeric.items()
            ],
            dtype=np.float64,
        )

    def codes(self, params: Mapping[str, Any]) -> Codes:
        """Return the category codes, (categorical keys,), or `ABSENT` or `STRANGE`."""
        return np.array(
            [
                codes.get(label_of(params[key]), STRANGE) if key in params else ABSENT
                for key, codes in self.categorical.items()
            ],
            dtype=np.int64,
        )


class Neighbours:
    """Finds the nearest of some configurations.

    The nearest agrees in as many categories as possible; among those that agree in as many, it has
    the least sum of squared differences on the numeric scales. A numeric key that only one of two
    configurations has counts as a difference of 1. Of equally near ones, it is the first.
    """

    def __init__(self, encoding: Encoding, configurations: Sequence[Mapping[str, Any]]) -> None:
        """Encode the configurations, at least one."""
        self._encoding = encoding
        self._numbers = np.stack([encoding.numbers(params) for params in configurations])
        self._codes = np.stack([encoding.codes(params) for params in configurations])
        self._present = ~np.isnan(self._numbers)
        self._numbers = np.where(self._present, self._numbers, 0.0)

    def nearest(self, params: Mapping[str, Any]) -> int:
        """Return the index of the configuration nearest to these parameters."""
        numbers = self._encoding.numbers(params)
        present = ~np.isnan(numbers)
        differ = (self._numbers - np.where(present, numbers, 0.0)) ** 2
        squares = np.where(self._present & present, differ, self._present ^ present).sum(axis=1)
        mismatches = (self._codes != self._encoding.codes(params)).sum(axis=1)
        fewest = mismatches == mismatches.min()
        return int(np.argmin(np.where(fewest, squares, math.inf)))


def _numbers(dimension: Choice) -> bool:
    return all(isinstance(v, int | float) and not isinstance(v, bool) for v in dimension.values)


def _interval(dimension: Interval) -> Callable[[Any], float]:
    def measure(value: float) -> float:
        if dimension.log1m:
            return -math.log(1 - value)
        return math.log(value) if dimension.log else float(value)

    low, high = measure(dimension.low), measure(dimension.high)
    return lambda value: (measure(value) - low) / (high - low)


def _ranks(dimension: Choice) -> Callable[[Any], float]:
    values = sorted(dimension.values)
    places = {value: i / max(len(values) - 1, 1) for i, value in enumerate(values)}
    return lambda value: places[value]
