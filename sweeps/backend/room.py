"""Look up how many trials may run, and note machines and shares that come and go."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # a trial's process imports this module, and needs none of the driver's
    from sweeps.driver.contract import LookUpSlots, Slots
    from sweeps.driver.driver import Driver

#: Seconds without room for a single trial after which a session ends.
_NO_ROOM_S = 60.0


class Room:
    """Looks up how many trials may run, and notes machines and shares that come and go."""

    def __init__(self, driver: Driver, slots: LookUpSlots) -> None:
        self._driver = driver
        self._look_up = slots
        self._had = time.monotonic()
        self._slots = self._told = slots(0, driver.wanted)
        self.controller: Any = None  # Tune's own
        driver.share(self._slots)

    @property
    def trials(self) -> int:
        """Return how many trials may run at once."""
        return self._slots.trials

    @property
    def away(self) -> tuple[str, ...]:
        """Return the machines where nothing is to begin now."""
        return tuple(sorted(self._slots.away))

    @property
    def with_cards(self) -> tuple[str, ...]:
        """Return the machines where no trial without a card is to begin, though it has none."""
        return tuple(sorted(self._slots.with_cards))

    @property
    def is_shared(self) -> bool:
        """Whether other sweeps may take slots."""
        return self._slots.shared

    @property
    def has_none(self) -> bool:
        """Whether no slot is to be had for now, and all trials have let theirs go."""
        return not self._slots.trials and self._slots.fits > 0 and not self._driver.running

    def look(self) -> None:
        """See what there is now, and give up when there has been no machine for long."""
        driver, before = self._driver, self._slots
        now, wanted = time.monotonic(), driver.wanted
        self._slots = self._look_up(driver.running.slots, wanted, driver.running.on_cards)
        if _room(self._slots) != _room(before):
            driver.share(self._slots)
        lacks = wanted is None or wanted > min(self._told.trials, self._slots.trials)
        message = _change(self._told, self._slots)
        if lacks and message:
            driver.notify(message)
        if message or not lacks or self._slots.trials >= self._told.trials:
            self._told = self._slots  # else it is told once the reason is known
        if self._slots.fits:
            self._had = now
        elif now - self._had > _NO_ROOM_S:
            driver.halt(f"no machine has had room for a trial for {_NO_ROOM_S:.0f} s")

    def end_idle(self) -> None:
        """End the process that Tune keeps for a next trial, where none is to begin now.

        It would keep its slot from another sweep, or a machine from its owner. One that a trial
        waits for, which has been handed out already, is that trial's.
        """
        wanted, most = self._driver.wanted, self._slots.trials
        most = most if wanted is None else min(most, wanted)
        if self.controller is None or self._driver.running.slots < most:
            return
        waiting = {trial.placement_group_factory for trial in self.controller._pending_trials}
        if not any(map(self.controller._actor_cache.has_cached_object, waiting)):
            self.controller._cleanup_cached_actors(force_all=True)


def _room(slots: Slots) -> tuple[object, ...]:
    """Return what decides which trials run where."""
    return slots.trials, slots.on_cards, slots.away


def _change(before: Slots, now: Slots) -> str:
    """Say what has changed, and why; empty if nothing has, or if why is not known yet."""
    gone = "; ".join(why for one, why in now.away.items() if one not in before.away)
    if (now.trials, now.on_cards) == (before.trials, before.on_cards) and not gone:
        return ""
    back = before.away.keys() - now.away.keys()
    if now.fits != before.fits:
        change = "joined" if now.fits > before.fits else "has left" if back else "was lost"
        return f"a machine {change}: room for {now.trials} trials at a time{now.kinds}"
    reasons = (
        gone,
        "a machine is lent again" if back and now.trials > before.trials else "",
        now.limit,
        f"others have {', '.join(now.others)}" if now.others else "",
    )
    because = next((f": {why}" for why in reasons if why), "")
    if not because and now.trials < before.trials:
        return ""
    return f"{now.trials} of {now.fits} trials at a time now{now.kinds}{because}"
