"""Count what a sweep has spent and found, against its budget, and put it on record."""

from __future__ import annotations

from collections.abc import Callable

from sweeps.driver.best_so_far import BestSoFar
from sweeps.driver.budget import Budget, Spent
from sweeps.study.study import Study
from sweeps.trials import State, TrialRecord

#: Seconds between two records of the time spent, which a kill may lose.
RECORD_INTERVAL_S = 5.0


class Ledger:
    """Counts what all sessions of a sweep have spent: trials, epochs, seconds, GPU seconds.

    Repeats of the best come on top of the budget: none of them counts in what is spent and found.
    """

    def __init__(
        self,
        study: Study,
        budget: Budget,
        gpus: float,
        most_failures: int,
        clock: Callable[[], float],
    ) -> None:
        """Count what is on record.

        Args:
            gpus: that a trial takes, unless something else is on record.
            most_failures: in a row, which end the session.
            clock: gives seconds; a simulation's are not real ones.
        """
        self._study = study
        self._budget = budget
        self._gpus = gpus
        self._most_failures, self._failures = most_failures, 0
        self._was_over = False
        self._clock = clock
        self._began = clock()
        self._previous_s = study.wall_s
        self._recorded_s = 0.0
        self._previous_repeats_s = study.repeats_s
        self._repeats_began: float | None = None  # the clock when this session had no search left
        searched = [trial for trial in study.trials if trial.repeat_of is None]
        self._epochs = sum(trial.trained for trial in searched)
        self._gpu_s = sum(trial.gpu_s(gpus) for trial in searched)
        self._best = BestSoFar(study.objective, searched)
        self._infeasible = sum(
            trial.source is None and trial.state is State.INFEASIBLE for trial in study.trials
        )

    @property
    def wall_s(self) -> float:
        """Return the seconds spent on the sweep in all sessions."""
        return self._previous_s + self._clock() - self._began

    @property
    def repeats_s(self) -> float:
        """Return those of these seconds that came after the end of the search."""
        began = self._repeats_began
        return self._previous_repeats_s + (0.0 if began is None else self._clock() - began)

    @property
    def spent(self) -> Spent:
        """Return what the search has spent and found."""
        return Spent(
            trials=self._study.count - self._infeasible,
            hours=(self.wall_s - self.repeats_s) / 3600,
            gpu_hours=self._gpu_s / 3600,
            epochs=self._epochs,
            best=self._best.value,
            fruitless=self._best.fruitless,
        )

    @property
    def over(self) -> str | None:
        """Say why the budget ends even the trials that run; None if it does not."""
        return self._budget.over(self.spent)

    @property
    def newly_over(self) -> str | None:
        """Say why the budget ends the sweep, once."""
        if self._was_over or (over := self.over) is None:
            return None
        self._was_over = True
        return over

    @property
    def failures_in_a_row(self) -> int:
        """Count the failed trials in a row if there are too many; else 0."""
        return self._most_failures if self._failures >= self._most_failures else 0

    @property
    def no_more_trials(self) -> bool:
        """Whether the budget lets no further trial begin."""
        return self._budget.no_more_trials(self.spent)

    @property
    def extension(self) -> tuple[str, ...]:
        """List the overrides that lift the limits that are reached."""
        return self._budget.extension(self.spent)

    @property
    def all_infeasible(self) -> bool:
        """Whether no proposal so far could be trained."""
        return self._infeasible == self._study.count

    def count_epoch(self, trial: TrialRecord, epoch_s: float) -> None:
        """Count an epoch, given the trial as it is after it."""
        if trial.repeat_of is None:
            self._epochs += 1
            gpus = trial.moments[trial.last_epoch].gpus
            self._gpu_s += epoch_s * (self._gpus if gpus is None else gpus)
            self._best.update(trial)

    def count_end(self, trial: TrialRecord) -> None:
        """Count a trial as ended."""
        self._failures = 0 if trial.state.scored else self._failures + 1
        if trial.repeat_of is None:
            self._best.update(trial)

    def count_infeasible(self, trial: TrialRecord) -> None:
        """Count a proposal that is not to be trained: it costs no budget."""
        self._infeasible += trial.source is None

    def begin_repeats(self) -> None:
        """Count the time from now on as that of repeats."""
        self._repeats_began = self._clock()

    def record(self) -> None:
        """Put the time spent on record."""
        self._recorded_s = self.wall_s
        self._study.spend(self._recorded_s, self.repeats_s)

    def record_if_due(self) -> None:
        """Put the time spent on record if the last time is some seconds ago."""
        if self.wall_s - self._recorded_s > RECORD_INTERVAL_S:
            self.record()
