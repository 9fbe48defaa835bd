"""What a person hears of machines and shares that come and go."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from sweeps.backend.room import Room, _change
from sweeps.driver.contract import Slots


def test_what_changes_is_said_where_it_changes_how_many_trials_run() -> None:
    two = Slots(2, 2)
    mixed, fewer = Slots(6, 6, on_cards=2), Slots(6, 6, on_cards=1, limit="a may have 1 cards")
    assert _change(mixed, fewer) == (
        "6 of 6 trials at a time now (1 on cards, 5 on machines without): a may have 1 cards"
    )
    assert _change(two, Slots(2, 4)) == "", "max_concurrent lets no more run"
    assert _change(two, Slots(1, 1)) == "a machine was lost: room for 1 trials at a time"
    assert _change(two, Slots(3, 3)) == "a machine joined: room for 3 trials at a time"
    others = Slots(1, 2, True, ("beta's sweep b (1)",))
    assert _change(two, others) == "1 of 2 trials at a time now: others have beta's sweep b (1)"
    assert _change(others, two) == "2 of 2 trials at a time now"
    limited = Slots(0, 2, True, (), "beta's hours are 20-08")
    assert _change(two, limited) == "0 of 2 trials at a time now: beta's hours are 20-08"
    away = Slots(1, 2, away={"a1": "alpha's vm: its hours are 20-08"})
    assert _change(two, away) == "1 of 2 trials at a time now: alpha's vm: its hours are 20-08"
    assert _change(away, two) == "2 of 2 trials at a time now: a machine is lent again"
    assert _change(two, Slots(1, 2)) == "", "a look later it is known why"
    assert _change(Slots(1, 2), away) == _change(two, away)
    leaving = Slots(0, 1, away={"a1": "alpha's vm: it leaves"})
    assert _change(two, leaving).endswith("lost: room for 0 trials at a time")
    left = _change(Slots(2, 3, away={"a1": "alpha's vm: it leaves"}), Slots(1, 2))
    assert left == "a machine has left: room for 1 trials at a time"
    lacking = Slots(1, 2, away={"a1": "vm lacks the data: /data is not there"})
    assert _change(two, lacking).endswith("now: vm lacks the data: /data is not there")


def test_a_slot_that_is_given_up_is_told_once_it_is_known_to_whom() -> None:
    beta = ("beta's sweep b (1)",)
    seen = [Slots(3, 3, True), Slots(2, 3, True), Slots(2, 3, True), Slots(2, 3, True, beta)]
    later = [Slots(2, 3, True, beta), Slots(3, 3, True), Slots(3, 3, True)]
    looks, told = iter([*seen, *later]), []
    driver: Any = SimpleNamespace(
        running=SimpleNamespace(slots=2, on_cards=0), wanted=None, share=id, notify=told.append
    )
    room = Room(driver, lambda *_: next(looks))
    heard = []
    for _ in range(len(seen) + len(later) - 1):
        room.look()
        heard.append(len(told))
    assert heard == [0, 0, 1, 1, 2, 2]
    assert told == [
        "2 of 3 trials at a time now: others have beta's sweep b (1)",
        "3 of 3 trials at a time now",
    ]


@pytest.mark.parametrize(
    ("running", "waits_for", "ended"),
    [
        (2, None, True),  # the slot is another's, or there is no further trial
        (2, "slot", False),  # it is that of a trial which has just been handed out
        (2, "elsewhere", True),  # a trial that waits cannot use it
        (1, None, False),  # a trial is to come
    ],
)
def test_a_process_ends_that_no_trial_is_to_have(
    running: int, waits_for: str | None, ended: bool
) -> None:
    trials = [SimpleNamespace(placement_group_factory=waits_for)] if waits_for else []
    cache = SimpleNamespace(has_cached_object=lambda key: key == "slot")
    forced: list[bool] = []
    driver: Any = SimpleNamespace(running=SimpleNamespace(slots=running), wanted=None, share=id)
    room = Room(driver, lambda *_: Slots(2, 2))
    room.controller = SimpleNamespace(
        _pending_trials=trials,
        _actor_cache=cache,
        _cleanup_cached_actors=lambda force_all: forced.append(force_all),
    )
    room.end_idle()
    assert forced == ([True] if ended else [])
