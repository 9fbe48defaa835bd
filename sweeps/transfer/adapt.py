"""Adapt the trials of a previous sweep to another space, or leave them out with a reason.

Pure: records and spaces in, records and counts out. `sweeps.transfer.previous_sweeps` reads the
previous sweeps, and samplers decide what to make of the trials.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sweeps.space.dimensions import Choice, Dimension, Interval, label_of, text, tidy
from sweeps.space.space import Parameter, Space
from sweeps.trials import SEED, TrialRecord

#: Real numbers are nearly equal if they differ by at most this share of their interval.
TOLERANCE = 0.05

#: Number of different values of a key that a message lists.
_LISTED = 3

#: Value of a key that a previous sweep did not sweep, in one of its trials; KeyError: unknown.
PreviousValue = Callable[[TrialRecord, Parameter], Any]
#: Value of a key that is not swept now, in a trial with these params; KeyError: no such key.
CurrentValue = Callable[[Mapping[str, Any], str], Any]


@dataclass(frozen=True)
class Fitted:
    """Describes a trial's configuration as far as it fits into a space.

    Attributes:
        params: swept key -> value in the space, of the keys that exist with each other.
        added: key that was not swept then -> the value that it had.
        clipped: keys whose value was outside the interval, or between its steps.
        unfit: key that does not fit into the space -> the reason.
    """

    params: Mapping[str, Any]
    added: Mapping[str, Any]
    clipped: tuple[str, ...]
    unfit: Mapping[str, str]


@dataclass(frozen=True)
class Adapted:
    """Describes the trials of a sweep that fit into another space, and how they were adapted.

    Attributes:
        left_out: reason -> number of trials that were left out for it.
        messages: lines that tell what was added, clipped and left out.
    """

    trials: tuple[TrialRecord, ...]
    left_out: Mapping[str, int]
    messages: tuple[str, ...]


def fit(
    trial: TrialRecord,
    dimensions: Mapping[str, Dimension],
    space: Space,
    previous_value: PreviousValue,
    current_value: CurrentValue,
) -> Fitted:
    """Fit a trial of one sweep into the space of another.

    A key that is swept now and was not then has the value that it had; one that was swept then
    and is not now must have had nearly the value that it has now. Numbers outside an interval are
    clipped to it; values that a choice does not have do not fit. The seed
    of a trial always fits.

    Args:
        dimensions: what was swept then.
    """
    params: dict[str, Any] = {}
    added, clipped, unfit = dict[str, Any](), list[str](), dict[str, str]()
    for parameter in space.parameters:
        key = parameter.key
        if not parameter.applies(params):
            continue
        try:
            value = trial.params[key] if key in trial.params else previous_value(trial, parameter)
            params[key] = value_in(parameter.dimension, value)
        except KeyError:
            unfit[key] = f"{key} is not on record"
            continue
        except ValueError:
            if key == SEED:
                params[key] = next(parameter.dimension.enumerate())
                continue
            continuum = isinstance(dimensions.get(key), Interval)
            unfit[key] = (
                f"{key} is none of {parameter.dimension}"
                if continuum
                else f"{key}={text(value)} is not in the space"
            )
            continue
        if key not in trial.params:
            added[key] = value
        if not _equal(params[key], value):
            clipped.append(key)
    for key, value in trial.params.items():
        if key in params or key in unfit or key == SEED:
            continue
        try:
            own = current_value(params, key)
        except KeyError:
            unfit[key] = f"{key} is no key of this sweep"
            continue
        if not nearly_equal(dimensions.get(key), value, own):
            unfit[key] = f"{key} is {text(own)} now and was different"
    return Fitted(params, added, tuple(clipped), unfit)


def adapt(
    trials: Iterable[TrialRecord],
    dimensions: Mapping[str, Dimension],
    space: Space,
    previous_value: PreviousValue,
    current_value: CurrentValue,
) -> Adapted:
    """Adapt the trials of one sweep, all with a score, to the space of another."""
    kept = []
    left_out, added, clipped = Counter[str](), dict[str, list[Any]](), Counter[str]()
    for trial in trials:
        fitted = fit(trial, dimensions, space, previous_value, current_value)
        if fitted.unfit:
            left_out[next(iter(fitted.unfit.values()))] += 1
            continue
        kept.append(replace(trial, params=fitted.params))
        for key, value in fitted.added.items():
            added.setdefault(key, []).append(value)
        clipped.update(fitted.clipped)
    ranges = {parameter.key: str(parameter.dimension) for parameter in space.parameters}
    messages = [
        *(f"{key} was not swept: {_values(values)}" for key, values in added.items()),
        *(f"{key} clipped to {ranges[key]}: {_trials(n)}" for key, n in clipped.items()),
        *(f"{why}: {_trials(n)} left out" for why, n in left_out.most_common()),
    ]
    return Adapted(tuple(kept), left_out, tuple(messages))


def value_in(dimension: Dimension, value: Any) -> Any:
    """Return the value of a dimension that equals a value of another, clipped to an interval.

    Raises:
        ValueError: the choice does not have the value, or the interval is given no number.
    """
    if isinstance(dimension, Choice):
        for own in dimension.values:
            if _equal(own, value):
                return own
        raise ValueError(value)
    if not _is_number(value) or math.isnan(value):
        raise ValueError(value)
    within = min(max(value, dimension.low), dimension.high)
    step = dimension.step or (1 if dimension.integer else None)
    if step is None:
        return float(within)
    steps = min(round((within - dimension.low) / step), (dimension.size or 1) - 1)
    return tidy(dimension.low + steps * step, dimension.integer)


def nearly_equal(dimension: Dimension | None, one: Any, other: Any) -> bool:
    """Whether two values are equal, or real numbers of an interval within the tolerance."""
    if _equal(one, other):
        return True
    if not isinstance(dimension, Interval) or dimension.size is not None:
        return False
    try:
        a, b, low, high = (
            _on_scale(dimension, x) for x in (one, other, dimension.low, dimension.high)
        )
    except (ValueError, TypeError):
        return False
    return abs(a - b) <= TOLERANCE * abs(high - low)


def _on_scale(dimension: Interval, value: Any) -> float:
    if not _is_number(value):
        raise TypeError(value)
    if dimension.log1m:
        return math.log(1 - value)
    return math.log(value) if dimension.log else float(value)


def _equal(one: Any, other: Any) -> bool:
    if _is_number(one) and _is_number(other):
        return math.isclose(one, other, rel_tol=1e-9)
    if isinstance(one, bool) != isinstance(other, bool):
        return False  # 1 is not true
    return bool(label_of(one) == label_of(other))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _values(values: Sequence[Any]) -> str:
    """Write the values that trials had and the number of each: "0.9 in 7 trials, 0 in 2 trials"."""
    counted = Counter(text(value) for value in values).most_common()
    shown = [f"{value} in {_trials(n)}" for value, n in counted[:_LISTED]]
    rest = sum(n for _, n in counted[_LISTED:])
    return ", ".join([*shown, *([f"others in {_trials(rest)}"] if rest else [])])


def _trials(count: int) -> str:
    return f"{count} trial{'' if count == 1 else 's'}"
