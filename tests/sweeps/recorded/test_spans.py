"""When machines trained: what overlaps counts once, and a break ends a session."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sweeps.recorded.spans import Span, joined, longest_pause, sessions, total

spans = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 20)).map(lambda p: Span(p[0], p[0] + p[1])),
    max_size=12,
)


@given(spans)
def test_joined_they_cover_the_same_seconds_once(every: list[Span]) -> None:
    covered = {second for span in every for second in range(int(span.start), int(span.end))}
    found = joined(every)
    assert total(found) == len(covered)
    assert all(before.end < after.start for before, after in pairwise(found))


@given(spans, st.integers(0, 10))
def test_no_gap_up_to_the_one_allowed_is_left(every: list[Span], gap: int) -> None:
    found = joined(every, gap)
    assert all(after.start - before.end > gap for before, after in pairwise(found))


def test_a_session_ends_where_no_machine_trains_for_long() -> None:
    machines = {"a": [Span(0, 10), Span(1000, 1010)], "b": [Span(5, 40)]}
    assert longest_pause(machines) == 120
    assert sessions(machines) == [Span(0, 40), Span(1000, 1010)]
    assert sessions({"a": [Span(0, 400), Span(1000, 1400)]}) == [Span(0, 1400)]
    assert sessions({}) == []
