"""Random proposals as Optuna's own sampler draws them, with no look at the study for each value.

A trial of Optuna's asks its storage before and after each of its values, and copies itself; where a
sampler knows nothing of the study, as the random one, that takes four fifths of the time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    _get_single_value,
)
from optuna.samplers import RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState, create_trial

from sweeps.space import Space

# A distribution takes as long to make as a number to draw.
_float = lru_cache(4096)(FloatDistribution)
_int = lru_cache(4096)(IntDistribution)


@lru_cache(4096)
def _categorical(choices: tuple[Any, ...], kinds: tuple[type, ...]) -> CategoricalDistribution:
    """Of these choices; `kinds` are their types, as 1, 1.0 and True are one to a cache."""
    return CategoricalDistribution(choices)


def draw(
    sampler: RandomSampler, study: Study, space: Space, fixed: Mapping[str, Any] | None
) -> FrozenTrial:
    """What `study.ask` and the suggestions of the space make of this sampler.

    Args:
        fixed: values that are not drawn, as Optuna records them.
    """
    values = _Values(sampler, study, fixed or {})
    space.suggest(values)
    return create_trial(
        state=TrialState.RUNNING,
        params=values.params,
        distributions=values.distributions,
        system_attrs={} if fixed is None else {"fixed_params": dict(fixed)},
    )


class _Values:
    """Stands for a trial that is drawn."""

    def __init__(self, sampler: RandomSampler, study: Study, fixed: Mapping[str, Any]) -> None:
        self._sampler = sampler
        self._study = study
        self._fixed = fixed
        self.params: dict[str, Any] = {}
        self.distributions: dict[str, BaseDistribution] = {}

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        return self._suggest(name, _categorical(tuple(choices), tuple(map(type, choices))))

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        return int(self._suggest(name, _int(low, high, log=log, step=step)))

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        return float(self._suggest(name, _float(low, high, log=log, step=step)))

    def _suggest(self, name: str, distribution: BaseDistribution) -> Any:
        if name in self._fixed:
            value = self._fixed[name]
        elif distribution.single():
            value = _get_single_value(distribution)
        else:
            nobody = cast(FrozenTrial, None)  # the sampler takes no look at the trial
            value = self._sampler.sample_independent(self._study, nobody, name, distribution)
        kept = distribution.to_external_repr(distribution.to_internal_repr(value))
        self.params[name], self.distributions[name] = kept, distribution
        return kept
