"""Stopping rules, worked by hand and by their laws."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeps.stop import Asha, Curves, Median, Never, Stop
from trainers.errors import ConfigError

RULES: tuple[Stop, ...] = (
    Never(),
    Asha(grace=1, factor=3),
    Asha(grace=2, factor=1.5),
    Median(grace=2, trials=2),
)


def at(epoch: int, *values: float) -> dict[int, dict[str, float]]:
    """Curves of trials a, b, c, … at one epoch only."""
    return {epoch: dict(zip("abcdefghij", values, strict=False))}


class TestAsha:
    ASHA = Asha(grace=1, factor=3)

    def rungs(self, rule: Asha, epochs: int) -> list[int]:
        """The epochs at which the worst of many is stopped."""
        return [
            e for e in range(1, epochs + 1) if rule.judge("a", e, at(e, 0, 1, 2, 3, 4)) is not None
        ]

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
        assert self.rungs(Asha(grace, factor), 30) == expected

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
            assert reason == f"asha: not in the best 1/3 of {len(others) + 1} at epoch 3"

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

    @given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=10), st.integers(-8, 8))
    def test_the_unit_of_the_objective_does_not_matter(
        self, values: list[float], exponent: int
    ) -> None:
        scaled = at(1, *(v * 2.0**exponent for v in values))
        for name in scaled[1]:
            before = self.ASHA.judge(name, 1, at(1, *values))
            assert self.ASHA.judge(name, 1, scaled) == before

    @pytest.mark.parametrize(("grace", "factor"), [(0, 3), (-1, 3), (1, 1), (1, 0.5), (1, -2)])
    def test_refuses(self, grace: int, factor: float) -> None:
        with pytest.raises(ConfigError, match=rf"stop\.grace >= 1 .* {grace} and {factor}"):
            Asha(grace, factor)


class TestMedian:
    MEDIAN = Median(grace=2, trials=3)

    #: Averages of b, c, d after two epochs: 0.3, 0.7, 0.5; their median: 0.5.
    OTHERS = ({"b": 0.2, "c": 0.6, "d": 0.5}, {"b": 0.4, "c": 0.8, "d": 0.5})

    def curves(self, *own: float) -> dict[int, dict[str, float]]:
        others = (*self.OTHERS, *[{}] * (len(own) - 2))
        return {
            epoch: {"a": value, **other}
            for epoch, (value, other) in enumerate(zip(own, others, strict=False), 1)
        }

    @pytest.mark.parametrize(
        ("first", "second", "goes_on"),
        [
            (0.1, 0.6, True),
            (0.1, 0.5, True),  # a tie
            (0.1, 0.49, False),
            (0.6, 0.1, True),  # the best so far counts, not the last
            (0.49, 0.1, False),
        ],
    )
    def test_by_hand(self, first: float, second: float, goes_on: bool) -> None:
        reason = self.MEDIAN.judge("a", 2, self.curves(first, second))
        assert (reason is None) == goes_on
        if reason is not None:
            assert reason == "median: best so far is below the average of 3 others at epoch 2"

    def test_not_before_its_time(self) -> None:
        assert self.MEDIAN.judge("a", 1, self.curves(0.0, 0.0)) is None
        assert Median(grace=1, trials=3).judge("a", 1, self.curves(0.0, 0.0)) is not None

    def test_not_against_too_few(self) -> None:
        assert Median(grace=2, trials=4).judge("a", 2, self.curves(0.0, 0.0)) is None

    def test_only_those_who_came_as_far_are_compared(self) -> None:
        assert self.MEDIAN.judge("a", 3, self.curves(0.0, 0.0, 0.0)) is None

    @pytest.mark.parametrize(("grace", "trials"), [(0, 1), (1, 0), (-1, 3)])
    def test_refuses(self, grace: int, trials: int) -> None:
        with pytest.raises(ConfigError, match=rf"stop\.trials >= 1, not {grace} and {trials}"):
            Median(grace, trials)


@st.composite
def histories(draw: st.DrawFn) -> dict[int, dict[str, float]]:
    """Curves without gaps: who has an epoch has those before it."""
    curves: dict[int, dict[str, float]] = {}
    for name in "abcdef"[: draw(st.integers(1, 6))]:
        for epoch, value in enumerate(draw(st.lists(st.floats(-1e6, 1e6), max_size=9)), 1):
            curves.setdefault(epoch, {})[name] = value
    return curves


@pytest.mark.parametrize("rule", RULES, ids=repr)
class TestLaws:
    @given(history=histories(), data=st.data())
    def test_only_the_curves_decide(self, rule: Stop, history: Curves, data: st.DataObject) -> None:
        """Not what was asked before, nor the order in which the trials are listed."""
        asked = [(name, epoch) for epoch, values in history.items() for name in values]
        before = copy.deepcopy(history)
        verdicts = {question: rule.judge(*question, history) for question in asked}
        shuffled = {
            epoch: dict(data.draw(st.permutations(list(values.items()))))
            for epoch, values in history.items()
        }
        for question in data.draw(st.permutations(asked)):
            assert copy.copy(rule).judge(*question, shuffled) == verdicts[question]
        assert history == before

    @given(history=histories())
    def test_what_comes_later_does_not_matter(self, rule: Stop, history: Curves) -> None:
        for epoch, values in history.items():
            upto = {e: history[e] for e in history if e <= epoch}
            for name in values:
                assert rule.judge(name, epoch, upto) == rule.judge(name, epoch, history)


def test_never_means_never() -> None:
    assert Never().judge("a", 1, at(1, -1e9, 1, 2, 3)) is None
