"""How configurations are proposed: Optuna's samplers, and lists.

A proposal is a function of the study and a seed. Each is drawn by a sampler of its own, seeded
with the sweep's seed and the number of the trial, so that it does not matter how many
proposals this process has made before.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import islice
from typing import Any, Protocol

import optuna
from hydra.utils import instantiate
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, QMCSampler, RandomSampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial

from sweeps.report.repeat_means import derived
from sweeps.search.first_trials import Point
from sweeps.space.space import Space
from sweeps.trials import Objective
from trainers.check import check_arguments
from trainers.errors import ConfigError

#: The most configurations that a grid may list.
LARGEST_GRID = 1_000_000


@dataclass(frozen=True)
class Setting:
    """What a search is about.

    Attributes:
        seed: the sweep's.
        points: the first trials; what one leaves open is drawn.
        objectives: all of them, the first being what trials are ranked by.
        as_is: values of some swept keys -> those of all that exist with them, the others being
            as they are without a sweep. With none given: the baseline.
    """

    space: Space
    seed: int = 0
    points: Sequence[Point] = ()
    objectives: Sequence[Objective] = ()
    as_is: Callable[[Mapping[str, Any]], Mapping[str, Any]] = lambda given: {}


class Search(Protocol):
    """How the parameters of the next trial are found."""

    @property
    def setting(self) -> Setting:
        """What it is about."""

    def sampler(self, number: int, attempt: int = 0) -> BaseSampler:
        """The sampler that draws the trial with this number (from 0).

        Args:
            attempt: how many draws for this trial have been thrown away, as tried before.
        """

    def point(self, number: int) -> Mapping[str, Any] | None:
        """Swept key -> value of the trial with this number, if that is fixed beforehand."""

    def limit(self) -> int | None:
        """How many trials there can be; None: any number."""


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

    @cached_property
    def _random(self) -> RandomSampler | None:
        """For random search: it has no state but its numbers, and to make one takes 0.15 ms."""
        return RandomSampler() if getattr(self.make, "func", self.make) is RandomSampler else None

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


def build(config: Mapping[str, Any], setting: Setting) -> Search:
    """The search that a `search` group describes: an Optuna sampler, or one of this project's.

    Raises:
        ConfigError: an argument that the sampler does not take, a value it refuses, or a space
            that it cannot draw from.
    """
    check_arguments("search", config, ("seed", "setting"))
    target = str(config["_target_"])
    try:
        if target.startswith("optuna."):
            make = instantiate(config)
            # Hydra examines every call of a partial of its own anew, at 0.4 ms a proposal.
            search: Search = Sampled(partial(make.func, *make.args, **make.keywords), setting)
        else:
            # In two steps: Hydra would take the setting, a dataclass, for a configuration.
            search = instantiate(config, _partial_=True)(setting=setting)
        _try(search, setting)
        return search
    except ConfigError:
        raise
    except Exception as error:  # whatever a third party's constructor raises
        cause = error.__cause__ or error
        if isinstance(cause, ConfigError):
            raise cause from error
        reason = str(cause).strip().splitlines()[0]
        raise ConfigError(f"search: {target} refuses its settings: {reason}") from error


def _try(search: Search, setting: Setting) -> None:
    """Draw once: what a sampler cannot draw from, or not for, some say only then."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    directions = [StudyDirection.MINIMIZE] * max(1, len(setting.objectives))
    study = optuna.create_study(sampler=search.sampler(0), directions=directions)
    setting.space.suggest(study.ask())


def _seed(setting: Setting, number: int, attempt: int) -> int:
    return derived(setting.seed, f"{number}/{attempt}" if attempt else f"{number}")


def _point(setting: Setting, number: int) -> Point | None:
    return setting.points[number] if number < len(setting.points) else None
