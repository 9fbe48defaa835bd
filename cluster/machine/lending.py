"""Decide whether a machine is lent now: within its hours, and while its owner is away."""

from __future__ import annotations

import datetime
from collections.abc import Callable

from cluster.machine.owner import QUIET_S
from cluster.machine.terms import Terms


class Lending:
    """Says, whenever it is asked, why a machine is not lent; and once it is, what has changed.

    Attributes:
        why_not: in words; empty while it is lent.
        why_again: why it is lent again, in words.
    """

    def __init__(
        self,
        terms: Terms,
        uses: Callable[[], str],
        now: Callable[[], datetime.datetime] = datetime.datetime.now,
    ) -> None:
        """Look for the first time.

        Args:
            uses: tells what the owner does with the machine, in words; empty: nothing.
        """
        self._terms, self._uses, self._now = terms, uses, now
        self.why_not = self.why_again = ""
        self.look()

    def look(self) -> bool:
        """Look whether it is lent now; True if that is not as it was."""
        before = self.why_not
        used = self._uses() if self._terms.polite else ""
        if not self._terms.hours.include(self._now()):
            self.why_not = f"its hours are {self._terms.hours}"
            self.why_again = f"its hours, {self._terms.hours}, have begun"
        elif used:
            self.why_not = used
            self.why_again = f"nobody has used it for {QUIET_S:.0f} s"
        else:
            self.why_not = ""
        return self.why_not != before
