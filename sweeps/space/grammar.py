"""Parse Hydra's sweep grammar into the dimensions of a space."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import (
    ChoiceSweep,
    Glob,
    IntervalSweep,
    Override,
    QuotedString,
    RangeSweep,
)
from hydra.errors import HydraException

from sweeps.space.dimensions import Choice, Dimension, Interval, label_of, text, tidy
from sweeps.space.space import Parameter, Space
from trainers.config.hydra_grammar import written
from trainers.errors import ConfigError, first_line
from trainers.nearest_names import unknown


def parse(overrides: Sequence[Override], options: Callable[[str], Sequence[str]]) -> Space:
    """Build a space from parsed Hydra sweep overrides.

    Args:
        overrides: sweeps, each of another key.
        options: config group -> its choices; empty for a key that is no config group.

    Raises:
        ConfigError: no values, ends in the wrong order, a log scale that touches 0, a choice
            that a group lacks, an unknown tag.
    """
    parameters = []
    for override in overrides:
        key = override.key_or_group
        choices = options(key)
        dimension = _dimension(key, override.value(), choices)
        if choices:
            _check_choices(key, dimension, choices)
        parameters.append(Parameter(key, dimension, group=bool(choices)))
    return Space(tuple(sorted(parameters, key=lambda p: not p.group)))


def parse_yaml(space: Mapping[str, Any], parser: OverridesParser) -> list[Override]:
    """Parse the entries of a `space:` node into Hydra overrides.

    Raises:
        ConfigError: an entry is not a sweep, or not in Hydra's grammar.
    """
    overrides = []
    for key, value in space.items():
        if value == []:
            raise ConfigError(f"space.{key}: the choice is empty; give at least one value")
        if isinstance(value, list):
            # In the short form, since choice() does not accept null.
            value = (
                ",".join(map(written, value)) if len(value) > 1 else f"choice({written(value[0])})"
            )
        try:
            override = parser.parse_override(f"{key}={value}")
        except HydraException as error:
            raise ConfigError(
                f"space.{key}: {written(value)} is not in Hydra's sweep grammar "
                f"({first_line(error)})"
            ) from error
        if not override.is_sweep_override():
            raise ConfigError(
                f"space.{key}: {written(value)} gives nothing to choose from; write values a,b,c, "
                "range(start,stop,step), or interval(low,high)"
            )
        overrides.append(override)
    return overrides


def _dimension(key: str, value: Any, options: Sequence[str]) -> Dimension:
    if isinstance(value, ChoiceSweep | RangeSweep) and value.tags:
        raise ConfigError(
            f"{key}: tag({min(value.tags)},…) applies to intervals only: "
            f"{key}=tag(log,interval(low,high))"
        )
    if isinstance(value, ChoiceSweep):
        values = tuple(_plain(item) for item in value.list)
        return _choice(key, values)
    if isinstance(value, Glob):
        return _choice(key, tuple(value.filter(list(options))))
    if isinstance(value, RangeSweep):
        return _range(key, value)
    if isinstance(value, IntervalSweep):
        return _interval(key, value)
    raise ConfigError(f"{key}: {value!r} is not a sweep: write values a,b,c or interval(low,high)")


def _choice(key: str, values: tuple[Any, ...]) -> Choice:
    if not values:
        raise ConfigError(f"{key}: the choice is empty; give at least one value: {key}=a,b,c")
    labels = [label_of(value) for value in values]
    if any(a == b for i, a in enumerate(labels) for b in labels[:i]):  # 1 and true, too
        raise ConfigError(f"{key}: a value is given twice in {', '.join(map(text, values))}")
    return Choice(values)


def _range(key: str, sweep: RangeSweep) -> Dimension:
    _check_finite(key, "range", sweep.start, sweep.stop, sweep.step)
    start, stop = sweep.start or 0, sweep.stop
    step = 1 if sweep.step is None else sweep.step
    if stop is None or step <= 0 or start >= stop:
        raise ConfigError(
            f"{key}: range({start},{stop},{step}) is empty; write range(start,stop,step) with "
            "start < stop and step > 0"
        )
    integer = all(isinstance(number, int) for number in (start, stop, step))
    count = math.ceil((stop - start) / step - 1e-9)
    last = tidy(start + (count - 1) * step, integer)
    if count == 1:
        return Choice((start,))
    return Interval(start, last, integer=integer, step=None if integer and step == 1 else step)


def _check_finite(key: str, kind: str, *numbers: float | None) -> None:
    """Refuse nan and inf among the numbers of a range or an interval."""
    if not all(number is None or math.isfinite(number) for number in numbers):
        shown = ",".join(str(number) for number in numbers if number is not None)
        raise ConfigError(f"{key}: {kind}({shown}) needs finite numbers: {key}={kind}(0.1,1)")


def _interval(key: str, sweep: IntervalSweep) -> Interval:
    low, high = sweep.start, sweep.end
    _check_finite(key, "interval", low, high)
    if low is None or high is None or not low < high:
        raise ConfigError(
            f"{key}: interval({low},{high}) is empty; the low end must be below the high end"
        )
    unknown_tags = sorted(set(sweep.tags) - {"log", "log1m"})
    if unknown_tags:
        raise ConfigError(f"{key}: unknown tag {unknown_tags[0]!r}; the tags are log and log1m")
    log, log1m = "log" in sweep.tags, "log1m" in sweep.tags
    if log1m and (log or isinstance(low, int) or not high < 1):
        raise ConfigError(
            f"{key}: tag(log1m,…) takes an interval of numbers below 1 and no other tag: "
            f"{key}=tag(log1m,interval(0.9,0.999))"
        )
    if log and low <= 0:
        raise ConfigError(
            f"{key}: a log scale cannot start at {text(low)}; start interval(low,high) above 0"
        )
    # interval(1,9) is parsed to floats, as in hydra-optuna-sweeper; int(interval()) gives ints.
    return Interval(low, high, log=log, log1m=log1m, integer=isinstance(low, int))


def _check_choices(key: str, dimension: Dimension, options: Sequence[str]) -> None:
    if not isinstance(dimension, Choice):
        raise ConfigError(f"{key} is a config group: sweep it by name, {key}={','.join(options)}")
    for value in dimension.values:
        if value not in options:
            raise ConfigError(unknown("choice", f"{key}={text(value)}", str(value), options))


def _plain(value: Any) -> Any:
    if isinstance(value, QuotedString):
        return value.text
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {_plain(k): _plain(v) for k, v in value.items()}
    return value
