"""Importances of parameters whose true importance is known."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sweeps.findings.importance import ENOUGH, Importances, importances
from sweeps.space.dimensions import Choice, Dimension, Interval
from sweeps.trials import Objective, Source, State, TrialRecord
from tests.sweeps.findings.made_sweeps import METRIC, draw, drawn, trial
from tests.sweeps.findings.made_sweeps import SPACE as MADE

UP, DOWN = Objective(METRIC, True), Objective(METRIC, False)
SPACE: Mapping[str, Dimension] = {
    "lr": Interval(1e-4, 1, log=True),
    "width": Interval(16, 256, integer=True),
    "seed": Choice((1, 2, 3)),
}


def one_matters(params: Mapping[str, Any]) -> float:
    """The learning rate decides, the width helps a little, the seed does nothing."""
    return -((math.log10(params["lr"]) + 2) ** 2) + params["width"] / 2560


def study(
    count: int, rule: Callable[[Mapping[str, Any]], float] = one_matters
) -> list[TrialRecord]:
    return drawn(count, rule, seed=3, noise=0.0, space=SPACE, epochs=1)


@pytest.fixture(scope="module")
def told() -> Importances:
    return importances(study(60), SPACE, UP, 0)


def test_what_matters_comes_first(told: Importances) -> None:
    assert told.note == ""
    assert told.shares[0].parameter == "lr"
    assert [(i.parameter, i.agreed) for i in told.shares] == [("lr", 1), ("width", 2)]
    for evaluator in ("ped_anova", "fanova", "forest"):
        shares = {i.parameter: i.values[evaluator] for i in told.shares}
        assert shares["lr"] > 0.5
        assert shares["lr"] == max(shares.values())
        assert sum(shares.values()) == pytest.approx(1)
    assert told.trust is not None
    assert told.trust > 0.5


def test_the_seed_is_luck_and_no_parameter() -> None:
    def lucky(params: Mapping[str, Any]) -> float:
        return params["seed"] + params["width"] / 2560

    told = importances(study(40, lucky), SPACE, UP, 0)
    assert {one.parameter for one in told.shares} == {"lr", "width"}
    alone: Mapping[str, Dimension] = {"seed": SPACE["seed"]}
    told = importances(drawn(9, lambda p: p["seed"], space=alone), alone, UP, 0)
    assert told == Importances(
        (), "nothing but the seed was varied: what the scores differ by is noise"
    )


def test_the_shares_are_those_of_the_functions_variance() -> None:
    """Of a sum of independent terms the share is the variance of each: 16 : 4 : 1, and 0."""
    space = {key: Interval(0, 1) for key in "abcd"}
    weights = {"a": 4.0, "b": 2.0, "c": 1.0, "d": 0.0}
    trials = drawn(
        200, lambda p: sum(weights[k] * p[k] for k in space), noise=0.0, space=space, epochs=1
    )
    found = importances(trials, space, UP, 0)
    assert [i.parameter for i in found.shares] == ["a", "b", "c", "d"]
    true = {"a": 16 / 21, "b": 4 / 21, "c": 1 / 21, "d": 0.0}
    for one in found.shares:
        for evaluator in ("fanova", "forest"):
            assert one.values[evaluator] == pytest.approx(true[one.parameter], abs=0.12)
    correlations = {one.parameter: one.correlation or 0.0 for one in found.shares}
    assert correlations["a"] == pytest.approx(math.sqrt(16 / 21), abs=0.1)
    assert abs(correlations["d"]) < 0.2


def test_on_log_scales_the_shares_are_those_of_the_functions_variance_too() -> None:
    """f(lr, width, noise), as of a training: Optuna's own fANOVA gives the width 5 % of it."""
    space: Mapping[str, Dimension] = {
        "lr": Interval(1e-4, 1.0, log=True),
        "width": Interval(16, 256, log=True, integer=True),
        "noise": Interval(0.0, 1.0),
    }

    def score(params: Mapping[str, Any]) -> float:
        lr = (math.log10(params["lr"]) + 4) / 4  # 0 to 1, as is the next
        width = math.log2(params["width"] / 16) / 4
        return -4 * (lr - 0.5) ** 2 + width / 2

    # 16 Var((u - 1/2)^2) = 16 / 180, and Var(u / 2) = 1 / 48, of u from 0 to 1.
    lr, width = 16 / 180, 1 / 48
    true = {"lr": lr / (lr + width), "width": width / (lr + width), "noise": 0.0}
    found = importances(drawn(300, score, noise=0.0, space=space, epochs=1), space, UP, 0)
    assert [one.parameter for one in found.shares] == ["lr", "width", "noise"]
    for one in found.shares:
        for evaluator in ("fanova", "forest"):
            assert one.values[evaluator] == pytest.approx(true[one.parameter], abs=0.08)
    of_lr, of_width, of_noise = (one.values["ped_anova"] for one in found.shares)
    assert min(of_lr, of_width) > 0.3, "it asks what sets the best apart, which both do"
    assert of_noise < 0.05


