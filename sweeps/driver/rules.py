"""Hold the checked parts of a sweep by which its driver decides."""

from __future__ import annotations

from dataclasses import dataclass

from sweeps.config.require import Constraints
from sweeps.driver.budget import Budget
from sweeps.repeats.settings import NO_REPEATS, Repeats
from sweeps.search.search import Search
from sweeps.stop import PopulationRule, PromotionRule, Stop
from sweeps.stop.rule import Curves
from sweeps.trials import Objective, State, TrialRecord
from trainers.config import TrainConfig
from trainers.files import history


@dataclass(frozen=True)
class Rules:
    """Holds what decides which trials a sweep runs, and how long.

    Attributes:
        search: proposes the trials.
        stop: stops them early, or pauses them.
        budget: ends the search.
        constraints: what a trial must meet to be trained at all.
        repeats: which of the best are run again once the search is over.
    """

    search: Search
    stop: Stop
    budget: Budget
    constraints: Constraints
    repeats: Repeats = NO_REPEATS

    def end_of(
        self,
        trial: TrialRecord,
        epoch: int,
        training: TrainConfig,
        objective: Objective,
        curves: Curves,
    ) -> tuple[State, str] | None:
        """Return how and why a trial ends by itself or by the stopping rule after this epoch."""
        # When its own patience is out a trial ends itself, whether it hears of this or not.
        whole = epoch >= training.epochs
        stalled = "" if whole else history.stalled(trial.epochs, training.task, training.patience)
        if whole or stalled:
            if trial.best(objective) is None:
                return State.DIVERGED, f"{objective.metric} was a number in no epoch"
            return State.COMPLETE, stalled
        if epoch <= trial.passed or trial.repeat_of is not None:
            return None  # the rule has let it pass this epoch before, or does not judge it
        reason = self.stop.judge(trial.id, epoch, curves)
        return None if reason is None else (State.STOPPED, reason)

    @property
    def promotion(self) -> PromotionRule | None:
        """Return the stopping rule if it pauses trials and promotes the best of them."""
        return self.stop if isinstance(self.stop, PromotionRule) else None

    @property
    def population(self) -> PopulationRule | None:
        """Return the stopping rule if it trains a population in generations."""
        return self.stop if isinstance(self.stop, PopulationRule) else None
