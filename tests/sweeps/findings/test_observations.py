"""Scores are compared at equal epochs, and what varied becomes a design."""

from __future__ import annotations

import math

import pytest

from sweeps.findings.observations import blind, observe, place_of, score_at, stopped_by_rule
from sweeps.space.dimensions import Choice, Interval
from sweeps.trials import Objective, Source, State
from tests.sweeps.findings.made_sweeps import METRIC, SPACE, drawn, halved, trial

UP, DOWN = Objective(METRIC, True), Objective(METRIC, False)


def test_all_are_compared_at_the_last_epoch_of_the_first_that_a_rule_stopped() -> None:
    trials = halved(drawn(12, lambda p: 0.5), rung=3)
    observed = observe(trials, UP, SPACE, {}, None)
    assert observed.epoch == 3
    assert len(observed.trials) == 12
    assert observed.scores.tolist() == [max(t.epochs[e][METRIC] for e in (1, 2, 3)) for t in trials]


def test_who_has_not_got_there_or_failed_or_was_taken_over_is_left_out() -> None:
    whole = trial(0, {}, [0.1, 0.2, 0.3])
    out = [
        trial(1, {}, [0.1], State.STOPPED, reason="the budget of 9 trials is spent"),
        trial(2, {}, [0.1, 0.2, 0.3], State.FAILED, reason="out of memory"),
        trial(3, {}, [0.1, 0.2, 0.3], source=Source("0000", epoch=2)),
        trial(4, {}, [math.nan] * 3),
    ]
    running = trial(5, {}, [0.1, 0.2, 0.3], State.RUNNING)
    observed = observe([whole, *out, running], UP, {}, {}, None)
    assert [t.number for t in observed.trials] == [0, 5]
    assert observed.epoch == 3


def test_more_is_better_whatever_the_objective() -> None:
    one = trial(0, {}, [0.5, 0.2, math.nan])
    assert score_at(one, UP, 3) == 0.5
    assert score_at(one, DOWN, 3) == -0.2
    assert score_at(one, DOWN, 4) is None


@pytest.mark.parametrize(
    ("reason", "by_rule"),
    [
        ("asha: 2nd of 2 at epoch 1, and only the best third goes on", True),
        ("the budget of 9 trials is spent", False),
        ("a person stopped it in W&B", False),
    ],
)
def test_a_rule_has_a_name(reason: str, by_rule: bool) -> None:
    assert stopped_by_rule(trial(0, {}, [0.1], State.STOPPED, reason=reason)) is by_rule


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("optuna.samplers.RandomSampler", True),
        ("sweeps.search.Ablation", True),
        ("optuna.samplers.TPESampler", False),
        ("mylab.Sampler", False),
    ],
)
def test_a_search_that_looks_at_no_score_is_blind(target: str, told: bool) -> None:
    assert blind({"_target_": target}) is told
    assert not blind(None)


def test_an_interval_is_cut_on_its_own_scale() -> None:
    trials = drawn(60, lambda p: 0.5)
    factors = {f.key: f for f in observe(trials, UP, SPACE, {}, None).factors}
    lr = factors["optimizer.lr"]
    assert len(lr.levels) == 3
    assert lr.levels[0].high <= 1e-3 <= lr.levels[1].low
    assert lr.contrasts == [(1, 0), (2, 1)]
    few = {f.key: f for f in observe(trials[:12], UP, SPACE, {}, None).factors}
    assert len(few["optimizer.lr"].levels) == 2


def test_values_are_compared_with_the_baselines() -> None:
    trials = [trial(i, {"a": v}, [0.1]) for i, v in enumerate([3, 1, "1", True, [1, 2]])]
    dimensions = {"a": Choice((1, "1", True, [1, 2], 3))}
    observed = observe(trials, UP, dimensions, {}, trials[0])
    (factor,) = observed.factors
    assert [level.value for level in factor.levels] == [1, "1", True, [1, 2], 3]
    assert factor.reference == 4
    assert len(factor.contrasts) == 4


def test_keys_with_one_value_and_the_seed_are_no_factors() -> None:
    trials = [trial(i, {"a": 1, "seed": i}, [0.1]) for i in range(4)]
    dimensions = {"a": Choice((1, 2)), "seed": Choice((0, 1, 2, 3))}
    assert observe(trials, UP, dimensions, {}, None).factors == ()


@pytest.mark.parametrize(
    ("dimension", "value", "at"),
    [
        (Interval(0, 10), 5, 0.5),
        (Interval(1e-4, 1e-2, log=True), 1e-3, 0.5),
        (Interval(0.9, 0.999, log1m=True), 0.99, 0.5),
        (Interval(1, 1), 1, 0.5),
        (Interval(1e-4, 1e-2, log=True), -1, None),
        (Interval(0, 1), "x", None),
        (Interval(0, 1), True, None),
        (Interval(0, 1), math.nan, None),
    ],
)
def test_places_on_a_scale(dimension: Interval, value: object, at: float | None) -> None:
    assert place_of(dimension, value) == (None if at is None else pytest.approx(at))
