"""Rules that pause: who goes on, and to where."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeps.stop import Pasha, Promotion
from trainers.errors import ConfigError

RULE = Promotion(grace=1, factor=3)


def at(epoch: int, *values: float) -> dict[int, dict[str, float]]:
    """Trials 0000, 0001, ... with these values at one epoch."""
    return {epoch: {f"{number:04d}": value for number, value in enumerate(values)}}


def waiting(*numbers: int, epoch: int = 1) -> dict[str, int]:
    return {f"{number:04d}": epoch for number in numbers}


@pytest.mark.parametrize("rule", [RULE, Pasha(1, 3)])
def test_pauses_at_rungs_and_stops_nobody(rule: Promotion | Pasha) -> None:
    assert [epoch for epoch in range(1, 100) if rule.pauses(epoch)] == [1, 3, 9, 27, 81]
    assert rule.judge("0000", 1, at(1, 0.1, 0.9)) is None


def test_rungs_of_a_factor_that_is_no_integer() -> None:
    assert [e for e in range(1, 12) if Promotion(1, 1.3).pauses(e)] == [1, 2, 3, 4, 5, 6, 8, 11]


def test_too_few_to_promote_any() -> None:
    assert RULE.promote(waiting(0, 1), at(1, 0.1, 0.9)) is None
    assert RULE.promote({}, {}) is None


def test_the_best_third_goes_on() -> None:
    assert RULE.promote(waiting(0, 1, 2), at(1, 0.1, 0.9, 0.5)) == "0001"
    # One that was promoted keeps its place among the best.
    assert RULE.promote(waiting(0, 2), at(1, 0.1, 0.9, 0.5)) is None
    assert RULE.promote(waiting(0, 2, 3, 4, 5), at(1, 0.1, 0.9, 0.5, 0, 0, 0)) == "0002"


def test_the_highest_rung_first() -> None:
    curves = at(1, *[0.1 * n for n in range(9)]) | at(3, 0.1, 0.2, 0.3)
    paused = waiting(0, 1, 2, epoch=3) | waiting(3, 4, 5, 6, 7, 8)
    assert RULE.promote(paused, curves) == "0002"
    del paused["0002"]
    assert RULE.promote(paused, curves) == "0008"


def test_of_equals_the_earlier_and_nan_never() -> None:
    assert RULE.promote(waiting(0, 1, 2), at(1, 0.5, 0.5, 0.5)) == "0000"
    assert RULE.promote(waiting(0, 1, 2), at(1, math.nan, 0.1, math.nan)) == "0001"


@given(
    st.dictionaries(
        st.integers(0, 40).map("{:04d}".format),
        st.floats(allow_nan=True, allow_infinity=True),
        min_size=1,
    ),
    st.sampled_from([2, 2.5, 3, 4]),
)
def test_never_more_than_their_share_and_always_the_best(
    values: Mapping[str, float], factor: float
) -> None:
    rule = Promotion(1, factor)
    paused = dict.fromkeys(values, 1)
    gone = []
    while (best := rule.promote(paused, {1: values})) is not None:
        gone.append(best)
        del paused[best]
    assert len(gone) == math.floor(len(values) / factor)
    worst = max((values[t] for t in paused if not math.isnan(values[t])), default=-math.inf)
    assert all(values[t] >= worst or math.isnan(values[t]) for t in gone if math.isfinite(worst))
    backwards = dict(reversed(list(values.items())))
    assert rule.promote(dict.fromkeys(values, 1), {1: backwards}) == (gone or [None])[0]


class TestPasha:
    RULE = Pasha(grace=1, factor=3)

    def curves(self, *rungs: tuple[float, ...]) -> dict[int, dict[str, float]]:
        """Straight lines between the values at epochs 1, 3, 9, ..."""
        found: dict[int, dict[str, float]] = {}
        for level, values in enumerate(rungs):
            found |= at(3**level, *values)
            if level:
                low, high = found[3 ** (level - 1)], found[3**level]
                for epoch in range(3 ** (level - 1) + 1, 3**level):
                    share = (epoch - 3 ** (level - 1)) / (3**level - 3 ** (level - 1))
                    found[epoch] = {t: low[t] + share * (high[t] - low[t]) for t in high}
        return found

    def test_the_ceiling_stays_while_two_rungs_agree(self) -> None:
        assert self.RULE.ceiling({}) == 3
        assert self.RULE.ceiling(self.curves((0.1, 0.2, 0.3, 0.4), (0.2, 0.3, 0.5))) == 3

    def test_it_rises_while_they_disagree(self) -> None:
        changed = self.curves((0.3, 0.2, 0.1), (0.1, 0.2, 0.3))
        assert self.RULE.ceiling(changed) == 9
        settled = self.curves((0.3, 0.2, 0.1), (0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
        assert self.RULE.ceiling(settled) == 9
        again = self.curves((0.3, 0.2, 0.1), (0.1, 0.2, 0.3), (0.6, 0.5, 0.4))
        assert self.RULE.ceiling(again) == 27

    def test_noise_is_no_disagreement(self) -> None:
        """Two that cross again and again, and end in another order than they had."""
        steady = self.curves((0.50, 0.51, 0.9), (0.53, 0.52, 0.9))
        assert self.RULE.ceiling(steady) == 9  # once is no noise
        crossing = {e: dict(v) for e, v in steady.items()}
        crossing[2] |= {"0000": 0.6, "0001": 0.5}
        crossing[3] |= {"0000": 0.52, "0001": 0.53}
        crossing[1] |= {"0000": 0.50, "0001": 0.51}
        assert self.RULE.ceiling(crossing) == 3

    def test_nobody_is_promoted_beyond_the_ceiling(self) -> None:
        agreed = self.curves((0.1, 0.2, 0.3), (0.2, 0.3, 0.4))
        paused = waiting(0, 1, 2, epoch=3)
        assert Promotion(1, 3).promote(paused, agreed) == "0002"
        assert self.RULE.promote(paused, agreed) is None
        changed = self.curves((0.3, 0.2, 0.1), (0.1, 0.2, 0.3))
        assert self.RULE.promote(paused, changed) == "0002"


@pytest.mark.parametrize(("grace", "factor"), [(0, 3), (-1, 3), (1, 1), (1, 0.5)])
@pytest.mark.parametrize("rule", [Promotion, Pasha])
def test_settings_that_make_no_sense(
    rule: type[Promotion | Pasha], grace: int, factor: float
) -> None:
    with pytest.raises(ConfigError, match=r"stop\.grace >= 1 and stop\.factor > 1"):
        rule(grace, factor)


@pytest.mark.parametrize("numbers", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_what_is_no_number_is_in_order_too(numbers: tuple[int, ...]) -> None:
    """Whatever the order in which they came: after a kill it is another."""
    curves = {1: {f"{n:04d}": math.nan for n in numbers}}
    assert RULE.promote({f"{n:04d}": 1 for n in numbers}, curves) == "0000"
