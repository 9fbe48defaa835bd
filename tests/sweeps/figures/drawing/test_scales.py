"""Values keep their order on every scale; ticks are at 1, 2, 5, within, few and told apart."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sweeps.figures.drawing.scales import (
    Categories,
    Linear,
    Log,
    LogToOne,
    finite,
    focused,
    log_ticks,
    objective_scale,
    scale_for,
    tick_label,
)

numbers = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e250, max_value=1e250)
anything = st.one_of(st.floats(), st.integers(), st.booleans(), st.none(), st.text())


@given(st.lists(anything))
def test_whatever_is_a_number_lies_on_its_scale(values: list[object]) -> None:
    scale = scale_for(values)
    for value in values:
        at = scale.at(value)
        assert (at is None) == (finite(value) is None)
        assert at is None or -1e-9 <= at <= 1 + 1e-9


@example([9.545454544990455e249, 9.545454545e249], 4)  # the highest tick is as good as infinite
@given(st.lists(numbers, min_size=2), st.integers(2, 12))
def test_order_is_kept_and_ticks_are_within(values: list[float], most: int) -> None:
    scale = scale_for(values)
    places = [scale.at(value) for value in sorted(values)]
    assert places == sorted(places, key=lambda at: -1.0 if at is None else at)
    ticks = scale.ticks(most)
    assert len(ticks) <= most
    assert [tick.at for tick in ticks] == sorted(tick.at for tick in ticks)
    assert all(-1e-6 <= tick.at <= 1 + 1e-6 for tick in ticks)


@given(st.floats(-1e6, 1e6), st.floats(1e-4, 1e6), st.integers(3, 12))
def test_linear_ticks_are_equal_steps_of_1_2_5(low: float, span: float, most: int) -> None:
    scale = Linear(low, low + span)
    ticks = scale.ticks(most)
    assert len(ticks) >= 1
    assert len({tick.label for tick in ticks}) == len(ticks)
    steps = [(b.at - a.at) * span for a, b in itertools.pairwise(ticks)]
    for step in steps:
        lead = step / 10 ** math.floor(math.log10(step) + 1e-3)
        assert min(abs(lead - nice) for nice in (1, 2, 5, 10)) < 0.02


@example(-4.0, 12.0, 3)  # none is 0, which a logarithmic axis has not
@given(st.floats(-12, 8), st.floats(0.1, 20), st.integers(3, 12))
def test_log_ticks(exponent: float, decades: float, most: int) -> None:
    low, high = 10**exponent, 10 ** (exponent + decades)
    ticks = log_ticks(low, high, most)
    assert 1 <= len(ticks) <= most
    assert ticks == sorted(set(ticks))
    assert all(low * 0.999 <= tick <= high * 1.001 for tick in ticks)


@pytest.mark.parametrize(
    ("low", "high", "most", "labels"),
    [
        (1e-4, 0.3, 12, ["1e-4", "2e-4", "5e-4", "0.001", "0.002", "0.005", "0.01", "0.02",
                         "0.05", "0.1", "0.2"]),
        (1e-4, 0.3, 8, ["1e-4", "3e-4", "0.001", "0.003", "0.01", "0.03", "0.1", "0.3"]),
        (1e-4, 0.3, 5, ["1e-4", "0.001", "0.01", "0.1"]),
        (32, 256, 10, ["50", "100", "200"]),
        (1e-12, 1e12, 6, ["1e-10", "1e-5", "1", "100,000", "1e10"]),
    ],
)  # fmt: skip
def test_ticks_of_a_learning_rate(low: float, high: float, most: int, labels: list[str]) -> None:
    assert [tick.label for tick in Log(low, high).ticks(most)] == labels


def test_a_known_value_is_where_it_belongs() -> None:
    assert Log(1e-4, 1e-2).at(1e-3) == pytest.approx(0.5)
    assert Linear(-1, 3).at(0) == pytest.approx(0.25)
    assert Categories(("a", "b")).at("b") == 0.75
    assert Log(1, 10).at(0) is None
    assert Log(1, 10).at(-1) is None


def test_momenta_are_placed_by_what_is_left_to_1() -> None:
    scale = LogToOne(0.9, 0.999)
    assert scale.at(0.99) == pytest.approx(0.5)
    assert [tick.label for tick in scale.ticks(8)] == [
        "0.9", "0.95", "0.98", "0.99", "0.995", "0.998", "0.999"
    ]  # fmt: skip
    assert scale.at(1) is None
    assert scale.at(1 - 1e-16) == 1, "as near to 1 as the scale goes"


def test_whole_numbers_have_whole_ticks() -> None:
    assert [tick.label for tick in Linear(1, 3, True).ticks(10)] == ["1", "2", "3"]


def test_many_categories_leave_labels_out() -> None:
    scale = Categories(tuple(f"c{n}" for n in range(50)))
    assert [tick.label for tick in scale.ticks(10)][:2] == ["c0", "c5"]
    assert scale.at("c49") == pytest.approx(0.99)


@pytest.mark.parametrize(
    ("value", "label"),
    [(0, "0"), (1e-5, "1e-5"), (2.5e-5, "2.5e-5"), (2000, "2,000"), (3e7, "3e7"), (-0.05, "-0.05")],
)
def test_labels(value: float, label: str) -> None:
    assert tick_label(value) == label


def test_the_bad_end_is_cut_only_where_it_takes_most_room() -> None:
    assert focused([0.1, 0.8, 0.9, 0.95], 0.8, True) == pytest.approx((0.725, 0.95))
    assert focused([0.7, 0.8, 0.95], 0.8, True) == (0.7, 0.95)
    assert focused([1e6, 2.0, 1.0], 2.0, False) == (1.0, 2.5)
    assert focused([5.0, 5.0], 5.0, True) == (5.0, 5.0)
    assert focused([5.0, 4.0], 5.0, True) == (4.0, 5.0)


def test_an_objective_is_logarithmic_only_where_the_lowest_is_best() -> None:
    assert isinstance(objective_scale([1e-3, 1.0], maximize=False), Log)
    assert isinstance(objective_scale([1e-3, 1.0], maximize=True), Linear)
    assert isinstance(objective_scale([0.5, 1.0], maximize=False), Linear)
