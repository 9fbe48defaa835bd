"""What a person hears of machines and shares that come and go."""

from __future__ import annotations

from sweeps.backend.room import _change
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
