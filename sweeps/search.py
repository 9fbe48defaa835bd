"""How configurations are proposed: Optuna's samplers, and the grid.

A proposal is a function of the study and a seed. Each is drawn by a sampler of its own, seeded
with the sweep's seed and the number of the trial, so that it does not matter how many
proposals this process has made before.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

from hydra.utils import instantiate
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, RandomSampler

from sweeps.points import Point
from sweeps.space import Space
from trainers.check import check_arguments
from trainers.errors import ConfigError

#: The most configurations that a grid may list.
LARGEST_GRID = 1_000_000


class Search(Protocol):
    """How the parameters of the next trial are found."""

    def sampler(self, number: int) -> BaseSampler:
        """The sampler that draws the trial with this number (from 0)."""

    def point(self, number: int) -> Mapping[str, Any] | None:
        """Swept key -> value of the trial with this number, if that is fixed beforehand."""

    def limit(self) -> int | None:
        """How many trials there can be; None: any number."""


@dataclass(frozen=True)
class Sampled:
    """Proposals of an Optuna sampler.

    Attributes:
        make: gives a sampler for `seed=`.
        seed: the sweep's.
        points: the first trials; what one leaves open is drawn.
    """

    make: Callable[..., BaseSampler]
    seed: int
    points: Sequence[Point] = ()

    def sampler(self, number: int) -> BaseSampler:
        """A sampler of this trial's own."""
        digest = hashlib.sha256(f"{self.seed}/{number}".encode()).digest()
        with warnings.catch_warnings():
            # Options that Optuna calls experimental are ours to choose, not the user's to fear.
            warnings.simplefilter("ignore", ExperimentalWarning)
            return self.make(seed=int.from_bytes(digest[:4], "big"))

    def point(self, number: int) -> Point | None:
        """One of the points, while there are any."""
        return self.points[number] if number < len(self.points) else None

    def limit(self) -> None:
        """There is always another."""
        return


@dataclass(frozen=True)
class Grid:
    """Every combination of the values, in the order of the space; the last key varies fastest."""

    space: Space

    def __post_init__(self) -> None:
        size = self.space.size()
        if size is None:
            next(self.space.enumerate())  # raises, naming the interval
        elif size > LARGEST_GRID:
            raise ConfigError(
                f"the grid has {size:,} configurations, more than {LARGEST_GRID:,}: give fewer "
                "values, or search=random"
            )

    def sampler(self, number: int) -> BaseSampler:
        """Any: nothing is left to draw."""
        return RandomSampler(seed=number)

    def point(self, number: int) -> Mapping[str, Any]:
        """The combination with this number."""
        return next(islice(self.space.enumerate(), number, None))

    def limit(self) -> int | None:
        """The size of the grid."""
        return self.space.size()


def build(
    config: Mapping[str, Any], space: Space, seed: int, points: Sequence[Point] = ()
) -> Search:
    """The search that a `search` group describes: an Optuna sampler, or one of this module's.

    Args:
        points: what a sampler is to try first; a grid has them anyway.

    Raises:
        ConfigError: an argument that the sampler does not take, or a value it refuses.
    """
    check_arguments("search", config, ("seed", "space"))
    target = str(config["_target_"])
    try:
        if not target.startswith("optuna."):
            # In two steps: Hydra would take the space, a dataclass, for a configuration.
            search: Search = instantiate(config, _partial_=True)(space=space)
            return search
        search = Sampled(instantiate(config), seed, points)
        search.sampler(0)
        return search
    except ConfigError:
        raise
    except Exception as error:  # whatever a third party's constructor raises
        cause = error.__cause__ or error
        if isinstance(cause, ConfigError):
            raise cause from error
        raise ConfigError(f"search: {target} refuses its settings: {cause}") from error
