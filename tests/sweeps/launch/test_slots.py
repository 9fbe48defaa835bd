"""The slots of a session: what fits, what it wants, and its share of it."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest

from sweeps.backend.claim import Grant
from sweeps.backend.ray_session import Cluster, Places
from sweeps.backend.share import Share
from sweeps.checked.sweep import Sweep
from sweeps.launch import slots as module
from sweeps.launch.slots import SweepSlots, WorkClock


class Now:
    """A clock that is moved by whoever sleeps."""

    def __init__(self) -> None:
        self.s = 100.0

    def monotonic(self) -> float:
        return self.s

    def sleep(self, seconds: float) -> None:
        self.s += seconds


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Now:
    clock = Now()
    monkeypatch.setattr(module, "time", clock)
    return clock


def slots_of(
    fits: int,
    limit: int | None = None,
    share: Any = None,
    lent: int | None = None,
    away: dict[str, str] | None = None,
    lacking: Mapping[str, str] | None = None,
    on_cards: int | None = None,
) -> SweepSlots:
    """Of a cluster whose machines have one slot each."""
    sweep = SimpleNamespace(config={"max_concurrent": limit}, resources={"cpu": 1, "gpu": 0})

    def places(resources: object, lacking: Mapping[str, str]) -> Places:
        all_away = {**(away or {}), **lacking}
        room = (fits if lent is None else lent) - len(lacking)
        return Places(fits, room, all_away, on_cards, () if on_cards is None else ("gpu1",))

    cluster = SimpleNamespace(places=places, lost=False)
    return SweepSlots(cast(Sweep, sweep), cast(Cluster, cluster), cast(Share, share), lacking)


class Shared:
    """Grants what it is set to."""

    def __init__(self, *grants: Grant) -> None:
        self.grants = list(grants)
        self.told: list[tuple[int, int]] = []
        self.on_cards: list[int] = []

    def update(self, wanted: int, held: int, on_cards: int) -> None:
        self.told.append((wanted, held))
        self.on_cards.append(on_cards)

    @property
    def grant(self) -> Grant:
        return self.grants.pop(0) if len(self.grants) > 1 else self.grants[0]


def test_machines_that_lack_the_data_have_no_slots(now: Now) -> None:
    lacking: dict[str, str] = {}
    slots = slots_of(3, lacking=lacking)
    assert (slots(0, None).trials, slots(0, None).fits) == (3, 3)
    lacking["a1"] = "vm lacks the data"  # heard of at once
    slots_now = slots(0, None)
    assert (slots_now.trials, slots_now.fits, slots_now.limit) == (2, 3, "")
    assert slots_now.away == {"a1": "vm lacks the data"}


def test_alone_all_that_fits_within_the_limit_is_its_own(now: Now) -> None:
    assert slots_of(4)(0, None).trials == 4
    assert slots_of(4, limit=3)(0, None).trials == 3
    assert slots_of(0)(0, None).fits == 0


def test_of_a_shared_cluster_it_has_what_it_is_granted(now: Now) -> None:
    share = Shared(Grant(2, ("beta's sweep b (2)",)))
    slots = slots_of(4, share=share)(1, None)
    assert (slots.trials, slots.fits, slots.others) == (2, 4, ("beta's sweep b (2)",))
    assert share.told == [(4, 1)]
    assert slots_of(4, share=share)(2, 1).trials == 2
    assert share.told[-1] == (1, 2), "at its end it wants no more than it has"


def kinds(slots: SweepSlots, on_cards: int = 0) -> tuple[int, int | None, str]:
    now = slots(0, None, on_cards)
    return now.trials, now.on_cards, now.kinds


def test_where_trials_run_with_and_without_a_card_those_on_cards_are_counted(now: Now) -> None:
    assert slots_of(4)(0, None).on_cards is None
    assert slots_of(4)(0, None).kinds == ""
    mixed = slots_of(10, on_cards=4)
    assert kinds(mixed) == (10, 4, " (4 on cards, 6 on machines without)")
    assert mixed(0, None).with_cards == ("gpu1",)
    assert kinds(slots_of(10, on_cards=4, limit=6))[:2] == (6, 4)
    assert kinds(slots_of(10, on_cards=4, limit=3))[:2] == (3, 3)
    share = Shared(Grant(7, on_cards=2))
    assert kinds(slots_of(10, on_cards=4, share=share), on_cards=3)[:2] == (7, 2)
    assert share.on_cards == [3]
    away = slots_of(10, lent=5, on_cards=0, share=Shared(Grant(7, on_cards=2)))
    assert kinds(away)[:2] == (5, 0), "the machine with cards has gone; nobody has said so yet"
    away = slots_of(10, lent=4, on_cards=4, share=Shared(Grant(7, on_cards=2)))
    assert kinds(away)[:2] == (2, 2)


def test_it_waits_for_a_slot_and_says_for_what_once(now: Now) -> None:
    full = Grant(0, ("beta's sweep b (4)",))
    slots = slots_of(4, share=Shared(full, full, Grant(0, (), "alpha's hours are 20-08"), Grant(1)))
    said: list[str] = []
    slots.wait(said.append, halted=lambda: False)
    assert said == [
        "waiting for a slot: all are with beta's sweep b (4)",
        "waiting for a slot: alpha's hours are 20-08",
    ]


def test_what_is_not_lent_counts_for_nothing_and_is_waited_for(now: Now) -> None:
    away = {"a1": "alpha's vm: its hours are 20-08"}
    slots = slots_of(4, lent=2, away=away, share=Shared(Grant(4)))(0, None)
    assert (slots.trials, slots.fits, slots.away) == (2, 4, away)
    assert slots_of(4, lent=2, limit=1, away=away)(0, None).trials == 1
    said: list[str] = []
    none = slots_of(4, lent=0, away=away, share=Shared(Grant(0)))
    none.wait(said.append, halted=lambda: bool(said))
    assert said == ["waiting for a slot: alpha's vm: its hours are 20-08"]


def test_whoever_is_halted_waits_no_more_and_without_a_machine_nobody_waits(now: Now) -> None:
    share = Shared(Grant(0, ("beta's sweep b (4)",)))
    slots_of(4, share=share).wait(lambda text: None, halted=lambda: now.s > 110)
    assert now.s > 110
    slots_of(0, share=share).wait(lambda text: None, halted=lambda: False)


def test_the_average_is_of_the_time_with_slots(now: Now) -> None:
    slots = slots_of(4, share=Shared(Grant(4), Grant(0), Grant(2), Grant(2)))
    slots(0, None)
    now.s += 10
    slots(0, None)
    now.s += 1000
    slots(0, None)
    now.s += 10
    slots(0, None)
    assert slots.average == 3.0
    assert slots_of(3).average == 0.0


def test_a_clock_counts_no_waiting(now: Now) -> None:
    clock = WorkClock()
    began = clock()
    now.s += 5
    with clock.stopped():
        now.s += 100
    now.s += 1
    assert clock() - began == 6
