"""Draws configurations that no trial has; those that take long to draw, ahead of need.

A proposal drawn ahead knows nothing of how the newest trial ended: that one is running. So that a
kill in between changes nothing, it does not know when it is drawn late either.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from optuna.samplers import GPSampler, RandomSampler
from optuna.trial import FrozenTrial

from sweeps.image import Image
from sweeps.search import Search
from sweeps.seeds import derived
from sweeps.space import Space

#: Draws for one trial, in search of a configuration that no other has.
_ATTEMPTS = 20
#: A Gaussian process takes long, and finds the same optimum with nearly every seed.
_GP_ATTEMPTS = 2


class Proposals:
    """Draws on an image of the trials, in which what it returns is then the newest one."""

    def __init__(self, image: Image, space: Space) -> None:
        self._image = image
        self._space = space
        self._tried: set[frozenset[tuple[str, Any]]] = set()
        self._unlooked: Iterator[dict[str, Any]] | None = None  # of a finite space
        self._point: dict[str, Any] | None = None  # the one before them
        self._ahead: FrozenTrial | None = None

    def note(self, trial: FrozenTrial) -> None:
        """There is a trial with these parameters."""
        self._tried.add(frozenset(trial.params.items()))

    def prepare(self, search: Search, number: int, running: int | None) -> None:
        """Draw what `next` is to return. Nobody sees it until then.

        Args:
            number: of the trial, from 0.
            running: the id in the image of a trial that is to be taken for a running one.
        """
        if self._ahead is None:
            self._ahead = self._draw(search, number, running)

    def next(self, search: Search, number: int, running: int | None) -> FrozenTrial:
        """A new trial, running, with parameters of the search that no other trial has.

        Where the sampler keeps to what has been tried, the next of a finite space is taken, in its
        order, or one at random of an infinite one. The arguments are those of `prepare`.
        """
        drawn, self._ahead = self._ahead, None
        return drawn or self._draw(search, number, running)

    def _draw(self, search: Search, number: int, running: int | None) -> FrozenTrial:
        point = search.point(number)
        gp = isinstance(search.sampler(number), GPSampler)
        with self._image.running(running):
            for attempt in range(_GP_ATTEMPTS if gp else _ATTEMPTS):
                drawn = self._image.draw(search.sampler(number, attempt), self._space, point)
                if frozenset(drawn.params.items()) not in self._tried:
                    return drawn
                self._image.forget(drawn)
            chance = RandomSampler(derived(search.setting.seed, f"{number}/untried"))
            return self._image.draw(chance, self._space, self._untried() or point)

    def _untried(self) -> dict[str, Any] | None:
        """A configuration of a finite space that no trial has; None if there is none such."""
        if self._space.size() is None:
            return None
        if self._unlooked is None:
            self._unlooked = self._space.enumerate()
            self._point = next(self._unlooked, None)
        # What was tried once stays so: nobody need look at it again.
        while (
            self._point is not None
            and frozenset(self._space.labels(self._point).items()) in self._tried
        ):
            self._point = next(self._unlooked, None)
        return self._point
