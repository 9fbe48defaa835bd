"""Watch whether a machine's owner uses it: its cards, or more than half of its cores.

What we run ourselves counts for neither: neither Ray nor the trials.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cluster.machine.cards import Cards
from cluster.machine.processes import descendants
from sweeps.backend.machine_load import psutil_of_ray

#: Seconds that the use must last to count as one, and that the owner must be away afterwards.
LASTS_S, QUIET_S = 10.0, 60.0


@dataclass(frozen=True)
class Use:
    """Says what processes that are not ours do on this machine.

    Attributes:
        card: what somebody computes on a card, in words; empty if nobody does.
        cores: that are busy, on average of some seconds; None while that is not known.
    """

    card: str
    cores: float | None


class Owner:
    """Decides whether the owner uses the machine, in no hurry to change its mind."""

    def __init__(
        self, look: Callable[[], Use], cores: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin with a machine that nobody uses.

        Args:
            look: tells what others do now.
            cores: that the machine has.
        """
        self._look, self._cores, self._clock = look, cores, clock
        self._card_since: float | None = -LASTS_S  # what is there at first has been there
        self._quiet_since = 0.0
        self._why = ""

    def uses(self) -> str:
        """Return what the owner does with the machine, in words; empty if nothing."""
        now, use = self._clock(), self._look()
        if not use.card:
            self._card_since = None
        elif self._card_since is None:
            self._card_since = now
        high = use.cores is not None and use.cores > self._cores / 2
        if use.card and self._card_since is not None and now - self._card_since >= LASTS_S:
            why = use.card
        elif high:
            why = f"{use.cores:.1f} of its {self._cores} cores are busy for others"
        else:
            why = ""
        if why or use.card:
            self._quiet_since = now
        if why:
            self._why = self._why or why
        elif now - self._quiet_since >= QUIET_S:
            self._why = ""
        return self._why


class Others:
    """Looks at what processes that are not ours do."""

    def __init__(self, top: int, cards: Cards, lent: int | None) -> None:
        """Begin to count.

        Args:
            top: the process below which ours are.
            lent: how many of the cards are lent, the first ones; None: all.
        """
        self._psutil, self._top, self._cards, self._lent = psutil_of_ray(), top, cards, lent
        self._ours: dict[tuple[int, float], float] = {}
        self._ours_s = 0.0
        self._samples: deque[tuple[float, float, float]] = deque()

    def look(self) -> Use:
        """Return what they do now."""
        ours = {self._top, *descendants(self._top)}
        return Use(self._on_card(ours), self._busy(ours))

    def _on_card(self, ours: Collection[int]) -> str:
        for process, card in sorted(self._cards.processes(self._lent).items()):
            # In a container the driver may number processes as its host does, ours too: only those
            # that are seen here are somebody else's for sure.
            if process not in ours and Path(f"/proc/{process}").exists():
                return f"process {process} uses card {card}"
        return ""

    def _busy(self, ours: Collection[int]) -> float | None:
        """Return the cores that others have used, on average of the last seconds."""
        now = time.monotonic()
        self._samples.append((now, self._all_s(), self._own_s(ours)))
        while len(self._samples) > 1 and now - self._samples[1][0] >= LASTS_S:
            self._samples.popleft()
        then, all_s, own_s = self._samples[0]
        if now - then < LASTS_S:
            return None
        _, all_now, own_now = self._samples[-1]
        return max(0.0, (all_now - all_s) - (own_now - own_s)) / (now - then)

    def _all_s(self) -> float:
        """Return the seconds that all cores together have been busy since the machine started."""
        times = self._psutil.cpu_times()
        kinds = ("user", "nice", "system", "irq", "softirq")
        return float(sum(getattr(times, kind, 0.0) for kind in kinds))

    def _own_s(self, ours: Collection[int]) -> float:
        """Return the seconds that our processes have used, those that have ended too."""
        seen: dict[tuple[int, float], float] = {}
        for number in ours:
            with suppress(self._psutil.Error):
                process = self._psutil.Process(number)
                times = process.cpu_times()
                seen[number, process.create_time()] = times.user + times.system
        self._ours_s += sum(s - self._ours.get(key, 0.0) for key, s in seen.items())
        self._ours = seen
        return self._ours_s


def cores() -> int:
    """Return how many cores the machine has."""
    return os.cpu_count() or 1
