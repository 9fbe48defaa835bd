"""Keep the best value so far, and count the trials since."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Sequence

from sweeps.trials import Objective, State, TrialRecord


class BestSoFar:
    """Keeps the best trial so far, and counts the trials that ended since without being better.

    A function of the records alone, in whatever order they come: "since" is by the trials'
    numbers, so after an interruption it is what it was before.
    """

    def __init__(self, objective: Objective, trials: Sequence[TrialRecord]) -> None:
        """Take in the trials on record."""
        self._objective = objective
        self._values: dict[int, float] = {}  # number -> best value, of those that did not fail
        self._scored: list[int] = []  # numbers of those that ended well, sorted
        self._leader: int | None = None
        for trial in trials:
            self.update(trial)

    def update(self, trial: TrialRecord) -> None:
        """Take in a trial as it is after one more epoch, or at its end, which comes once."""
        number = trial.number
        if trial.state.scored:
            insort(self._scored, number)
        if trial.state is State.RUNNING or trial.state.scored:
            if (best := trial.best(self._objective)) is not None:
                self._values[number] = best[1]
                self._leader = self._ahead(number, self._leader)
        elif self._values.pop(number, None) is not None and number == self._leader:
            self._leader = None
            for other in self._values:
                self._leader = self._ahead(other, self._leader)

    @property
    def value(self) -> float | None:
        """Return the best value of any trial that has not failed; None if there is none."""
        return None if self._leader is None else self._values[self._leader]

    @property
    def fruitless(self) -> int:
        """Count the trials that ended well with a higher number than the leader's."""
        if self._leader is None:
            return len(self._scored)
        return len(self._scored) - bisect_right(self._scored, self._leader)

    def _ahead(self, one: int, other: int | None) -> int:
        """Return the trial with the better value of two; of equals the earlier."""
        if other is None:
            return one
        if self._values[one] == self._values[other]:
            return min(one, other)
        return one if self._objective.better(self._values[one], self._values[other]) else other
