"""Look up how many trials of a sweep may run: what fits on the machines, and is its share."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from sweeps.backend.claim import Grant
from sweeps.backend.ray_session import Cluster, Places
from sweeps.backend.share import Share
from sweeps.checked.sweep import Sweep
from sweeps.driver.contract import Slots

#: Seconds between two looks at the machines.
_LOOK_S = 2.0
#: Seconds between two looks at the share, while there is none.
_WAIT_S = 0.2


class SweepSlots:
    """Looks up the slots of one session, and averages them.

    Attributes:
        average: how many they were, over the time in which there were any.
    """

    def __init__(
        self,
        sweep: Sweep,
        cluster: Cluster,
        share: Share | None,
        lacking: Mapping[str, str] | None = None,
    ) -> None:
        """Take the session's share of the cluster; None: all is its own.

        Args:
            lacking: id of each machine where no trial can run -> why, as far as it is known.
        """
        self._lacking = {} if lacking is None else lacking
        self._limit = sweep.config["max_concurrent"]
        self._resources = sweep.resources
        self._cluster, self._share = cluster, share
        self._looked, self._places = -_LOOK_S, Places(0, 0, {})
        self._known = 0  # how many of those that lack something are in it
        self._slots, self._since = 0, time.monotonic()
        self._slot_s = self._s = 0.0

    def __call__(self, held: int, wanted: int | None, on_cards: int = 0) -> Slots:
        """Return the slots there are now; arguments as of `LookUpSlots`."""
        now = time.monotonic()
        if now - self._looked >= _LOOK_S or len(self._lacking) != self._known:
            self._looked, self._known = now, len(self._lacking)
            self._places = self._cluster.places(self._resources, self._lacking)
        places = self._places
        most = places.lent if self._limit is None else min(places.lent, self._limit)
        slots = Slots(
            most,
            places.fits,
            away=places.away,
            on_cards=None if places.on_cards is None else min(places.on_cards, most),
            with_cards=places.with_cards,
        )
        if self._share is not None:
            self._share.update(most if wanted is None else min(most, wanted), held, on_cards)
            slots = _granted(slots, self._share.grant)
        self._add(slots.trials, now)
        return slots

    @property
    def average(self) -> float:
        """Return how many there have been, on average of the time when there were any."""
        return self._slot_s / self._s if self._s else float(self._slots)

    def wait(self, say: Callable[[str], None], halted: Callable[[], bool]) -> None:
        """Wait until there is a slot, and say for what; at once where nobody shares the cluster.

        Args:
            halted: whether a person wants to end the session.
        """
        said = ""
        while not (halted() or self._cluster.lost):
            slots = self(0, None)
            if slots.trials or not slots.fits:
                return
            others = ", ".join(slots.others) or "sweeps that have just ended"
            gone = "" if slots.others else "; ".join(slots.away.values())
            if (why := slots.limit or gone or f"all are with {others}") != said:
                said = why
                say(f"waiting for a slot: {why}")
            time.sleep(_WAIT_S)

    def _add(self, slots: int, now: float) -> None:
        if self._slots:
            self._slot_s += self._slots * (now - self._since)
            self._s += now - self._since
        self._slots, self._since = slots, now


def _granted(slots: Slots, grant: Grant) -> Slots:
    """Return what is granted of the slots that there are."""
    slots = replace(slots, shared=True, others=grant.others, limit=grant.limit)
    if slots.on_cards is None:
        return replace(slots, trials=min(slots.trials, grant.slots))
    on_cards = min(slots.on_cards, grant.on_cards)
    without = min(slots.trials - slots.on_cards, grant.slots - grant.on_cards)
    return replace(slots, trials=on_cards + without, on_cards=on_cards)


class WorkClock:
    """Counts the seconds of a session, without those in which it waits for a slot."""

    def __init__(self) -> None:
        """Start now."""
        self._waited = 0.0

    def __call__(self) -> float:
        """Return seconds, of which only differences mean something."""
        return time.monotonic() - self._waited

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Count nothing within a `with` block."""
        began = time.monotonic()
        try:
            yield
        finally:
            self._waited += time.monotonic() - began
