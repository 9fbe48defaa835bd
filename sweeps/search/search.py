"""Define the contract of a search: how it proposes the parameters of the next trial.

A proposal is a function of the study and a seed. Each is drawn by a sampler of its own, seeded
with the sweep's seed and the number of the trial, so that it does not matter how many
proposals this process has made before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from optuna.samplers import BaseSampler

from sweeps.search.first_trials import Point
from sweeps.space.space import Space
from sweeps.trials import Objective


@dataclass(frozen=True)
class Setting:
    """Holds what a search searches: the space, and the settings of the sweep that it needs.

    Attributes:
        seed: the sweep's.
        points: the initial points; keys without a value in a point are drawn.
        objectives: all objectives of the sweep, of which the first ranks the trials.
        as_is: maps values of some swept keys to those of all keys that exist with them, the
            others being as they are without a sweep. For an empty mapping: the baseline.
    """

    space: Space
    seed: int = 0
    points: Sequence[Point] = ()
    objectives: Sequence[Objective] = ()
    as_is: Callable[[Mapping[str, Any]], Mapping[str, Any]] = lambda given: {}


class Search(Protocol):
    """Propose the parameters of the next trial."""

    @property
    def setting(self) -> Setting:
        """Return the space and the settings that the search was built for."""

    @property
    def learns(self) -> bool:
        """Whether the search learns from trials that it has not proposed itself."""

    def sampler(self, number: int, attempt: int = 0) -> BaseSampler:
        """Make the sampler that draws the trial with this number (from 0).

        Args:
            attempt: number of draws for this trial that were discarded, as already tried.
        """

    def point(self, number: int) -> Mapping[str, Any] | None:
        """Map swept key to value for the trial with this number, if it is fixed; else None."""

    def limit(self) -> int | None:
        """Return the number of trials that there can be at most; None: any number."""
