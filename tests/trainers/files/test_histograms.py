"""Histograms of weights and gradients."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from trainers.files.histograms import BINS, Histogram, load, of, save


def model_of(values: list[float]) -> nn.Module:
    model = nn.Module()
    model.weight = nn.Parameter(torch.tensor(values))
    return model


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=50))
def test_counts_what_numpy_counts(values: list[float]) -> None:
    found = of(model_of(values))["weights/weight"]
    exact = np.array(values, dtype=np.float32)
    assert (found.low, found.high) == (exact.min(), exact.max())
    assert sum(found.counts) == len(values)
    if found.high > found.low:
        # Only numbers on the edge of a bin, by rounding, may be one further.
        wide = exact.astype(np.float64)  # two neighbours have no 64 numbers between them
        counts = np.histogram(wide, BINS, (found.low, found.high))[0]
        assert np.abs(np.cumsum(counts) - np.cumsum(found.counts)).max() <= len(values)
        assert found.counts[0] >= 1 <= found.counts[-1]


def test_of_evenly_spread_numbers_every_bin_has_as_many() -> None:
    found = of(model_of([i + 0.5 for i in range(10 * BINS)]))["weights/weight"]
    assert set(found.counts) <= {9, 10, 11}


def test_what_is_not_finite_is_left_out() -> None:
    found = of(model_of([1.0, math.nan, 3.0, math.inf, -math.inf]))["weights/weight"]
    assert (found.low, found.high, sum(found.counts)) == (1.0, 3.0, 2)
    nothing = of(model_of([math.nan]))["weights/weight"]
    assert (nothing.low, nothing.high, sum(nothing.counts)) == (0.0, 0.0, 0)


def test_gradients_are_counted_where_there_are_any() -> None:
    model = nn.Linear(3, 2)
    assert set(of(model)) == {"weights/weight", "weights/bias"}
    model(torch.ones(4, 3)).sum().backward()
    found = of(model)
    assert set(found) == {f"{k}/{n}" for k in ("weights", "gradients") for n in ("weight", "bias")}
    assert (found["gradients/bias"].low, found["gradients/bias"].high) == (4.0, 4.0)


def test_saved_and_loaded(tmp_path: Path) -> None:
    drawn = {"weights/w": Histogram(-1.0, 2.5, tuple(range(BINS)))}
    save(tmp_path, 7, drawn)
    assert load(tmp_path, 7) == drawn
    assert load(tmp_path, 8) == {}
    assert [p.name for p in (tmp_path / "histograms").iterdir()] == ["epoch_007.json"]


@pytest.mark.parametrize("value", [0.0, -3.5])
def test_of_one_number(value: float) -> None:
    found = of(model_of([value, value]))["weights/weight"]
    assert (found.low, found.high, found.counts[0], sum(found.counts)) == (value, value, 2, 2)
