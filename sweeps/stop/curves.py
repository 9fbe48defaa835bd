"""Keep what has been made of curves, so that a rule need not begin anew at each epoch."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from itertools import islice
from typing import Any

from sweeps.stop.rule import Curves


class Growing(dict[int, dict[str, float]]):
    """Curves to which values are added, and none is ever changed or taken away.

    What is kept beside them is a function of the curves: a rule that finds plain ones decides the
    same, in longer time.
    """

    def __init__(self, curves: Mapping[int, Mapping[str, float]] | None = None) -> None:
        super().__init__()
        self._folds: dict[tuple[Hashable, int], tuple[dict[Any, Any], int]] = {}
        for epoch, values in (curves or {}).items():
            self[epoch] = dict(values)

    @classmethod
    def of(cls, curves: Curves) -> Growing:
        """Return the curves themselves, if they are such."""
        return curves if isinstance(curves, cls) else cls(curves)

    def fold(
        self, what: Hashable, epoch: int, add: Callable[[dict[Any, Any], str, float], None]
    ) -> dict[Any, Any]:
        """Return what has been made of the values at an epoch, brought up to date.

        Args:
            what: names it.
            add: (what is made, trial, value) once for each value, in the order of their coming.
        """
        made, known = self._folds.get((what, epoch), ({}, 0))
        values = self[epoch]
        if known < len(values):
            for trial, value in islice(values.items(), known, None):
                add(made, trial, value)
            self._folds[what, epoch] = made, len(values)
        return made
