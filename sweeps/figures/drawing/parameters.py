"""Place the values of a swept key: on the scale of its interval, or a lane a choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sweeps.figures.drawing.scales import Categories, Log, LogToOne, Scale, finite, scale_for
from sweeps.formatting import number
from sweeps.recorded.recorded_sweep import RecordedSweep
from sweeps.space.dimensions import Choice, Interval
from sweeps.trials import SEED, TrialRecord

#: Steps that fill a lane evenly, in whatever order trials come; both together fill a plane.
ACROSS, UP = 0.7548776662466927, 0.5698402909980532
#: Share of a lane that its points take.
_LANE = 0.7


@dataclass(frozen=True)
class PlacedKey:
    """Describes how the values of a swept key are placed.

    Attributes:
        ends: of the interval; None for a choice.
    """

    key: str
    scale: Scale
    ends: tuple[Any, Any] | None

    @property
    def is_choice(self) -> bool:
        """Whether it has lanes in the place of numbers."""
        return isinstance(self.scale, Categories)

    @property
    def name(self) -> str:
        """Return the name of its axis, which says so where the scale is no plain one."""
        if isinstance(self.scale, Log | LogToOne):
            return f"{self.key} (log scale)"
        return self.key

    def value(self, trial: TrialRecord) -> object:
        """Return what its scale places of a trial; None where the trial has no such key."""
        if self.key not in trial.params:
            return None
        value = trial.params[self.key]
        return number(value) if self.is_choice else finite(value)

    def at(self, trial: TrialRecord, jitter: float = ACROSS) -> float | None:
        """Return the place of a trial, from 0 to 1; None where it has none.

        Args:
            jitter: spread those of a choice over its lane, by this step a trial; 0: do not.
        """
        place = self.scale.at(self.value(trial))
        if place is None or not (jitter and isinstance(self.scale, Categories)):
            return place
        off = (trial.number * jitter + 0.5) % 1 - 0.5
        return place + off * _LANE / len(self.scale.labels)


def parameters_of(sweep: RecordedSweep, trials: Sequence[TrialRecord]) -> list[PlacedKey]:
    """Return how each swept key is placed, in the order of the space.

    The seed has no place: seeds have no order, and what they do is luck.

    Args:
        trials: those that are to be drawn: a value outside the space has its place too.
    """
    keys = dict.fromkeys((*sweep.dimensions, *(key for t in trials for key in t.params)))
    return [_parameter(sweep, key, trials) for key in keys if key != SEED]


def _parameter(sweep: RecordedSweep, key: str, trials: Sequence[TrialRecord]) -> PlacedKey:
    values = [trial.params[key] for trial in trials if key in trial.params]
    dimension = sweep.dimensions.get(key)
    numeric = all(finite(value) is not None for value in values)
    if isinstance(dimension, Interval) and numeric:
        ends = dimension.examples()
        found = [real for v in values if (real := finite(v)) is not None]
        if dimension.log1m and max([*found, *ends]) < 1:
            return PlacedKey(key, LogToOne(min([*found, *ends]), max([*found, *ends])), ends)
        return PlacedKey(key, scale_for([*found, *ends], log=dimension.log), ends)
    own = dimension.values if isinstance(dimension, Choice) else ()
    labels = dict.fromkeys(number(value) for value in _ordered([*own, *values]))
    return PlacedKey(key, Categories(tuple(labels) or ("",)), None)


def _ordered(values: Sequence[object]) -> list[object]:
    """Sort numbers by size; leave everything else in the order of the space."""
    numbers = [real for value in values if (real := finite(value)) is not None]
    if len(numbers) == len(values):
        return sorted(values, key=lambda value: finite(value) or 0.0)
    return list(values)
