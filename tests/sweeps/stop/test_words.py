"""The words of the rules' reasons."""

from __future__ import annotations

import math

import pytest

from sweeps.stop.words import best_part, place


@pytest.mark.parametrize(
    ("value", "others", "expected"),
    [
        (0.5, [], "1st"),
        (0.5, [0.9], "2nd"),
        (0.5, [0.5, 0.9], "2nd"),  # an equal one is not ahead
        (-0.5, [-0.4, -0.3, -0.6], "3rd"),  # of a loss, signed
        (math.nan, [0.1, math.nan, -math.inf], "3rd"),
        (0.0, [1.0] * 10, "11th"),
        (0.0, [1.0] * 20, "21st"),
        (0.0, [1.0] * 111, "112th"),
    ],
)
def test_a_place_among_others(value: float, others: list[float], expected: str) -> None:
    assert place(value, others) == expected


@pytest.mark.parametrize(
    ("factor", "expected"),
    [
        (2, "the best half goes"),
        (3.0, "the best third goes"),
        (10, "the best 10 % go"),
        (1.5, "the best 67 % go"),
        (1e6, "the best 0.0001 % go"),
    ],
)
def test_what_goes_on(factor: float, expected: str) -> None:
    assert best_part(factor) == expected
