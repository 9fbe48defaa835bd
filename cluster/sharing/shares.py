"""Divide a cluster's slots among sweeps: weighted max-min fairness of the scarcest resource.

Ghodsi et al., "Dominant Resource Fairness" (NSDI 2011), for whole slots that fit on machines: one
for each sweep while there are enough, then one more for whoever has least for its weight.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sweeps.backend.claim import Claim

#: What rounding may do to sums of shares of a card.
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Machine:
    """Describes what a machine lends: CPUs, and whole cards."""

    cpus: float
    cards: int = 0


@dataclass(frozen=True)
class Request:
    """Says what may be given to a sweep.

    Attributes:
        weight: of its share; of 0, what nobody else wants.
        most: slots it may have: what it wants, within the limits of its member.
        surplus: slots that it had of late beyond its share, on average; below 0, those it lacked.
    """

    claim: Claim
    weight: float
    most: int
    surplus: float = 0.0


class Room:
    """Keeps what is free on each machine while slots are placed there."""

    def __init__(self, machines: Iterable[Machine]) -> None:
        """Start with all free."""
        self._cpus: list[float] = []
        self._cards: list[list[float]] = []
        for machine in machines:
            self._cpus.append(machine.cpus)
            self._cards.append([1.0] * machine.cards)

    def place(self, slot: Mapping[str, float]) -> bool:
        """Take a slot's CPUs and cards of a machine; False if no machine has them.

        A slot without cards goes where there are fewest, so that cards do not lack their CPUs.
        """
        cpu, gpu = slot.get("CPU", 0.0), slot.get("GPU", 0.0)
        places = range(len(self._cpus))
        for at in places if gpu else sorted(places, key=lambda i: len(self._cards[i])):
            if self._cpus[at] >= cpu - _ROUNDING and self._take(self._cards[at], gpu):
                self._cpus[at] -= cpu
                return True
        return False

    @staticmethod
    def _take(cards: list[float], gpu: float) -> bool:
        if not gpu:
            return True
        if gpu < 1:
            fitting = [i for i, free in enumerate(cards) if free >= gpu - _ROUNDING]
            if fitting:
                cards[min(fitting, key=lambda i: cards[i])] -= gpu
            return bool(fitting)
        whole = [i for i, free in enumerate(cards) if free >= 1 - _ROUNDING][: int(gpu)]
        if len(whole) < gpu:
            return False
        for i in whole:
            cards[i] = 0.0
        return True


def allot(machines: Sequence[Machine], requests: Sequence[Request]) -> dict[str, int]:
    """Return session -> slots.

    Args:
        requests: in the order in which the sessions came, by which ties are broken.
    """
    room = Room(machines)
    given = {request.claim.session: 0 for request in requests}
    for request in requests:
        if request.weight and request.most and room.place(request.claim.slot):
            given[request.claim.session] = 1
    queue = [
        (_level(machines, request, given), order, request)
        for order, request in enumerate(requests)
        if given[request.claim.session] < request.most
    ]
    heapq.heapify(queue)
    while queue:
        _, order, request = heapq.heappop(queue)
        if room.place(request.claim.slot):
            given[request.claim.session] += 1
            if given[request.claim.session] < request.most:
                heapq.heappush(queue, (_level(machines, request, given), order, request))
    return given


def dues(
    machines: Sequence[Machine], requests: Sequence[Request], given: Mapping[str, int]
) -> dict[str, float]:
    """Return session -> its share of the slots given, as if slots could be divided."""
    parts = {r.claim.session: _dominant(machines, r.claim.slot) for r in requests}
    left = sum(given[session] * part for session, part in parts.items())
    due = dict.fromkeys(parts, 0.0)
    open_to = [r for r in requests if r.weight and r.most and parts[r.claim.session]]
    while open_to and left > _ROUNDING:
        level = left / sum(r.weight for r in open_to)
        full = [
            r for r in open_to if r.most * parts[r.claim.session] <= level * r.weight + _ROUNDING
        ]
        for request in full or open_to:
            part = parts[request.claim.session]
            due[request.claim.session] = (
                float(request.most) if full else level * request.weight / part
            )
            left -= due[request.claim.session] * part
        open_to = [r for r in open_to if r not in full] if full else []
    return due


def more(
    machines: Sequence[Machine], booked: Iterable[tuple[Claim, int]], claim: Claim, most: int
) -> int:
    """Count the slots, at most so many, that fit beside those that are booked."""
    room = Room(machines)
    for other, slots in booked:
        for _ in range(slots):
            room.place(other.slot)
    added = 0
    while added < most and room.place(claim.slot):
        added += 1
    return added


def _level(
    machines: Sequence[Machine], request: Request, given: Mapping[str, int]
) -> tuple[bool, float]:
    """Return what orders the sweeps: the first is served next."""
    has = given[request.claim.session] + request.surplus
    part = _dominant(machines, request.claim.slot)
    return not request.weight, has * part / (request.weight or 1.0)


def _dominant(machines: Sequence[Machine], slot: Mapping[str, float]) -> float:
    """Return the share of the cluster that a slot takes of the resource that it takes most of."""
    totals = {"CPU": sum(m.cpus for m in machines), "GPU": float(sum(m.cards for m in machines))}
    shares = (amount / totals[name] for name, amount in slot.items() if totals.get(name))
    return max(shares, default=math.inf) if totals["CPU"] else math.inf
