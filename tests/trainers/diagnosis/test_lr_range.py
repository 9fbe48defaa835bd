"""The learning-rate range test: on curves that are known, and on trainings."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainers.config import TrainConfig
from trainers.diagnosis.lr_range import HIGH, LOW, STEPS, LrRange, exploded, judge, lr_range

Compose = Callable[..., TrainConfig]
RATES = np.geomspace(LOW, HIGH, STEPS)


def curve(steepest: float, rising: float, noise: float = 0.0, seed: int = 0) -> list[float]:
    """Falls from 2.3 to 0.2, fastest at one rate, and rises steeply from another on."""
    x = np.log10(RATES)
    fall = 2.1 / (1 + np.exp(-4 * (x - np.log10(steepest))))
    rise = 3.0 * np.clip(x - np.log10(rising), 0, None) ** 2
    return list(2.3 - fall + rise + noise * np.random.default_rng(seed).normal(size=STEPS))


@given(
    steepest=st.floats(-4, -2),
    further=st.floats(1.0, 2.0),
    seed=st.integers(0, 1000),
)
def test_finds_where_a_curve_falls_and_rises(steepest: float, further: float, seed: int) -> None:
    losses = curve(10**steepest, 10 ** (steepest + further), 0.02, seed)
    found = judge(RATES.tolist(), losses, 10**steepest)
    assert found.steepest is not None
    assert found.largest is not None
    assert abs(math.log10(found.steepest) - steepest) < 0.35
    assert 0 < math.log10(found.largest) - (steepest + further) + 0.3 < 1.0
    assert found.ok


@pytest.mark.parametrize(
    ("configured", "ok", "word"), [(1e-6, False, "low"), (1e-3, True, ""), (2.0, False, "high")]
)
def test_the_configured_rate_is_judged(configured: float, ok: bool, word: str) -> None:
    found = judge(RATES.tolist(), curve(1e-3, 1e-1), configured)
    assert found.ok is ok
    if ok:
        assert "usable" in found.verdict
        assert found.advice == ""
    else:
        assert f"is too {word}" in found.verdict
        assert "try optimizer.lr=0.00" in found.advice


def test_a_curve_that_never_falls_has_nothing_to_suggest() -> None:
    noise = np.random.default_rng(0).normal(size=STEPS) * 0.02
    found = judge(RATES.tolist(), list(2.3 + noise), 1e-3)
    assert (found.steepest, found.largest, found.ok) == (None, None, False)
    assert "no learning rate from 1e-06 to 10 makes the loss fall" in found.verdict


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_ends_the_curve(bad: float) -> None:
    losses = [*curve(1e-3, 1e-1)[:100], bad, 1.0]
    found = judge(RATES[:102].tolist(), losses, 1e-3)
    assert len(found.rates) == len(found.losses) == len(found.smoothed) == 100
    broken = judge(RATES[:10].tolist(), [bad] * 10, 1e-3)
    assert "from the first step on" in broken.verdict
    assert not broken.ok


def test_exploded_is_four_times_the_least_but_not_one_bad_batch() -> None:
    calm = [2.0] * 20
    assert exploded(calm) == 20
    assert exploded([*calm, 9.0, *calm]) == 41
    assert exploded([*calm, *[9.0] * 9]) < 29
    assert exploded([2.0] * 9 + [1e-5] * 40 + [1e-3] * 9) == 58, "tiny to small is no explosion"


@pytest.mark.parametrize(("optimizer", "low", "high"), [("adamw", 3e-4, 3e-2), ("sgd", 1e-3, 0.3)])
def test_of_a_training_the_suggestion_is_sensible(
    optimizer: str, low: float, high: float, small: Compose
) -> None:
    found = lr_range(small(f"optimizer={optimizer}", "data.fraction=1.0", "model.width=32"))
    assert found.steepest is not None
    assert found.largest is not None
    assert low < found.steepest < high
    assert found.steepest < found.largest <= HIGH
    assert found.losses[0] == pytest.approx(math.log(10), rel=0.3)


def test_the_schedule_has_no_part_in_it(small: Compose) -> None:
    one, other = lr_range(small("schedule=one_cycle")), lr_range(small("schedule=none"))
    assert one == other
    assert one.configured == pytest.approx(small().optimizer["lr"])


def test_the_seed_decides_and_nothing_before(small: Compose) -> None:
    told: list[int] = []
    first = lr_range(small(), told.append)
    torch.rand(7)
    assert lr_range(small()) == first
    assert lr_range(small("seed=1")).losses != first.losses
    assert told == sorted(told)
    assert told[-1] >= len(first.losses)


def test_rates_rise_by_equal_ratios(small: Compose) -> None:
    found = lr_range(small())
    np.testing.assert_allclose(found.rates, RATES[: len(found.rates)])


def test_an_interval_to_sweep_is_in_the_grammar_of_the_space() -> None:
    found = LrRange((1e-6,), (1.0,), (1.0,), 1e-3, 0.1, 5.0)
    assert found.advice.endswith("optimizer.lr=tag(log,interval(0.0001,0.01))")
    narrow = LrRange((1e-6,), (1.0,), (1.0,), 1e-3, 2e-3, 5.0)
    assert narrow.advice.endswith("optimizer.lr=tag(log,interval(0.0001,0.002))")
