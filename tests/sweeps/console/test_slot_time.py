"""What the slots of a session have done, by hand."""

from __future__ import annotations

import pytest

from sweeps.console.slot_time import SlotTime


def test_all_of_the_time_is_accounted_for() -> None:
    """Two slots, 100 s: 20 to start; one trains for 60 s and is empty then, one saves as well."""
    time = SlotTime(2, now=1000.0)
    time.change(2, 1000.0)
    time.epoch(10.0, 1030.0)
    time.epoch(10.0, 1030.0)
    for end in (1040.0, 1050.0, 1060.0, 1070.0, 1080.0):
        time.epoch(10.0, end)
    time.change(1, 1080.0)
    time.epoch(40.0, 1090.0)
    time.change(0, 1100.0)
    parts = dict(time.parts(1100.0))
    assert parts == pytest.approx(
        {
            "training": 55.0,
            "starting processes": 20.0,
            "set-up and checkpoints": 15.0,
            "without a trial": 10.0,
        }
    )
    assert sum(parts.values()) == pytest.approx(100.0)


def test_what_is_next_to_nothing_is_not_told() -> None:
    time = SlotTime(1, now=0.0)
    time.change(1, 0.0)
    for epoch in range(100):
        time.epoch(9.9, 1.0 + 10.0 * (epoch + 1))
    time.change(0, 1001.0)
    assert [what for what, _ in time.parts(1001.0)] == ["training"]


def test_where_nothing_was_trained_there_is_nothing_to_tell() -> None:
    assert SlotTime(2, now=0.0).parts(10.0) == []
