"""Who sees a sweep run: a person, or nobody."""

from __future__ import annotations

from collections.abc import Mapping

from sweeps.driver.budget import Spent
from sweeps.trials import TrialRecord


class Onlooker:
    """Is told what happens. This one does nothing; `sweeps.console.live.Progress` shows it."""

    def started(self, trial: TrialRecord) -> None:
        """A trial takes a slot."""

    def epoch(self, trial: str, epoch: int, metrics: Mapping[str, float], place: str) -> None:
        """A running trial's epoch ended."""

    def paused(self, trial: str) -> None:
        """A trial gave its slot back, and may go on later."""

    def ended(self, trial: TrialRecord) -> None:
        """A trial gave its slot back, or could not take one."""

    def spent(self, spent: Spent) -> None:
        """What of the budget is used, told before the event that is shown with it."""

    def again(self, trials: int) -> None:
        """The search is over; with those that run the best again, there will be so many trials."""

    def note(self, text: str) -> None:
        """Something to tell."""
