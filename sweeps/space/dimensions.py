"""Represent the values of one swept key: a choice, or an interval of numbers.

Optuna keeps scalars only, so each value has a label there: the value itself, or for lists and
dicts their JSON text, or for numbers near 1 the distance to 1.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from trainers.config.hydra_grammar import written


class Suggests(Protocol):
    """Declares the methods of an Optuna trial that a space uses."""

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """Draw one of the choices."""

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        """Draw an integer; both ends are included."""

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """Draw a number; both ends are included."""


@dataclass(frozen=True)
class Choice:
    """Holds a finite, unordered set: numbers, strings, booleans, null, lists or dicts.

    Attributes:
        unlisted: values that a trial may have beside the listed ones: those that come with a
            configuration as it is, in an ablation.
    """

    values: tuple[Any, ...]
    unlisted: tuple[Any, ...] = ()

    @property
    def size(self) -> int:
        """Return the number of values."""
        return len(self.values)

    def enumerate(self) -> Iterator[Any]:
        """Yield the values one after the other."""
        yield from self.values

    def examples(self) -> tuple[Any, ...]:
        """Return the values whose validity implies that of all values."""
        return self.values

    def contains(self, value: Any) -> bool:
        """Return whether a value is one of the values."""
        return label_of(value) in self._labels

    def suggest(self, trial: Suggests, name: str) -> Any:
        """Let the sampler of a trial draw a value."""
        return self.value(trial.suggest_categorical(name, self._labels))

    def value(self, label: Any) -> Any:
        """Return the value of a label in Optuna, which keeps only scalars.

        A label of none of the values is returned as it is: a search may have added it (ablation).
        """
        known = (*self.values, *self.unlisted)
        return known[self._labels.index(label)] if label in self._labels else label

    @cached_property
    def _labels(self) -> tuple[Any, ...]:
        return tuple(label_of(value) for value in (*self.values, *self.unlisted))

    def label(self, value: Any) -> Any:
        """Return the label of a value, the inverse of `value`."""
        return label_of(value)

    def __str__(self) -> str:
        return ", ".join(text(value) for value in self.values)


@dataclass(frozen=True)
class Interval:
    """Holds the numbers between two ends, both included; `step` makes them finitely many.

    With `log1m`, which is for numbers near 1 such as momenta, 1 - x is drawn on a log scale, and
    Optuna keeps 1 - x.
    """

    low: float
    high: float
    log: bool = False
    log1m: bool = False
    integer: bool = False
    step: float | None = None

    @property
    def size(self) -> int | None:
        """Return the number of values; None for a continuous interval."""
        step = self.step or (1 if self.integer else None)
        return None if step is None else math.floor((self.high - self.low) / step + 1e-9) + 1

    def enumerate(self) -> Iterator[Any]:
        """Yield the values one after the other."""
        step = self.step or 1
        for index in range(self.size or 0):
            yield tidy(self.low + index * step, self.integer)

    def examples(self) -> tuple[Any, ...]:
        """Return the values whose validity implies that of all values."""
        return (tidy(self.low, self.integer), tidy(self.high, self.integer))

    def contains(self, value: Any) -> bool:
        """Return whether a value is one of the values."""
        if isinstance(value, bool) or not isinstance(value, int if self.integer else int | float):
            return False
        steps = (value - self.low) / (self.step or 1)
        on_step = self.step is None or abs(steps - round(steps)) < 1e-9
        return self.low <= value <= self.high and on_step

    def suggest(self, trial: Suggests, name: str) -> Any:
        """Let the sampler of a trial draw a value."""
        if self.integer:
            return trial.suggest_int(
                name, int(self.low), int(self.high), step=int(self.step or 1), log=self.log
            )
        if self.log1m:
            low, high = self.label(self.high), self.label(self.low)
            return self.value(trial.suggest_float(name, low, high, log=True))
        drawn = trial.suggest_float(name, self.low, self.high, step=self.step, log=self.log)
        return self.value(drawn)

    def value(self, label: Any) -> Any:
        """Return the value of the number that Optuna keeps."""
        if self.log1m:
            return tidy(1 - label, False)
        # Adding steps leaves rounding errors in the last digits.
        return label if self.step is None else tidy(label, self.integer)

    def label(self, value: Any) -> Any:
        """Return the label of a value, the inverse of `value`."""
        return tidy(1 - value, False) if self.log1m else label_of(value)

    def __str__(self) -> str:
        properties = [
            *(["integers"] if self.integer else []),
            *(["log"] if self.log else []),
            *(["log of what is left to 1"] if self.log1m else []),
            *([f"step {text(self.step)}"] if self.step not in (None, 1) else []),
        ]
        ends = f"{text(self.examples()[0])} to {text(self.examples()[1])}"
        return ends + (f"  ({', '.join(properties)})" if properties else "")


Dimension = Choice | Interval


def label_of(value: Any) -> Any:
    """Return the label of a value in Optuna: a scalar."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    return json.dumps(value, sort_keys=True)


def tidy(number: float, integer: bool) -> Any:
    """Round a number to 12 digits: 0.1 + 2 x 0.1 is 0.30000000000000004, and 0.3 is meant."""
    return int(number) if integer else float(f"{number:.12g}")


def text(value: Any) -> str:
    """Format a value in Hydra's override grammar, a number without digits that say nothing."""
    if isinstance(value, float) and float(short := f"{value:g}") == value:
        return short
    return written(value)
