"""What a few scores allow to say: against scipy's own tests, and against what is plain to see."""

from __future__ import annotations

import math
import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sweeps.repeats.intervals import MANY, differences, mean, seeds_needed, surely_behind

SCORE = st.floats(0.5, 1.0)
SCORES = st.lists(SCORE, min_size=2, max_size=8)


@given(SCORES)
@settings(deadline=None, max_examples=30)
def test_a_mean_lies_in_the_interval_that_scipy_gives(values: list[float]) -> None:
    estimate = mean(values)
    error = float(stats.sem(values))
    low, high = stats.t.interval(
        0.95, len(values) - 1, loc=estimate.value, scale=max(error, 1e-300)
    )
    assert estimate.value == pytest.approx(sum(values) / len(values))
    assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=1e-9)
    assert estimate.count == len(values)


def test_a_single_value_may_be_anything() -> None:
    estimate = mean([0.9])
    assert (estimate.value, estimate.low, estimate.high) == (0.9, -math.inf, math.inf)


def test_differences_are_of_the_seeds_that_both_have() -> None:
    assert differences({1: 0.9, 2: 0.8, 3: 0.7}, {3: 0.5, 1: 0.4, 4: 0.1}) == [0.5, 0.7 - 0.5]


@given(st.lists(st.integers(-100, 100), min_size=2, max_size=6))
@settings(deadline=None, max_examples=30)
def test_as_many_seeds_as_are_needed_tell_and_one_fewer_does_not(gaps: list[int]) -> None:
    needed = seeds_needed(gaps)
    spread = statistics.stdev(gaps)
    centre = abs(statistics.fmean(gaps))

    def tells(count: int) -> bool:
        return stats.t.ppf(0.975, count - 1) * spread / math.sqrt(count) < centre

    if needed is None:
        assert not tells(MANY)
    else:
        assert needed == 2 or not tells(needed - 1)
        assert tells(needed)


class TestTheRace:
    def test_drops_who_is_behind_by_more_than_chance_explains(self) -> None:
        scores = {
            "a": {1: 0.900, 2: 0.910, 3: 0.905},
            "close": {1: 0.899, 2: 0.911, 3: 0.900},
            "far": {1: 0.800, 2: 0.812, 3: 0.806},
        }
        assert surely_behind(scores, maximize=True) == {"far"}
        assert surely_behind(scores, maximize=False) == {"a", "close"}

    def test_knows_that_seeds_are_good_or_bad_for_all(self) -> None:
        """Unpaired, the spread between seeds would hide so small a difference."""
        scores = {"a": {1: 0.5, 2: 0.7, 3: 0.9}, "b": {1: 0.480, 2: 0.679, 3: 0.881}}
        assert surely_behind(scores, maximize=True) == {"b"}
        unpaired = stats.ttest_ind([0.5, 0.7, 0.9], [0.480, 0.679, 0.881], alternative="greater")
        assert unpaired.pvalue > 0.3

    def test_is_the_one_sided_paired_t_test(self) -> None:
        """On both sides of 5 %."""
        leader = [0.90, 0.92, 0.91, 0.93]
        for shift, dropped in ((0.010, False), (0.030, True)):
            other = [v - shift + e for v, e in zip(leader, (0.02, -0.02, 0.01, -0.01), strict=True)]
            p = stats.ttest_rel(leader, other, alternative="greater").pvalue
            assert (p < 0.05) == dropped
            scores = {"a": dict(enumerate(leader)), "b": dict(enumerate(other))}
            assert surely_behind(scores, maximize=True) == ({"b"} if dropped else set())

    def test_needs_a_spread_and_two_scores(self) -> None:
        same = {"a": {1: 0.98, 2: 0.95}, "b": {1: 0.97, 2: 0.94}}  # equal but for rounding
        assert surely_behind(same, maximize=True) == set()
        assert surely_behind({"a": {1: 0.9}, "b": {1: 0.1}}, maximize=True) == set()
        assert surely_behind({"a": {1: 0.9, 2: 0.8}, "b": {3: 0.1, 4: 0.2}}, maximize=True) == set()
        assert surely_behind({}, maximize=True) == set()

    @given(st.lists(st.lists(SCORE, min_size=4, max_size=4), min_size=1, max_size=5))
    @settings(deadline=None, max_examples=30)
    def test_never_drops_the_leader_and_is_the_same_for_losses(
        self, rows: list[list[float]]
    ) -> None:
        scores = {str(n): dict(enumerate(row)) for n, row in enumerate(rows)}
        behind = surely_behind(scores, maximize=True)
        means = {one: sum(own.values()) for one, own in scores.items()}
        assert max(means, key=lambda one: means[one]) not in behind
        losses = {one: {k: -v for k, v in own.items()} for one, own in scores.items()}
        assert surely_behind(losses, maximize=False) == behind
