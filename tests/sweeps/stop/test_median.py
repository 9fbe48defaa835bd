"""The rules that compare with the others' curves, worked by hand."""

from __future__ import annotations

import math

import pytest

from sweeps.stop import Median, Percentile
from trainers.errors import ConfigError

NAN, INF = math.nan, math.inf
History = dict[int, dict[str, float]]


def history(**curves: tuple[float, ...]) -> History:
    """Curves of trials by name: a=(0.1, 0.2)."""
    told: History = {}
    for name, values in curves.items():
        for epoch, value in enumerate(values, 1):
            told.setdefault(epoch, {})[name] = value
    return told


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
            assert reason == (
                "median: its best so far is worse than the median of 3 others at epoch 2"
            )

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

    def test_the_average_of_equals_is_a_tie(self) -> None:
        """Three times 0.1 by 3 is a little more than 0.1 to a computer."""
        curves = history(a=(0.1,) * 3, b=(0.1,) * 3)
        assert Median(grace=1, trials=1).judge("a", 3, curves) is None

    @pytest.mark.parametrize(
        ("own", "others", "goes_on"),
        [
            ((NAN, NAN), ((0.1, 0.1),), False),
            ((NAN, NAN), ((NAN, NAN),), True),
            ((NAN, 0.1), ((NAN, NAN),), True),
            ((NAN, 0.5), ((NAN, 0.4),), True),  # an average over what is a number
            ((NAN, 0.3), ((NAN, 0.4),), False),
            ((0.5, 0.5), ((-INF, 0.4), (INF, 0.4)), False),  # between two infinities the higher
            ((0.5, 0.5), ((INF, -INF),), False),
            ((1.7e308, 1e308), ((1.6e308, 1.6e308),), True),  # their sum overflows
        ],
    )
    def test_what_is_no_number_never_wins(
        self, own: tuple[float, ...], others: tuple[tuple[float, ...], ...], goes_on: bool
    ) -> None:
        curves = history(a=own, **dict(zip("bcd", others, strict=False)))
        assert (Median(grace=1, trials=1).judge("a", 2, curves) is None) == goes_on


class TestPercentile:
    #: Best so far after two epochs: 0.2 0.4 0.6 0.8; the best 25 % begin at 0.65.
    OTHERS = {"b": (0.2, 0.1), "c": (0.4, 0.3), "d": (0.5, 0.6), "e": (0.7, 0.8)}  # noqa: RUF012

    @pytest.mark.parametrize(
        ("percent", "own", "goes_on"),
        [
            (25.0, (0.1, 0.66), True),
            (25.0, (0.66, 0.1), True),  # the best so far counts, not the last
            (25.0, (0.1, 0.64), False),
            (50.0, (0.1, 0.51), True),
            (50.0, (0.5, 0.5), True),  # a tie
            (50.0, (0.1, 0.49), False),
            (99.9, (0.1, 0.21), True),
            (99.9, (0.1, 0.19), False),
        ],
    )
    def test_by_hand(self, percent: float, own: tuple[float, ...], goes_on: bool) -> None:
        reason = Percentile(percent, 1, 4).judge("a", 2, history(a=own, **self.OTHERS))
        assert (reason is None) == goes_on
        if reason is not None:
            rank = {25.0: "2nd", 50.0: "3rd", 99.9: "5th"}[percent]
            told = f"{rank} of 5 by its best so far at epoch 2"
            assert reason == f"percentile: {told}, and only the best {percent:g} % go on"

    def test_not_before_its_time_nor_against_too_few(self) -> None:
        curves = history(a=(0.0, 0.0, 0.0), **self.OTHERS)
        assert Percentile(25, 2, 4).judge("a", 1, curves) is None
        assert Percentile(25, 1, 5).judge("a", 2, curves) is None
        assert Percentile(25, 1, 1).judge("a", 3, curves) is None  # nobody came as far
        assert Percentile(25, 1, 4).judge("a", 1, curves) is not None

    @pytest.mark.parametrize(
        ("own", "goes_on"), [((NAN, NAN), False), ((NAN, 0.9), True), ((0.9, NAN), True)]
    )
    def test_what_is_no_number_never_wins(self, own: tuple[float, ...], goes_on: bool) -> None:
        curves = history(a=own, **self.OTHERS)
        assert (Percentile(25, 1, 4).judge("a", 2, curves) is None) == goes_on

    @pytest.mark.parametrize("percent", [0, 100, -5, NAN])
    def test_refuses_percents(self, percent: float) -> None:
        with pytest.raises(ConfigError, match="between 0 and 100 such as 25, not"):
            Percentile(percent, 1, 1)

    def test_refuses_counts(self) -> None:
        with pytest.raises(ConfigError, match=r"stop=percentile needs .* not 0 and 1"):
            Percentile(25, 0, 1)
