"""Draw random proposals as Optuna's own sampler does, without reading the study each time.

An Optuna trial reads its storage before and after each of its values, and copies itself. For the
random sampler, which uses nothing of the study, that takes half of the time: 0.2 ms a proposal
here and 0.4 ms with `Study.ask`, after 1,000 as after 10,000 trials (medians of 5 on a core of an
AMD EPYC). It is kept for simulations, which take 19 % longer without (25.2 s and 21.2 s for three
of 1,000 trials, medians of 3); a sweep that trains would not notice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from optuna._transform import _SearchSpaceTransform
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    _get_single_value,
)
from optuna.samplers import RandomSampler
from optuna.trial import FrozenTrial, TrialState

from sweeps.space.space import Space


class _Parameter:
    """Holds a distribution and its transform, which take longer to make than to draw from."""

    def __init__(self, name: str, distribution: BaseDistribution) -> None:
        self.distribution = distribution
        self._name = name
        self._transform = _SearchSpaceTransform({name: distribution})
        self._low, self._high = self._transform.bounds.T
        self._single = _get_single_value(distribution) if distribution.single() else None

    def drawn(self, sampler: RandomSampler) -> Any:
        """Draw a value as `RandomSampler.sample_independent` does."""
        if self.distribution.single():
            return self._single
        return self._transform.untransform(sampler._rng.rng.uniform(self._low, self._high))[
            self._name
        ]


@lru_cache(4096)
def _categorical(name: str, choices: tuple[Any, ...], kinds: tuple[type, ...]) -> _Parameter:
    """Make a parameter of choices; `kinds` are their types: 1, 1.0 and True are one cache key."""
    return _Parameter(name, CategoricalDistribution(choices))


@lru_cache(4096)
def _int(name: str, low: int, high: int, step: int, log: bool) -> _Parameter:
    return _Parameter(name, IntDistribution(low, high, log, step))


@lru_cache(4096)
def _float(name: str, low: float, high: float, step: float | None, log: bool) -> _Parameter:
    return _Parameter(name, FloatDistribution(low, high, log, step))


def draw(sampler: RandomSampler, space: Space, fixed: Mapping[str, Any] | None) -> FrozenTrial:
    """Draw a trial as `Study.ask` and the suggestions of a space would, with no number yet.

    Args:
        fixed: values that are not drawn, as Optuna records them.
    """
    values = _Values(sampler, fixed or {})
    space.suggest(values)
    return FrozenTrial(
        number=-1,
        trial_id=-1,
        state=TrialState.RUNNING,
        value=None,
        datetime_start=datetime.now(),
        datetime_complete=None,
        params=values.params,
        distributions=values.distributions,
        user_attrs={},
        system_attrs={} if fixed is None else {"fixed_params": dict(fixed)},
        intermediate_values={},
    )


class _Values:
    """Stand in for the Optuna trial that a space suggests its values to."""

    def __init__(self, sampler: RandomSampler, fixed: Mapping[str, Any]) -> None:
        self._sampler = sampler
        self._fixed = fixed
        self.params: dict[str, Any] = {}
        self.distributions: dict[str, BaseDistribution] = {}

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        kinds = tuple(map(type, choices))
        return self._suggest(name, _categorical(name, tuple(choices), kinds))

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        return int(self._suggest(name, _int(name, low, high, step, log)))

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        return float(self._suggest(name, _float(name, low, high, step, log)))

    def _suggest(self, name: str, parameter: _Parameter) -> Any:
        value = self._fixed[name] if name in self._fixed else parameter.drawn(self._sampler)
        distribution = parameter.distribution
        kept = distribution.to_external_repr(distribution.to_internal_repr(value))
        self.params[name], self.distributions[name] = kept, distribution
        return kept
