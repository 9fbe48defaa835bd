"""Successive halving, worked by hand and by its laws."""

from __future__ import annotations

import math
import re
from collections import Counter
from itertools import count, takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeps.stop import Asha, Hyperband, Stop
from sweeps.stop.asha import bracket
from trainers.errors import ConfigError

NAN, INF = math.nan, math.inf


def at(epoch: int, *values: float) -> dict[int, dict[str, float]]:
    """Curves of trials a, b, c, … at one epoch only."""
    return {epoch: dict(zip("abcdefghij", values, strict=False))}


def rungs(rule: Stop, epochs: int, trial: int = 0, others: int = 4) -> list[int]:
    """The epochs at which the worst of many is stopped."""
    found = []
    for epoch in range(1, epochs + 1):
        values = {f"{number:04d}": float(number != trial) for number in range(others + 1)}
        if rule.judge(f"{trial:04d}", epoch, {epoch: values}) is not None:
            found.append(epoch)
    return found


class TestAsha:
    ASHA = Asha(grace=1, factor=3)

    @pytest.mark.parametrize(
        ("grace", "factor", "expected"),
        [
            (1, 3, [1, 3, 9, 27]),
            (2, 3, [2, 6, 18]),
            (1, 2, [1, 2, 4, 8, 16]),
            (4, 4, [4, 16]),
            (1, 1.5, [1, 2, 3, 5, 8, 11, 17, 26]),  # 1 1.5 2.25 3.375 5.06 7.59 11.4 17.1 25.6
        ],
    )
    def test_rungs(self, grace: int, factor: float, expected: list[int]) -> None:
        assert rungs(Asha(grace, factor), 30) == expected

    @pytest.mark.parametrize("factor", [1.0001, 1.1, 1.37, 2, 2.5, 3, 1e6])
    @pytest.mark.parametrize("grace", [1, 7])
    def test_rungs_are_those_that_counting_up_gives(self, grace: int, factor: float) -> None:
        powers = takewhile(lambda power: power < 300, (factor**k for k in count()))
        counted = {round(grace * power) for power in powers}
        assert rungs(Asha(grace, factor), 200) == sorted(e for e in counted if e <= 200)

    def test_a_very_late_epoch_is_judged_as_quickly(self) -> None:
        """Counting up to it by this factor would never end."""
        rule = Asha(1, 1 + 1e-9)
        assert rule.judge("a", 10**7, at(10**7, 0, 1, 2)) is not None
        assert rungs(Asha(10**6, 10), 10) == []

    def test_the_first_at_a_rung_goes_on(self) -> None:
        assert self.ASHA.judge("a", 1, at(1, -1e9)) is None
        assert self.ASHA.judge("a", 3, {1: {"a": 0.1, "b": 0.9}, 3: {"a": 0.1}}) is None

    @pytest.mark.parametrize(
        ("value", "others", "goes_on"),
        [
            (0.6, (0.5,), True),
            (0.5, (0.5,), True),  # a tie
            (0.4, (0.5,), False),
            # of three others the value at 2/3 of the way from the least: 0.6 + 1/3 x 0.1
            (0.634, (0.5, 0.6, 0.7), True),
            (0.633, (0.5, 0.6, 0.7), False),
            (0.5, (0.5, 0.5, 0.5), True),
            (0.7, (0.1, 0.7, 0.7, 0.7), True),
            (-0.25, (-0.4, -0.3, -0.1), False),  # signed: -0.25 is a loss of 0.25
        ],
    )
    def test_by_hand(self, value: float, others: tuple[float, ...], goes_on: bool) -> None:
        reason = self.ASHA.judge("a", 3, at(3, value, *others))
        assert (reason is None) == goes_on
        if reason is not None:
            told = f"2nd of {len(others) + 1} at epoch 3, and only the best third goes on"
            assert reason == f"asha: {told}"

    def test_keeps_a_third(self) -> None:
        """Nine that come from the worst to the best all go on; from the best, only the best."""
        rising: dict[int, dict[str, float]] = {1: {}}
        falling: dict[int, dict[str, float]] = {1: {}}
        kept = []
        for index, name in enumerate("abcdefghi"):
            rising[1][name] = index
            assert self.ASHA.judge(name, 1, rising) is None
            falling[1][name] = -index
            if self.ASHA.judge(name, 1, falling) is None:
                kept.append(name)
        assert kept == ["a"]

    @given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=10))
    def test_the_best_is_never_stopped_and_others_count_by_rank(self, values: list[float]) -> None:
        curves = at(1, *values)
        verdicts = {name: self.ASHA.judge(name, 1, curves) for name in curves[1]}
        best = max(values)
        assert all(verdicts[name] is None for name, v in curves[1].items() if v == best)
        # Whoever is better than one who goes on goes on.
        lowest = min(v for name, v in curves[1].items() if verdicts[name] is None)
        assert all(verdicts[name] is None for name, v in curves[1].items() if v > lowest)

    # Of single precision: far enough from the smallest double for each to be scaled exactly.
    @given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=2, max_size=10), st.integers(-8, 8))
    def test_the_unit_of_the_objective_does_not_matter(
        self, values: list[float], exponent: int
    ) -> None:
        scaled = at(1, *(v * 2.0**exponent for v in values))
        for name in scaled[1]:
            before = self.ASHA.judge(name, 1, at(1, *values))
            assert self.ASHA.judge(name, 1, scaled) == before

    @pytest.mark.parametrize(
        ("grace", "factor"), [(0, 3), (-1, 3), (1, 1), (1, 0.5), (1, -2), (1, math.inf), (1, 1e300)]
    )
    def test_refuses(self, grace: int, factor: float) -> None:
        with pytest.raises(ConfigError, match=re.escape(f"> 1, not {grace} and {factor}")):
            Asha(grace, factor)

    @pytest.mark.parametrize(
        ("value", "others", "goes_on"),
        [
            (NAN, (), True),  # nobody to compare with
            (NAN, (0.0,), False),
            (NAN, (-INF,), False),  # below every number
            (NAN, (NAN,) * 8 + (-1.0,), False),
            (NAN, (NAN, NAN), True),  # all alike
            (-INF, (NAN, NAN), True),
            (0.5, (NAN, NAN, NAN), True),
            (0.5, (-INF, 1.0), False),
            (1.0, (-INF, 1.0), True),
            (INF, (1.0, 2.0), True),
            (5.0, (0.0, INF), False),
            (1e308, (-1e308, 1e307), True),  # their difference overflows
        ],
    )
    def test_what_is_no_number_never_wins(
        self, value: float, others: tuple[float, ...], goes_on: bool
    ) -> None:
        assert (self.ASHA.judge("a", 1, at(1, value, *others)) is None) == goes_on


