"""What the trials of an earlier sweep say in the space of another: adapted, or left out.

Pure: records and spaces in, records and counts out. Reading earlier sweeps is
`sweeps.transfer.previous_sweeps`'s; what samplers make of the trials is theirs.
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

#: Numbers of a continuum are about the same if they lie this share of its interval apart.
ABOUT = 0.05

#: Values of one key that are told apart in a note.
_TOLD = 3

#: Of a trial of an earlier sweep, the value of a key that was not swept; KeyError: none is known.
Then = Callable[[TrialRecord, Parameter], Any]
#: The value of a key that is not swept now, beside these params; KeyError: there is no such key.
Now = Callable[[Mapping[str, Any], str], Any]


@dataclass(frozen=True)
class Fitted:
    """A trial's configuration as far as a space has it.

    Attributes:
        params: swept key -> value in the space, of the keys that exist with each other.
        added: those that were not swept then -> the value that they had.
        clipped: those whose value lay outside of the interval, or between its steps.
        unfit: keys that keep it from being a trial of this space -> why.
    """

    params: Mapping[str, Any]
    added: Mapping[str, Any]
    clipped: tuple[str, ...]
    unfit: Mapping[str, str]


@dataclass(frozen=True)
class Adapted:
    """The trials of a sweep that another space has, and what was done to them, in lines."""

    trials: tuple[TrialRecord, ...]
    left_out: Mapping[str, int]
    told: tuple[str, ...]


def fit(
    trial: TrialRecord, dimensions: Mapping[str, Dimension], space: Space, then: Then, now: Now
) -> Fitted:
    """A trial of one sweep in the space of another.

    A key that is swept now and was not then has the value that it had; one that was swept then
    and is not now must have had about the value that it has now. Numbers outside an interval are
    clipped to it; values that a choice does not have do not fit. Trials that differ in the seed
    alone are alike.

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
            value = trial.params[key] if key in trial.params else then(trial, parameter)
            params[key] = placed(parameter.dimension, value)
        except KeyError:
            unfit[key] = f"{key} is not known of them"
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
            own = now(params, key)
        except KeyError:
            unfit[key] = f"{key} is no key of this sweep"
            continue
        if not about(dimensions.get(key), value, own):
            unfit[key] = f"{key} is {text(own)} now and was another"
    return Fitted(params, added, tuple(clipped), unfit)


def adapt(
    trials: Iterable[TrialRecord],
    dimensions: Mapping[str, Dimension],
    space: Space,
    then: Then,
    now: Now,
) -> Adapted:
    """The trials of one sweep, all with a score, as trials of the space of another."""
    kept = []
    left_out, added, clipped = Counter[str](), dict[str, list[Any]](), Counter[str]()
    for trial in trials:
        fitted = fit(trial, dimensions, space, then, now)
        if fitted.unfit:
            left_out[next(iter(fitted.unfit.values()))] += 1
            continue
        kept.append(replace(trial, params=fitted.params))
        for key, value in fitted.added.items():
            added.setdefault(key, []).append(value)
        clipped.update(fitted.clipped)
    ranges = {parameter.key: str(parameter.dimension) for parameter in space.parameters}
    told = [
        *(f"{key} was not swept: {_values(values)}" for key, values in added.items()),
        *(f"{key} clipped to {ranges[key]}: {_trials(n)}" for key, n in clipped.items()),
        *(f"{why}: {_trials(n)} left out" for why, n in left_out.most_common()),
    ]
    return Adapted(tuple(kept), left_out, tuple(told))


def placed(dimension: Dimension, value: Any) -> Any:
    """The value of a dimension that a value of another is.

    Raises:
        ValueError: a choice does not have it, or an interval is asked for what is no number.
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


def about(dimension: Dimension | None, one: Any, other: Any) -> bool:
    """Whether two values are the same, or of a continuum as good as the same."""
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
    return abs(a - b) <= ABOUT * abs(high - low)


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
        return False  # 1 and true
    return bool(label_of(one) == label_of(other))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _values(values: Sequence[Any]) -> str:
    """The values that trials had, with how many had each: "0.9 (7 trials), 0 (2 trials)"."""
    counted = Counter(text(value) for value in values).most_common()
    shown = [f"{value} in {_trials(n)}" for value, n in counted[:_TOLD]]
    rest = sum(n for _, n in counted[_TOLD:])
    return ", ".join([*shown, *([f"others in {_trials(rest)}"] if rest else [])])


def _trials(count: int) -> str:
    return f"{count} trial{'' if count == 1 else 's'}"
