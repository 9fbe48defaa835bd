"""The options of the bench, and how its shares are summed up; measuring is done by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeps.bench.efficiency import DEFAULTS, GIVEN_UP, _capped, _interval, _options, main
from tests.sweeps.bench.refused import refusal


@pytest.mark.parametrize("word", ["seed=3", "seeds=0", "workers=many", "workers=2.5", "quick"])
def test_refuses_a_bad_option(
    word: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refusal(main, monkeypatch, capsys, "workers=2", word) == (
        f"{word}: this bench takes seeds=20 and workers=4, whole numbers of 1 or more"
    )


def test_takes_its_options_and_else_the_defaults() -> None:
    assert _options([]) == DEFAULTS
    assert _options(["seeds=3"]) == {**DEFAULTS, "seeds": 3}
    assert _options(["workers=1", "seeds=2"]) == {"seeds": 2, "workers": 1}


def test_a_strategy_that_gave_up_counts_with_what_it_was_granted() -> None:
    assert _capped([0.5, math.inf, 1.0]).tolist() == [0.5, GIVEN_UP, 1.0]


@given(st.lists(st.floats(0.0, 2.0), min_size=1, max_size=20))
@settings(max_examples=10, deadline=None)
def test_the_median_lies_in_its_interval(shares: list[float]) -> None:
    low, high = _interval(np.array(shares))
    assert min(shares) <= low <= np.median(shares) <= high <= max(shares)
