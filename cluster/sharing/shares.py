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
class Portion:
    """Counts slots of a sweep: those that have a card or a share of one, and those without."""

    on_cards: int = 0
    without: int = 0

    @staticmethod
    def held(claim: Claim) -> Portion:
        """Count those that a session has now."""
        if claim.anywhere:
            return Portion(claim.on_cards, claim.held - claim.on_cards)
        return Portion(claim.held, 0) if claim.slot.get("GPU") else Portion(0, claim.held)

    @property
    def slots(self) -> int:
        """Count all."""
        return self.on_cards + self.without

    def __add__(self, other: Portion) -> Portion:
        return Portion(self.on_cards + other.on_cards, self.without + other.without)

    def within(self, other: Portion) -> Portion:
        """Count what both have of each kind."""
        return Portion(min(self.on_cards, other.on_cards), min(self.without, other.without))

    def beyond(self, other: Portion) -> Portion:
        """Count what this one has more of, of each kind."""
        return Portion(max(0, self.on_cards - other.on_cards), max(0, self.without - other.without))


@dataclass(frozen=True)
class Request:
    """Says what may be given to a sweep.

    Attributes:
        weight: of its share; of 0, what nobody else wants.
        most: slots it may have: what it wants, within the limits of its member.
        most_on_cards: those of them that may be on cards; None: all.
        surplus: slots that it had of late beyond its share, on average; below 0, those it lacked.
    """

    claim: Claim
    weight: float
    most: int
    surplus: float = 0.0
    most_on_cards: int | None = None


class Room:
    """Keeps what is free on each machine while slots are placed there."""

    def __init__(self, machines: Iterable[Machine]) -> None:
        """Start with all free."""
        self._cpus: list[float] = []
        self._cards: list[list[float]] = []
        for machine in machines:
            self._cpus.append(machine.cpus)
            self._cards.append([1.0] * machine.cards)

    def place(self, claim: Claim, most: Portion) -> Portion:
        """Take a slot's CPUs and cards of a machine; returns none if no machine has them.

        A slot without cards goes where there are fewest, so that cards do not lack their CPUs. One
        that may be anywhere goes to a card, else to a machine without cards.

        Args:
            most: slots of each kind that there may be.
        """
        cpu, gpu = claim.slot.get("CPU", 0.0), claim.slot.get("GPU", 0.0)
        everywhere = range(len(self._cpus))
        if gpu and most.on_cards > 0 and self._place(everywhere, cpu, gpu):
            return Portion(1, 0)
        if most.without <= 0 or (gpu and not claim.anywhere):
            return Portion()
        if claim.anywhere:
            allowed = [i for i in everywhere if not self._cards[i]]
        else:
            allowed = sorted(everywhere, key=lambda i: len(self._cards[i]))
        return Portion(0, 1) if self._place(allowed, cpu, 0.0) else Portion()

    def _place(self, machines: Iterable[int], cpu: float, gpu: float) -> bool:
        for at in machines:
            if self._cpus[at] >= cpu - _ROUNDING and self._take(self._cards[at], gpu):
                self._cpus[at] -= cpu
                return True
        return False

    def withhold(self, claim: Claim, held: Portion) -> None:
        """Take what slots hold that are not placed as they would be here, from wherever it is."""
        cpus = held.slots * claim.slot.get("CPU", 0.0)
        gpus = held.on_cards * claim.slot.get("GPU", 0.0)
        for at, cards in enumerate(self._cards):
            cpus -= (took := min(cpus, self._cpus[at]))
            self._cpus[at] -= took
            for card, free in enumerate(cards):
                gpus -= (took := min(gpus, free))
                cards[card] -= took

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


