"""Hold the checked parts of a sweep by which its driver decides."""

from __future__ import annotations

from dataclasses import dataclass

from sweeps.config.require import Constraints
from sweeps.driver.budget import Budget
from sweeps.repeats.settings import NO_REPEATS, Repeats
from sweeps.search.search import Search
from sweeps.stop import PopulationRule, PromotionRule, Stop


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

    @property
    def promotion(self) -> PromotionRule | None:
        """Return the stopping rule if it pauses trials and promotes the best of them."""
        return self.stop if isinstance(self.stop, PromotionRule) else None

    @property
    def population(self) -> PopulationRule | None:
        """Return the stopping rule if it trains a population in generations."""
        return self.stop if isinstance(self.stop, PopulationRule) else None
