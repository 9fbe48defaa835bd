from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.models.widths import SHAPES, widths_of


@pytest.mark.parametrize(
    ("shape", "depth", "widths"),
    [
        ("cylinder", 3, [64, 64, 64]),
        ("pyramid", 3, [64, 32, 16]),
        ("inverse_pyramid", 3, [16, 32, 64]),
        ("diamond", 1, [64]),
        ("diamond", 2, [32, 64]),
        ("diamond", 5, [16, 32, 64, 32, 16]),
        ("diamond", 8, [4, 8, 16, 32, 64, 32, 16, 8]),
        ("pyramid", 9, [64, 32, 16, 8, 4, 2, 1, 1, 1]),
    ],
)
def test_archetypes(shape: str, depth: int, widths: list[int]) -> None:
    assert widths_of(shape, 64, depth) == widths


@given(st.sampled_from(SHAPES), st.integers(1, 3000), st.integers(1, 12))
def test_the_widest_layer_is_as_wide_as_asked(shape: str, width: int, depth: int) -> None:
    widths = widths_of(shape, width, depth)
    assert len(widths) == depth
    assert max(widths) == width
    assert min(widths) >= 1
