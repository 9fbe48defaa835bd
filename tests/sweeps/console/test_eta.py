"""When a sweep will end, by hand and by its laws."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeps.console.eta import eta


@pytest.mark.parametrize(
    ("ended", "running", "waiting", "slots", "left_s", "expected"),
    [
        ([], [], 0, 2, None, 0.0),  # nothing to do
        ([], [], 5, 2, None, None),  # nothing to judge by
        ([], [(30, 100)], 0, 2, None, 70),  # to its last epoch
        ([], [(30, 100), (10, 100)], 0, 2, None, 90),  # the longer of the two
        ([], [(30, 100)], 1, 1, None, 170),  # then another one as long
        ([100, 100], [], 4, 2, None, 200),  # two rounds in two slots
        ([100, 100], [], 1, 2, None, 100),  # half the work, yet not half the time
        ([100, 100], [], 5, 2, None, 300),
        ([20, 40], [(30, 100)], 0, 1, None, 10),  # as the one that outlasted 30 s: until 40
        ([20, 40], [(50, 100)], 0, 1, None, 50),  # none lasted longer: to its last epoch
        ([20, 40], [(30, 35)], 0, 1, None, 5),  # never past its last epoch
        ([10, 10, 10], [(10, 100)], 1, 1, None, 90 + 32.5),  # (10+10+10+100)/4 and not 10
        ([100, 100], [], 4, 2, 60, 60),  # the budget's time ends first
        ([100, 100], [], 4, 2, 900, 200),
        ([100], [(150, 100)], 0, 1, None, 0),  # overdue
    ],
)
def test_numbers(
    ended: list[float],
    running: list[tuple[float, float]],
    waiting: int,
    slots: int,
    left_s: float | None,
    expected: float | None,
) -> None:
    assert eta(ended, running, waiting, slots, left_s) == pytest.approx(expected)


@given(
    st.lists(st.floats(0, 1e4), max_size=8),
    st.lists(st.tuples(st.floats(0, 1e4), st.floats(0, 1e4)), max_size=4),
    st.integers(1, 30),
    st.integers(1, 4),
    st.floats(0, 1e4),
)
def test_bounds(
    ended: list[float],
    running: list[tuple[float, float]],
    waiting: int,
    slots: int,
    left_s: float,
) -> None:
    now, more = (eta(ended, running, n, slots) for n in (waiting, waiting + 1))
    if not ended and not running:
        assert now is None
        return
    assert now is not None
    assert more is not None
    assert 0 <= now <= more
    assert eta(ended, running, waiting, slots, left_s) == min(now, left_s)
    faster = eta(ended, running, waiting, slots + 1)
    assert faster is not None
    assert faster <= now * (1 + 1e-9)
