"""How configurations are proposed: Optuna's samplers, and lists.

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

    @property
    def learns(self) -> bool:
        """Whether it draws conclusions from trials that it has not proposed itself."""

    def sampler(self, number: int, attempt: int = 0) -> BaseSampler:
        """The sampler that draws the trial with this number (from 0).

        Args:
            attempt: how many draws for this trial have been thrown away, as tried before.
        """

    def point(self, number: int) -> Mapping[str, Any] | None:
        """Swept key -> value of the trial with this number, if that is fixed beforehand."""

    def limit(self) -> int | None:
        """How many trials there can be; None: any number."""
