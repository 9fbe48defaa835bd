"""Check, before a sweep starts, that every swept value can be trained: each is built once.

A trial combines values, and some combinations may fail: what each key's values do beside the
configuration's own is seen here, and of one that fails, whether it fits any other value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from sweeps.checked.sweep import Sweep
from sweeps.config.require import UNBUILT
from sweeps.space.dimensions import Interval
from sweeps.space.space import Parameter
from trainers.config import TrainConfig
from trainers.config.hydra_grammar import written
from trainers.errors import ConfigError

#: Share of an interval's width within which no value is looked for.
_CLOSE = 1e-6


def check(sweep: Sweep) -> tuple[str, ...]:
    """Build a training with every choice, and with both ends of every interval.

    Returns:
        A message about each value that can be built beside some other values only.

    Raises:
        ConfigError: a value that cannot be built, whatever the others are.
    """
    builds = _Builds(sweep)
    messages = []
    for parameter in sweep.space.parameters:
        for value in parameter.dimension.examples():
            params = {**parameter.choices, parameter.key: value}
            error = builds.error(params)
            if (
                error is None
                or builds.error({**params, parameter.key: _inside(parameter, value)}) is None
            ):
                continue
            shown = f"{parameter.key}={written(value)}"
            fits = next(builds.fitting(params), None)
            if fits is None:
                told = error.startswith(parameter.key)
                raise ConfigError(error if told else f"{shown}: {error}")
            messages.append(
                f"{shown} can be built with {fits}, not beside the configuration's own values: "
                f"{error}"
            )
    return tuple(messages)


def _inside(parameter: Parameter, value: Any) -> Any:
    """Return a number close to an end of a continuous interval; any other value as it is.

    An end that cannot be built, such as a dropout of 1 or a momentum of 0 with Nesterov's, is
    never drawn.
    """
    dimension = parameter.dimension
    if not isinstance(dimension, Interval) or dimension.size is not None:
        return value
    width = dimension.high - dimension.low
    return value + (_CLOSE if value == dimension.low else -_CLOSE) * width


class _Builds:
    """Builds trainings of a sweep, each once."""

    def __init__(self, sweep: Sweep) -> None:
        self._sweep = sweep
        self._errors: dict[str, str | None] = {}

    def error(self, params: Mapping[str, Any]) -> str | None:
        """Return why a training cannot be built; None if it can, or a rule refuses it anyway."""
        try:
            config, training = self._sweep.composition.training(params)
        except ConfigError as error:
            return str(error)
        key = repr(replace(training, seed=0))
        if key not in self._errors:
            self._errors[key] = self._build(training)
        if self._errors[key] is not None:
            refusals = self._sweep.constraints.judge(params, config, training)
            if any(refusal.rule != UNBUILT for refusal in refusals):
                return None
        return self._errors[key]

    def fitting(self, params: Mapping[str, Any]) -> Iterator[str]:
        """Yield each value of another key beside which a training can be built."""
        for other in self._sweep.space.parameters:
            if other.key in params:
                continue
            for value in other.dimension.examples():
                if self.error({**other.choices, **params, other.key: value}) is None:
                    yield f"{other.key}={written(value)}"

    def _build(self, training: TrainConfig) -> str | None:
        from trainers.buildable import require_buildable

        try:
            require_buildable(training)
        except ConfigError as error:
            return str(error)
        return None
