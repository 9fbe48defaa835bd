"""The noise between seeds, from repeats, or bounded by what a model leaves."""

from __future__ import annotations

import pytest

from sweeps.findings.observations import observe
from sweeps.findings.seed_noise import noise_of, seed_noise, unexplained
from sweeps.trials import Objective, State
from tests.sweeps.findings.made_sweeps import METRIC, SPACE, drawn, halved, repeat, trial

UP = Objective(METRIC, True)


def test_repeats_are_pooled_without_the_one_that_was_picked() -> None:
    a, b = trial(0, {"a": 1}, [0.99]), trial(1, {"a": 2}, [0.7])
    again = [repeat(2, a, 1, [0.5]), repeat(3, a, 2, [0.7]), repeat(4, b, 1, [0.6])]
    again += [repeat(5, b, 2, [0.6]), repeat(6, b, 3, [0.6])]
    noise = seed_noise([a, b, *again], UP)
    assert noise is not None
    assert noise.freedom == 3
    assert noise.sd == pytest.approx((0.02 / 3) ** 0.5)
    assert noise.repeated


def test_a_swept_seed_tells_it_too() -> None:
    trials = [trial(i, {"a": i // 2, "seed": i % 2}, [0.5 + 0.1 * (i % 2)]) for i in range(4)]
    noise = seed_noise(trials, UP)
    assert noise is not None
    assert noise.sd == pytest.approx(0.1 / 2**0.5)


def test_stopped_ones_and_single_ones_tell_nothing() -> None:
    one = trial(0, {"a": 1}, [0.5])
    stopped = repeat(2, one, 2, [0.9])
    stopped = trial(2, one.params, [0.9], State.STOPPED, source=stopped.source)
    assert seed_noise([one, repeat(1, one, 1, [0.5]), stopped], UP) is None


def test_otherwise_a_model_bounds_it_where_all_ran_to_their_end() -> None:
    trials = drawn(60, lambda p: 0.5 + 0.1 * (p["activation"] == "gelu"), noise=0.01)
    observed = observe(trials, UP, SPACE, {}, None)
    noise = noise_of(trials, UP, observed)
    assert noise is not None
    assert not noise.repeated
    assert 0.006 < noise.sd < 0.014
    early = halved(trials)
    assert noise_of(early, UP, observe(early, UP, SPACE, {}, None)) is None


def test_of_too_few_or_equal_trials_there_is_none() -> None:
    for trials in (drawn(5, lambda p: 0.5), drawn(30, lambda p: 0.5, noise=0.0)):
        assert unexplained(observe(trials, UP, SPACE, {}, None)) is None
