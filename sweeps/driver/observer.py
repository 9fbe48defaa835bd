"""Define what the driver shows a sweep to: a person's terminal, or nobody."""

from __future__ import annotations

from collections.abc import Mapping

from sweeps.driver.budget import Spent
from sweeps.trials import TrialRecord


class Observer:
    """Takes every event and shows nothing; `sweeps.console.live.Progress` shows them."""

    def started(self, trial: TrialRecord) -> None:
        """Show that a trial takes a slot."""

    def epoch(self, trial: str, epoch: int, metrics: Mapping[str, float], place: str) -> None:
        """Show an epoch of a running trial."""

    def paused(self, trial: str) -> None:
        """Show that a trial gave its slot back, and may go on later."""

    def ended(self, trial: TrialRecord) -> None:
        """Show that a trial gave its slot back, or could not take one."""

    def spent(self, spent: Spent) -> None:
        """Take what is spent, before the event that is shown with it."""

    def repeats_planned(self, trials: int) -> None:
        """Show that the search is over, and how many trials there will be with the repeats."""

    def slots(self, trials: int) -> None:
        """Take how many trials may run at once from now on."""

    def notify(self, message: str) -> None:
        """Show a message."""