def allot(machines: Sequence[Machine], requests: Sequence[Request]) -> dict[str, Portion]:
    """Return session -> slots.

    Args:
        requests: in the order in which the sessions came, by which ties are broken.
    """
    room = Room(machines)
    given = {request.claim.session: Portion() for request in requests}
    for request in requests:
        if request.weight and request.most:
            given[request.claim.session] = room.place(request.claim, _left(request, Portion()))
    queue = [
        (_level(machines, request, given), order, request)
        for order, request in enumerate(requests)
        if given[request.claim.session].slots < request.most
    ]
    heapq.heapify(queue)
    while queue:
        _, order, request = heapq.heappop(queue)
        had = given[request.claim.session]
        placed = room.place(request.claim, _left(request, had))
        if placed.slots:
            given[request.claim.session] = had + placed
            if had.slots + 1 < request.most:
                heapq.heappush(queue, (_level(machines, request, given), order, request))
    return given


def _left(request: Request, given: Portion) -> Portion:
    """Return what a sweep may have more of each kind."""
    left = request.most - given.slots
    most = request.most if request.most_on_cards is None else request.most_on_cards
    return Portion(min(left, most - given.on_cards), left)


def within_limit(claims: Sequence[Claim], cards: float) -> dict[str, int]:
    """Return session -> slots on cards, of one member's sessions, which have so many together.

    One each in turn while there are enough, so that none waits for the end of another.
    """
    given = {claim.session: 0 for claim in claims}
    left, open_to = cards, [claim for claim in claims if claim.wanted]
    while open_to:
        for claim in list(open_to):
            gpu = claim.slot["GPU"]
            if gpu <= left + _ROUNDING:
                left -= gpu
                given[claim.session] += 1
            if gpu > left + _ROUNDING or given[claim.session] >= claim.wanted:
                open_to.remove(claim)
    return given


def dues(
    machines: Sequence[Machine], requests: Sequence[Request], given: Mapping[str, Portion]
) -> dict[str, float]:
    """Return session -> its share of the slots given, as if slots could be divided."""
    parts = {r.claim.session: _part(machines, r.claim, given[r.claim.session]) for r in requests}
    left = sum(given[session].slots * part for session, part in parts.items())
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
    machines: Sequence[Machine],
    booked: Iterable[tuple[Claim, Portion]],
    claim: Claim,
    most: Portion,
) -> Portion:
    """Count the slots, at most so many of each kind, that fit beside those that are booked."""
    room = Room(machines)
    for other, portion in booked:
        room.withhold(other, portion.beyond(_add(room, other, portion)))
    return _add(room, claim, most)


def _add(room: Room, claim: Claim, most: Portion) -> Portion:
    """Place slots while they fit, at most so many of each kind; returns how many do."""
    added = Portion()
    for kind, count in ((Portion(1, 0), most.on_cards), (Portion(0, 1), most.without)):
        for _ in range(count):
            placed = room.place(claim, kind)
            if not placed.slots:
                break
            added += placed
    return added


def _level(
    machines: Sequence[Machine], request: Request, given: Mapping[str, Portion]
) -> tuple[bool, float]:
    """Return what orders the sweeps: the first is served next."""
    has = given[request.claim.session]
    part = _part(machines, request.claim, has)
    return not request.weight, (has.slots + request.surplus) * part / (request.weight or 1.0)


def _part(machines: Sequence[Machine], claim: Claim, given: Portion) -> float:
    """Return the share of the cluster that a slot takes of the resource that it takes most of.

    Where slots may be anywhere: on average of those given.
    """
    part = _dominant(machines, claim.slot)
    if not claim.anywhere or not given.without:
        return part
    without = _dominant(machines, {"CPU": claim.slot.get("CPU", 0.0)})
    return (given.on_cards * part + given.without * without) / given.slots


def _dominant(machines: Sequence[Machine], slot: Mapping[str, float]) -> float:
    totals = {"CPU": sum(m.cpus for m in machines), "GPU": float(sum(m.cards for m in machines))}
    shares = (amount / totals[name] for name, amount in slot.items() if totals.get(name))
    return max(shares, default=math.inf) if totals["CPU"] else math.inf