def test_the_direction_does_not_matter_but_for_the_correlation(told: Importances) -> None:
    mirrored = importances(study(60, lambda p: -one_matters(p)), SPACE, DOWN, 0)
    for a, b in zip(told.shares, mirrored.shares, strict=True):
        assert a.parameter == b.parameter
        assert a.values["ped_anova"] == pytest.approx(b.values["ped_anova"])
        if a.correlation is not None and b.correlation is not None:
            assert a.correlation == pytest.approx(-b.correlation)


def test_the_same_seed_gives_the_same(told: Importances) -> None:
    assert importances(study(60), SPACE, UP, 0) == told


def test_early_stopped_trials_count_and_failed_and_infeasible_ones_do_not(
    told: Importances,
) -> None:
    mixed = [
        replace(one, state=State.STOPPED if one.number % 2 else State.COMPLETE) for one in study(60)
    ]
    for state in (State.FAILED, State.INFEASIBLE):
        mixed += [trial(60 + one.number, one.params, [99.0], state) for one in study(30)]
    assert importances(mixed, SPACE, UP, 0) == told


def test_a_conditional_parameter_has_a_share() -> None:
    space: Mapping[str, Dimension] = {
        "optimizer": Choice(("adamw", "sgd")),
        "momentum": Interval(0, 1),
    }
    random = np.random.default_rng(0)
    trials = []
    for number in range(80):
        params = draw(random, space)
        if params["optimizer"] == "adamw":
            del params["momentum"]
        trials.append(trial(number, params, [0.5 + 0.4 * params.get("momentum", 0.0)]))
    found = importances(trials, space, UP, 0)
    assert found.note == ""
    by_name = {i.parameter: i.values for i in found.shares}
    assert by_name["momentum"]["ped_anova"] > 0.2
    assert by_name["momentum"]["forest"] > 0.2
    assert "fanova" not in by_name["momentum"], "not every trial has it"


@pytest.mark.parametrize(("count", "noisy"), [(ENOUGH - 1, True), (ENOUGH, False)])
def test_few_trials_come_with_a_warning(count: int, noisy: bool) -> None:
    found = importances(study(count), SPACE, UP, 0)
    assert found.shares
    assert (f"only {count} trials have a score" in found.note) == noisy


def test_where_nothing_matters_the_forest_says_so() -> None:
    random = np.random.default_rng(1)
    found = importances(study(60, lambda p: random.standard_normal()), SPACE, UP, 0)
    assert found.trust is not None
    assert found.trust < 0.2
    assert (found.trust <= 0) == ("predicts nothing" in found.note)


def test_what_goes_on_from_anothers_training_is_left_out_and_counted(told: Importances) -> None:
    parent, *_ = alone = study(60)
    children = [
        replace(one, id=f"{60 + one.number:04d}", number=60 + one.number, source=SOURCE)
        for one in study(9, lambda p: p["width"])
    ]
    assert parent.id == SOURCE.trial
    found = importances([*alone, *children], SPACE, UP, 0)
    assert (found.shares, found.count) == (told.shares, told.count) == (told.shares, 60)
    assert found.note == (
        "9 that go on from another's training are left out, as it is of several configurations"
    )


SOURCE = Source("0000", epoch=1)


@pytest.mark.parametrize("count", [0, 1])
def test_of_too_few_nothing_is_told(count: int) -> None:
    found = importances(study(count), SPACE, UP, 0)
    assert found == Importances((), "too few finished trials to tell which parameters matter")


def test_where_all_score_the_same_nothing_mattered() -> None:
    found = importances(study(30, lambda p: 0.5), SPACE, UP, 0)
    assert found.shares == ()
    assert found.note == "all finished trials score the same: no parameter made a difference"


def test_fifty_values_take_no_longer_and_values_of_several_types_differ() -> None:
    space: Mapping[str, Dimension] = {
        "a": Choice(tuple(f"v{i}" for i in range(50))),
        "b": Choice((1, "1", True, None, [1, 2], {"x": 1})),
        "c": Interval(0.9, 0.999, log1m=True),
    }
    trials = drawn(60, lambda p: float(p["b"] == "1"), noise=0.01, space=space, epochs=1)
    found = importances(trials, space, UP, 0)
    assert {i.parameter for i in found.shares} == {"a", "b", "c"}
    assert max(found.shares, key=lambda i: i.values["fanova"]).parameter == "b"


def test_scores_whose_squares_no_computer_holds_break_nothing() -> None:
    found = importances(study(12, lambda p: math.copysign(1e308, p["lr"] - 0.01)), SPACE, UP, 0)
    assert {one.parameter for one in found.shares} <= set(SPACE)


def test_what_has_one_value_alone_cannot_have_mattered() -> None:
    space = {"activation": MADE["activation"], "norm": Choice(("batch",))}
    trials = drawn(30, rule_of_activation, space=space)
    assert [one.parameter for one in importances(trials, space, UP, 0).shares] == ["activation"]
    alone = {"norm": Choice(("batch",))}
    found = importances(drawn(30, lambda p: 0.5, space=alone), alone, UP, 0)
    assert found.shares == ()
    assert "more than one value" in found.note


def rule_of_activation(params: Mapping[str, object]) -> float:
    return 0.8 + 0.02 * (params["activation"] == "gelu")
