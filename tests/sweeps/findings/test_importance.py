"""Importances of parameters whose true importance is known."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import optuna
import pytest
from optuna.samplers import RandomSampler
from optuna.trial import Trial

from sweeps.findings.finding import Importance
from sweeps.findings.importance import ENOUGH, importances

Told = tuple[list[Importance], str]


def study(
    count: int,
    objective: Callable[[Trial], float],
    direction: Literal["maximize", "minimize"] = "maximize",
) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    made = optuna.create_study(direction=direction, sampler=RandomSampler(seed=3))
    made.optimize(objective, n_trials=count)
    return made


def one_matters(trial: Trial) -> float:
    """The learning rate decides, the width helps a little, the seed does nothing."""
    lr = trial.suggest_float("lr", 1e-4, 1, log=True)
    width = trial.suggest_int("width", 16, 256)
    trial.suggest_categorical("seed", [1, 2, 3])
    return -((math.log10(lr) + 2) ** 2) + width / 2560


@pytest.fixture(scope="module")
def known() -> optuna.Study:
    return study(60, one_matters)


@pytest.fixture(scope="module")
def told(known: optuna.Study) -> Told:
    return importances(known, seed=0)


def test_what_matters_comes_first(told: Told) -> None:
    found, note = told
    assert note == ""
    assert found[0].parameter == "lr"
    assert {i.parameter for i in found} == {"lr", "width", "seed"}
    for evaluator in ("ped_anova", "fanova"):
        shares = {i.parameter: i.values[evaluator] for i in found}
        assert shares["lr"] > 0.5
        assert shares["lr"] == max(shares.values())
        assert sum(shares.values()) == pytest.approx(1)
    shares_in_order = [i.values["ped_anova"] for i in found]
    assert shares_in_order == sorted(shares_in_order, reverse=True)


def test_the_direction_does_not_matter(known: optuna.Study, told: Told) -> None:
    mirrored = study(60, lambda trial: -one_matters(trial), "minimize")
    mine, _ = told
    other, _ = importances(mirrored, seed=0)
    assert [i.parameter for i in mine] == [i.parameter for i in other]
    for a, b in zip(mine, other, strict=True):
        assert a.values["ped_anova"] == pytest.approx(b.values["ped_anova"])


def test_the_same_seed_gives_the_same(known: optuna.Study, told: Told) -> None:
    assert importances(known, seed=0) == told


def test_early_stopped_trials_count_and_failed_ones_do_not(known: optuna.Study, told: Told) -> None:
    states = [optuna.trial.TrialState.PRUNED, optuna.trial.TrialState.COMPLETE]
    mixed = optuna.create_study(direction="maximize")
    for number, trial in enumerate(known.trials):
        mixed.add_trial(
            optuna.trial.create_trial(
                state=states[number % 2],
                value=trial.value,
                params=trial.params,
                distributions=trial.distributions,
            )
        )
    for trial in known.trials[:30]:
        mixed.add_trial(
            optuna.trial.create_trial(
                state=optuna.trial.TrialState.FAIL,
                params=trial.params,
                distributions=trial.distributions,
            )
        )
    assert importances(mixed, seed=0) == told


def test_a_conditional_parameter_has_a_share() -> None:
    def objective(trial: Trial) -> float:
        if trial.suggest_categorical("optimizer", ["adamw", "sgd"]) == "sgd":
            return 0.5 + 0.4 * trial.suggest_float("momentum", 0, 1)
        return 0.5 + 0.0 * trial.suggest_float("lr", 0, 1)

    found, note = importances(study(80, objective), seed=0)
    assert note == ""
    by_name: dict[str, Any] = {i.parameter: i.values for i in found}
    assert {"optimizer", "momentum"} <= set(by_name)
    assert by_name["momentum"]["ped_anova"] > 0.2
    assert "fanova" not in by_name["momentum"], "not every trial has it"


@pytest.mark.parametrize(("count", "noisy"), [(ENOUGH - 1, True), (ENOUGH, False)])
def test_few_trials_come_with_a_warning(count: int, noisy: bool) -> None:
    found, note = importances(study(count, one_matters), seed=0)
    assert found
    assert (f"only {count} finished trials" in note) == noisy


@pytest.mark.parametrize("count", [0, 1])
def test_of_too_few_nothing_is_told(count: int) -> None:
    assert importances(study(count, one_matters), seed=0) == (
        [],
        "too few finished trials to tell which parameters matter",
    )


def test_where_all_score_the_same_nothing_mattered() -> None:
    def constant(trial: Trial) -> float:
        one_matters(trial)
        return 0.5

    found, note = importances(study(30, constant), seed=0)
    assert found == []
    assert note == "all finished trials score the same: no parameter made a difference"


def test_what_was_never_trained_does_not_count(known: optuna.Study, told: Told) -> None:
    """An infeasible trial has a value in the study's image, for the samplers alone."""
    mixed = optuna.create_study(direction="maximize")
    for trial in known.trials:
        mixed.add_trial(trial)
        mixed.add_trial(
            optuna.trial.create_trial(
                value=-99.0,
                params={**trial.params, "seed": 3},
                distributions=trial.distributions,
                constraints={"infeasible": 1.0},
            )
        )
    assert importances(mixed, seed=0) == told
