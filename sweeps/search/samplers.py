"""Searches: an Optuna sampler, Sobol's sequence, the grid."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import (
    BaseSampler,
    BruteForceSampler,
    CmaEsSampler,
    GridSampler,
    NSGAIIISampler,
    NSGAIISampler,
    QMCSampler,
    RandomSampler,
)
from optuna.trial import FrozenTrial

from sweeps.search.first_trials import Point
from sweeps.search.search import Setting
from sweeps.space.space import Space
from sweeps.trials import derived
from trainers.errors import ConfigError

#: The most configurations that a grid may list.
LARGEST_GRID = 1_000_000

#: Optuna's samplers that draw no conclusion from trials that they have not proposed themselves: the
#: evolutionary ones breed only from generations of their own.
_UNTEACHABLE = (
    RandomSampler,
    BruteForceSampler,
    GridSampler,
    QMCSampler,
    CmaEsSampler,
    NSGAIISampler,
    NSGAIIISampler,
)


@dataclass(frozen=True)
class Sampled:
    """Proposals of an Optuna sampler; `make` gives one for `seed=`."""

    make: Callable[..., BaseSampler]
    setting: Setting

    def sampler(self, number: int, attempt: int = 0) -> BaseSampler:
        """A sampler of this trial's own; the one before it may be used no longer."""
        seed = _seed(self.setting, number, attempt)
        if self._random is not None:
            self._random._rng.rng.seed(seed)
            return self._random
        with warnings.catch_warnings():
            # Options that Optuna calls experimental are ours to choose, not the user's to fear.
            warnings.simplefilter("ignore", ExperimentalWarning)
            return self.make(seed=seed)

    @property
    def learns(self) -> bool:
        """Whether its sampler does; one that is not Optuna's own is taken to."""
        made = self._class
        return not (isinstance(made, type) and issubclass(made, _UNTEACHABLE))

    @property
    def _class(self) -> Any:
        return getattr(self.make, "func", self.make)

    @cached_property
    def _random(self) -> RandomSampler | None:
        """For random search: it has no state but its numbers, and to make one takes 0.15 ms."""
        return RandomSampler() if self._class is RandomSampler else None

    def point(self, number: int) -> Point | None:
        """One of the points, while there are any."""
        return _point(self.setting, number)

    def limit(self) -> int | None:
        """How many configurations there are: none is tried twice."""
        return self.setting.space.size()


@dataclass(frozen=True)
class Sobol:
    """A low-discrepancy sequence: random search without its gaps and crowds.

    Keys that only some choices have are drawn at random.
    """

    setting: Setting
    scramble: bool

    @property
    def learns(self) -> bool:
        """No: the sequence is fixed."""
        return False

    def sampler(self, number: int, attempt: int = 0) -> BaseSampler:
        """The sequence at this trial's place; at random in its stead for a further attempt."""
        seed = _seed(self.setting, number, attempt)
        if attempt:
            return RandomSampler(seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            return _At(
                number,
                scramble=self.scramble,
                seed=self.setting.seed,
                independent_sampler=RandomSampler(seed),
                warn_independent_sampling=False,
            )

    def point(self, number: int) -> Point | None:
        """One of the points, while there are any."""
        return _point(self.setting, number)

    def limit(self) -> int | None:
        """How many configurations there are: none is tried twice."""
        return self.setting.space.size()


class _At(QMCSampler):
    """The element of the sequence with a given number, where Optuna's counts what it has drawn."""

    def __init__(self, number: int, **settings: Any) -> None:
        super().__init__(**settings)
        self._number = number

    def _find_sample_id(self, study: optuna.Study, search_space: dict[str, Any]) -> int:
        return self._number

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, Any]:
        """The keys of the first trial, which is drawn at random itself."""
        first = study.get_trials(deepcopy=False)[0]
        return {} if trial.number == 0 else dict(first.distributions)


@dataclass(frozen=True)
class Grid:
    """Every combination of the values, in the order of the space; the last key varies fastest."""

    setting: Setting

    def __post_init__(self) -> None:
        space = self.setting.space
        size = space.size()
        if size is None:
            next(space.enumerate())  # raises, naming the interval
        elif size > LARGEST_GRID:
            raise ConfigError(
                f"the grid has {size:,} configurations, more than {LARGEST_GRID:,}: give fewer "
                "values, or search=random"
            )

    @property
    def learns(self) -> bool:
        """No: the list is fixed."""
        return False

    def sampler(self, number: int, attempt: int = 0) -> BaseSampler:
        """Any: nothing is left to draw."""
        return RandomSampler(seed=number)

    def point(self, number: int) -> Mapping[str, Any]:
        """The combination with this number."""
        return self._listed(number)

    def limit(self) -> int | None:
        """The size of the grid."""
        return self.setting.space.size()

    @cached_property
    def _listed(self) -> _Listed:
        return _Listed(self.setting.space)


class _Listed:
    """A space's configurations by number: one after the other, without counting from the first."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._rest = space.enumerate()
        self._number = -1  # of the last that was asked for
        self._point: dict[str, Any] = {}

    def __call__(self, number: int) -> dict[str, Any]:
        if number < self._number:
            self._rest, self._number = self._space.enumerate(), -1
        if number > self._number:
            self._point = next(islice(self._rest, number - self._number - 1, None))
            self._number = number
        return self._point


def _seed(setting: Setting, number: int, attempt: int) -> int:
    return derived(setting.seed, f"{number}/{attempt}" if attempt else f"{number}")


def _point(setting: Setting, number: int) -> Point | None:
    return setting.points[number] if number < len(setting.points) else None
