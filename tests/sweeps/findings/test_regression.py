"""Least squares beside a model of the rest."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeps.findings.observations import observe
from sweeps.findings.regression import Estimate, coefficient, contrast_design, whole_design
from sweeps.trials import Objective
from tests.sweeps.findings.made_sweeps import METRIC, SPACE, drawn


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_is_least_squares(seed: int) -> None:
    random = np.random.default_rng(seed)
    design = np.concatenate([np.ones((30, 1)), random.normal(size=(30, 4))], axis=1)
    column, scores = random.normal(size=(2, 30))
    found = coefficient(design, column, scores)
    whole = np.concatenate([design, column[:, None]], axis=1)
    fit, left, *_ = np.linalg.lstsq(whole, scores, rcond=None)
    variance = np.linalg.inv(whole.T @ whole)[-1, -1] * left[0] / 24
    assert found.value == pytest.approx(fit[-1])
    assert found.error == pytest.approx(math.sqrt(variance))
    assert found.freedom == 24


def test_what_the_design_has_already_cannot_be_told() -> None:
    design = np.ones((5, 2))
    assert not coefficient(design, np.ones(5), np.arange(5.0)).known


def test_equal_scores_say_nothing_about_chance() -> None:
    column = np.array([0.0, 1, 0, 1, 0, 1])
    found = coefficient(np.ones((6, 1)), column, np.full(6, 0.5))
    assert found.interval(0.95) == (-math.inf, math.inf)
    assert found.chance == 1.0


def test_an_interval_is_students() -> None:
    low, high = Estimate(1.0, 0.5, 10).interval(0.95)
    assert (low, high) == (pytest.approx(1 - 1.114, abs=1e-3), pytest.approx(1 + 1.114, abs=1e-3))
    assert Estimate(1.0, 0.5, 10).chance == pytest.approx(0.0734, abs=1e-3)


@pytest.mark.parametrize("count", [6, 12, 24, 60])
def test_a_model_has_a_column_for_three_trials(count: int) -> None:
    observed = observe(drawn(count, lambda p: 0.5), Objective(METRIC, True), SPACE, {}, None)
    assert whole_design(observed).shape[1] <= max(count / 3, 1)
    for factor in observed.factors:
        for a, b in factor.contrasts:
            assert contrast_design(observed, factor, a, b).shape[1] <= max(count / 3, 3)
