from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.data.splits import hold_out, subset
from trainers.errors import DataError

Labels = npt.NDArray[np.int64]

some_labels = st.lists(st.integers(0, 4), min_size=10, max_size=300).map(
    lambda labels: np.array(labels, dtype=np.int64)
)
shares = st.floats(0.001, 1.0)
seeds = st.integers(0, 2**32 - 1)


def count(labels: Labels, rows: Labels, label: int) -> int:
    return int((labels[rows] == label).sum())


@given(some_labels, st.floats(0.001, 0.999), seeds)
def test_held_and_kept_divide_every_class(labels: Labels, share: float, seed: int) -> None:
    try:
        kept, held = hold_out(labels, share, seed)
    except DataError:
        assert all(round(share * n) == 0 or n == 1 for n in np.bincount(labels))
        return
    assert sorted([*kept, *held]) == list(range(len(labels)))
    assert list(kept) == sorted(kept)
    assert list(held) == sorted(held)
    for label in np.unique(labels):
        size = int((labels == label).sum())
        assert abs(count(labels, held, label) - share * size) <= 1
        assert count(labels, kept, label) >= 1


@given(some_labels, shares, shares, seeds)
def test_a_smaller_fraction_is_part_of_a_larger(
    labels: Labels, a: float, b: float, seed: int
) -> None:
    small, large = (set(subset(labels, f, seed).tolist()) for f in sorted((a, b)))
    assert small <= large


@given(some_labels, shares, seeds)
def test_a_fraction_is_stratified(labels: Labels, fraction: float, seed: int) -> None:
    rows = subset(labels, fraction, seed)
    assert len(set(rows.tolist())) == len(rows)
    for label in np.unique(labels):
        size = int((labels == label).sum())
        assert abs(count(labels, rows, label) - fraction * size) <= 1
        assert count(labels, rows, label) >= 1


@given(some_labels, seeds)
def test_the_whole_is_the_whole(labels: Labels, seed: int) -> None:
    assert subset(labels, 1.0, seed).tolist() == list(range(len(labels)))


def test_the_seed_decides() -> None:
    labels = np.repeat(np.arange(4), 50)
    first, again, other = (hold_out(labels, 0.2, seed)[1].tolist() for seed in (1, 1, 2))
    assert first == again != other
    one, same, two = (subset(labels, 0.2, seed).tolist() for seed in (1, 1, 2))
    assert one == same != two


def test_a_share_that_holds_out_nothing_is_refused() -> None:
    with pytest.raises(DataError, match=r"data\.validation=0\.001 of 40 examples"):
        hold_out(np.repeat(np.arange(4), 10), 0.001, 0)
