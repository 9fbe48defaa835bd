"""Propose a configuration that no trial has yet, when a slot asks for one.

A proposal that is drawn ahead of need costs no wait, but does not use the trial that has just
ended. With TPE that took more training to find a model as good as that of 50 random trials: more
by 0.12 +- 0.10 of their training (95 %; recorded curves, 4 workers, 100 seeds). A wait of 20 ms
costs less.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from optuna.samplers import BaseSampler, GPSampler, RandomSampler
from optuna.trial import FrozenTrial

from sweeps.search.sampler_memory import SamplerMemory
from sweeps.search.samplers import Sampled
from sweeps.search.search import Search
from sweeps.space.space import Space
from sweeps.trials import derived

#: Draws for one trial until its configuration is one that no other trial has.
_ATTEMPTS = 20


class Proposals:
    """Draw proposals from a sampler memory; each becomes the newest trial in it."""

    def __init__(self, memory: SamplerMemory) -> None:
        self._memory = memory
        self._tried: set[frozenset[tuple[str, Any]]] = set()
        self._unvisited: Iterator[dict[str, Any]] | None = None  # configurations of a finite space
        self._point: dict[str, Any] | None = None  # the next one, which may be untried
        self._kept: BaseSampler | None = None  # one that takes no seed

    def record(self, trial: FrozenTrial) -> None:
        """Record that a trial has these parameters."""
        self._tried.add(frozenset(trial.params.items()))

    def draw(self, search: Search, number: int) -> FrozenTrial:
        """Draw a new running trial, with parameters that no other trial has.

        Where the sampler only draws what has been tried, the next untried configuration of a
        finite space is taken, in its order, or a random one of an infinite space.

        Args:
            number: the trial's, from 0.

        Raises:
            ConfigError: the sampler raised something, or proposed what is not in the space.
        """
        space, point = search.setting.space, search.point(number)
        for attempt in range(_ATTEMPTS):
            sampler = self._sampler(search, number, attempt)
            drawn = self._memory.draw(sampler, space, point)
            if frozenset(drawn.params.items()) not in self._tried:
                return drawn
            self._memory.forget(drawn)
            if isinstance(sampler, GPSampler):
                break  # slow, and it finds the same optimum with nearly every seed
        chance = RandomSampler(derived(search.setting.seed, f"{number}/untried"))
        return self._memory.draw(chance, space, self._untried(space) or point)

    def _sampler(self, search: Search, number: int, attempt: int) -> BaseSampler:
        """Return the sampler that draws now.

        One without a seed is kept: it may rely on what it remembers, as with Optuna alone.
        """
        if not isinstance(search, Sampled) or search.seeded:
            return search.sampler(number, attempt)
        if self._kept is None:
            self._kept = search.sampler(number)
        return self._kept

    def _untried(self, space: Space) -> dict[str, Any] | None:
        """Return a configuration of a finite space that no trial has; None if there is none."""
        if space.size() is None:
            return None
        if self._unvisited is None:
            self._unvisited = space.enumerate()
            self._point = next(self._unvisited, None)
        # A configuration that has been tried stays tried, and need not be checked again.
        while (
            self._point is not None and frozenset(space.labels(self._point).items()) in self._tried
        ):
            self._point = next(self._unvisited, None)
        return self._point
