"""Comparisons that hold for every float."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeps.stop.comparisons import below, best, numbers, others, quantile

NAN, INF = math.nan, math.inf
ANY = st.floats(allow_nan=True, allow_infinity=True)


@given(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=30), st.floats(0, 1))
def test_quantile_is_numpys(values: list[float], share: float) -> None:
    assert quantile(values, share) == np.quantile(values, share)


@given(st.lists(ANY, min_size=1, max_size=9), st.floats(0, 1))
def test_quantile_of_anything_is_among_the_values(values: list[float], share: float) -> None:
    ordered = sorted(-INF if math.isnan(value) else value for value in values)
    assert ordered[0] <= quantile(values, share) <= ordered[-1]


@pytest.mark.parametrize(
    ("values", "expected"), [((), NAN), ((NAN,), NAN), ((NAN, 1, NAN), 1), ((-INF, NAN), -INF)]
)
def test_best(values: tuple[float, ...], expected: float) -> None:
    found = best(list(values))
    assert found == expected or (math.isnan(expected) and math.isnan(found))


@given(st.lists(ANY, max_size=6))
def test_numbers_are_all_but_nan(values: list[float]) -> None:
    assert numbers(values) == [value for value in values if value == value]


def test_below() -> None:
    assert below(0.1, 0.2, [0.2])
    assert not below(0.2, 0.2, [0.2])
    assert below(NAN, -INF, [NAN, -INF])
    assert not below(NAN, -INF, [NAN, NAN])
    assert not below(0.0, -INF, [NAN])


@given(st.lists(ANY, min_size=1, max_size=9), st.data())
def test_others_are_all_but_one(values: list[float], data: st.DataObject) -> None:
    named = {f"{number:04d}": value for number, value in enumerate(values)}
    trial = data.draw(st.sampled_from(sorted(named)))
    expected = [value for other, value in named.items() if other != trial]
    assert np.array_equal(np.sort(others(named, trial)), np.sort(expected), equal_nan=True)
