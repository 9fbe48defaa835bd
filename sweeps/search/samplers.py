"""Search by an Optuna sampler, by Sobol's sequence, or over a grid."""

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
from trainers.config.targets import takes
from trainers.errors import ConfigError

#: Number of configurations that a grid may have at most.
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
    """Propose by an Optuna sampler that `make` makes.

    One that takes a seed is made anew for each trial, so that a proposal is a function of the study
    and the seed. One that takes none proposes for all of a session; see `Proposals`.
    """

    make: Callable[..., BaseSampler]
    setting: Setting

    def sampler(self, number: int, attempt: int = 0) -> BaseSampler:
        """Make the sampler that draws this trial; the previous one must not be used any more."""
        seed = _seed(self.setting, number, attempt)
        if self._random is not None:
            self._random._rng.rng.seed(seed)
            return self._random
        if self._class is QMCSampler:  # each trial's own sequence would be a random number
            return _element(self.setting, number, attempt, getattr(self.make, "keywords", {}))
        with warnings.catch_warnings():
            # Options that Optuna calls experimental are ours to choose, not the user's to fear.
            warnings.simplefilter("ignore", ExperimentalWarning)
            return self.make(seed=seed) if self.seeded else self.make()

    @cached_property
    def seeded(self) -> bool:
        """Whether the sampler takes a seed."""
        if takes(self.make, "seed"):
            return True
        try:  # what takes anything may hand it on to one that takes a seed
            self.make(seed=0)
        except TypeError:
            return False
        return True

    @property
    def name(self) -> str:
        """Return the name of the sampler's class, or of the function that makes it."""
        return str(getattr(self._class, "__qualname__", self._class))

    @property
    def learns(self) -> bool:
        """Whether the sampler learns from others' trials; true for one that is not Optuna's own."""
        return self._class not in _UNTEACHABLE

    @property
    def _class(self) -> Any:
        return getattr(self.make, "func", self.make)

    @cached_property
    def _random(self) -> RandomSampler | None:
        """Return a random sampler to be reseeded, as making one takes 0.15 ms; else None."""
        return RandomSampler() if self._class is RandomSampler else None

    def point(self, number: int) -> Point | None:
        """Return the initial point with this number; None beyond the last."""
        return _point(self.setting, number)

    def limit(self) -> int | None:
        """Return the number of configurations, as none is tried twice; None: infinite."""
        return self.setting.space.size()


@dataclass(frozen=True)
class Sobol:
    """Propose along a low-discrepancy sequence, which has fewer gaps and clusters than random.

    Keys that only some choices have are drawn at random.

    Attributes:
        scramble: randomise the sequence with the seed.
    """

    setting: Setting
    scramble: bool

    @property
    def learns(self) -> bool:
        """Whether results change what is proposed: no, the sequence is fixed."""
        return False

    def sampler(self, number: int, attempt: int = 0) -> BaseSampler:
        """Make the sampler of this trial's element; a random one for a further attempt."""
        return _element(self.setting, number, attempt, {"scramble": self.scramble})

    def point(self, number: int) -> Point | None:
        """Return the initial point with this number; None beyond the last."""
        return _point(self.setting, number)

    def limit(self) -> int | None:
        """Return the number of configurations, as none is tried twice; None: infinite."""
        return self.setting.space.size()


def _element(
    setting: Setting, number: int, attempt: int, settings: Mapping[str, Any]
) -> BaseSampler:
    """Make the sampler of a trial's element of a sequence; a random one for a further attempt.

    Args:
        settings: arguments of Optuna's `QMCSampler`.
    """
    seed = _seed(setting, number, attempt)
    if attempt:
        return RandomSampler(seed)
    alone = {"independent_sampler": RandomSampler(seed), "warn_independent_sampling": False}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return _At(number, **{**alone, **settings, "seed": setting.seed})


class _At(QMCSampler):
    """Draw the element of the sequence with a given number; Optuna's counts its own draws."""

    def __init__(self, number: int, **settings: Any) -> None:
        super().__init__(**settings)
        self._number = number

    def _find_sample_id(self, study: optuna.Study, search_space: dict[str, Any]) -> int:
        return self._number

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, Any]:
        """Return the distributions of the first trial, which is itself drawn at random."""
        first = study.get_trials(deepcopy=False)[0]
        return {} if trial.number == 0 else dict(first.distributions)


@dataclass(frozen=True)
class Grid:
    """Propose every combination of values, in order; the last key of the space varies fastest."""

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
        """Whether results change what is proposed: no, the list is fixed."""
        return False

    def sampler(self, number: int, attempt: int = 0) -> BaseSampler:
        """Return any sampler: there is nothing to draw."""
        return RandomSampler(seed=number)

    def point(self, number: int) -> Mapping[str, Any]:
        """Return the combination with this number."""
        return self._configurations(number)

    def limit(self) -> int | None:
        """Return the size of the grid."""
        return self.setting.space.size()

    @cached_property
    def _configurations(self) -> _Configurations:
        return _Configurations(self.setting.space)


class _Configurations:
    """Look up a space's configurations by number, without counting from the first each time."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._rest = space.enumerate()
        self._number = -1  # of the last one that was looked up
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
