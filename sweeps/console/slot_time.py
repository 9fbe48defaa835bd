"""Account for the time of a session's slots: training, starting, waiting."""

from __future__ import annotations

#: A part below this share of the time is not worth a word.
WORTH_TELLING = 0.03


class SlotTime:
    """Adds up what the slots of one session did; each event brings the time as `now`."""

    def __init__(self, slots: int, now: float) -> None:
        """Begin a session with so many slots."""
        self._slots = slots
        self._most_s = 0.0  # of all slots together, before they were so many
        self._began = self._last = self._resized = now
        self._first: float | None = None  # when the first epoch began
        self._running = 0
        self._taken_s = self._trained_s = 0.0  # of all slots together, since then

    def resize(self, slots: int, now: float) -> None:
        """Take in that there are so many slots from now on."""
        self._most_s += self._slots * (now - self._resized)
        self._slots, self._resized = slots, now

    def change(self, running: int, now: float) -> None:
        """Take in that so many slots have a trial from now on."""
        if self._first is not None:
            self._taken_s += self._running * (now - self._last)
        self._running, self._last = running, now

    def epoch(self, epoch_s: float, now: float) -> None:
        """Take in an epoch that ends now."""
        if self._first is None:
            self._first = self._last = max(now - epoch_s, self._began)
        self._trained_s += epoch_s

    def parts(self, now: float) -> list[tuple[str, float]]:
        """List what a slot has spent its seconds on, on average; empty if nothing was trained.

        What is too little to matter is left out; the training never is.
        """
        total = self._most_s + self._slots * (now - self._resized)
        if self._first is None or not total:
            return []
        self.change(self._running, now)
        slots = total / (now - self._began)  # on average
        starting = slots * (self._first - self._began)
        beside = [
            ("starting processes", starting),
            ("set-up and checkpoints", self._taken_s - self._trained_s),
            ("without a trial", total - starting - self._taken_s),
        ]
        kept = [(what, s) for what, s in beside if s > WORTH_TELLING * total]
        return [(what, s / slots) for what, s in [("training", self._trained_s), *kept]]