class TestBrackets:
    def test_each_begins_a_rung_later(self) -> None:
        rule = Asha(grace=1, factor=3, brackets=3)
        first = {b: next(n for n in range(99) if bracket(n, 3, 3) == b) for b in range(3)}
        assert {b: rungs(rule, 30, n, 99) for b, n in first.items()} == {
            0: [1, 3, 9, 27],
            1: [3, 9, 27],
            2: [9, 27],
        }

    def test_rungs_that_fall_together_are_judged_in_every_bracket(self) -> None:
        """With factor 1.1 the first rungs of five brackets are all at epoch 1."""
        rule = Asha(grace=1, factor=1.1, brackets=3)
        for own in range(3):
            number = next(n for n in range(99) if bracket(n, 3, 1.1) == own)
            assert rungs(rule, 4, number, 99) == [1, 2, 3, 4]

    def test_a_trial_is_judged_among_its_own(self) -> None:
        rule = Asha(grace=1, factor=3, brackets=2)
        numbers = [n for n in range(40) if bracket(n, 2, 3) == 0]
        others = [n for n in range(40) if bracket(n, 2, 3) == 1]
        curves = {3: {f"{n:04d}": 1.0 for n in others}}
        curves[3][f"{numbers[0]:04d}"] = 0.0
        assert rule.judge(f"{numbers[0]:04d}", 3, curves) is None
        curves[3] |= {f"{n:04d}": 0.5 for n in numbers[1:4]}
        assert rule.judge(f"{numbers[0]:04d}", 3, curves) == (
            "asha: 4th of the 4 in bracket 0 at epoch 3, and only the best third goes on"
        )

    @pytest.mark.parametrize(("brackets", "factor"), [(1, 3), (2, 2), (3, 3), (5, 3), (4, 2.5)])
    def test_a_round_has_the_shares_of_hyperband(self, brackets: int, factor: float) -> None:
        sizes = [math.ceil(brackets * factor**r / (r + 1)) for r in reversed(range(brackets))]
        counts = Counter(bracket(n, brackets, factor) for n in range(sum(sizes)))
        assert [counts[b] for b in range(brackets)] == sizes

    @given(st.integers(2, 6), st.sampled_from([2, 2.5, 3, 4]), st.integers(1, 60))
    def test_the_first_few_are_spread_too(self, brackets: int, factor: float, n: int) -> None:
        sizes = [math.ceil(brackets * factor**r / (r + 1)) for r in reversed(range(brackets))]
        counts = Counter(bracket(number, brackets, factor) for number in range(n))
        for own, size in enumerate(sizes):
            assert abs(counts[own] - n * size / sum(sizes)) < 3

    @pytest.mark.parametrize(("brackets", "rule"), [(0, "brackets >= 1"), (20, "fewer, such as")])
    def test_refuses(self, brackets: int, rule: str) -> None:
        with pytest.raises(ConfigError, match=rule):
            Asha(grace=1, factor=10, brackets=brackets)


class TestHyperband:
    @pytest.mark.parametrize(
        ("grace", "factor", "epochs", "brackets"),
        [
            (1, 3, 1, 1),
            (1, 3, 2, 1),
            (1, 3, 3, 2),
            (1, 3, 26, 3),
            (1, 3, 27, 4),  # whose last trials are never judged
            (1, 3, 243, 6),  # log 243 / log 3 is 4.999… to a computer
            (4, 2, 40, 4),
            (1, 2.5, 40, 5),  # 1 2.5 6.25 15.6 39.06
        ],
    )
    def test_has_every_bracket_that_fits(
        self, grace: int, factor: float, epochs: int, brackets: int
    ) -> None:
        assert Hyperband(grace, factor, epochs).brackets == brackets

    def test_is_asha_in_those_brackets(self) -> None:
        band, asha = Hyperband(1, 3, 30), Asha(1, 3, brackets=4)
        for number in range(20):
            assert rungs(band, 30, number, 99) == rungs(asha, 30, number, 99)
        curves = {1: {"0000": 0.0, "0002": 1.0}}
        reason = band.judge("0000", 1, curves)
        told = "2nd of the 2 in bracket 0 at epoch 1, and only the best third goes on"
        assert reason == f"hyperband: {told}"

    @pytest.mark.parametrize(
        ("grace", "factor", "epochs", "rule"),
        [
            (0, 3, 9, "grace >= 1"),
            (1, 1, 9, "factor > 1"),
            (10, 3, 9, "within the epochs of a trial, not 10 of 9"),
            (1, 1.001, 1000, "a higher factor"),
        ],
    )
    def test_refuses(self, grace: int, factor: float, epochs: int, rule: str) -> None:
        with pytest.raises(ConfigError, match=rule):
            Hyperband(grace, factor, epochs)
