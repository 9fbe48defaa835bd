"""A composition and a simulation's stand-in for one both make trainings of parameters."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from sweeps.checked.check import check
from sweeps.config.composition import compose
from sweeps.driver.contract import Assignment, Trainings
from sweeps.simulation.engine import _CompositionStandIn

WORDS = ("space=null", "model.width=8,16", "epochs=7")


@pytest.mark.parametrize("simulated", [False, True])
def test_a_training_has_the_trials_own_configuration(simulated: bool) -> None:
    with compose(WORDS) as composition:
        sweep = check(composition)
        trainings: Trainings = _CompositionStandIn(sweep) if simulated else composition
        assert trainings.base.failures == composition.base.failures
        config, training = trainings.training({"model.width": 16})
    assert training.epochs == 7
    assert simulated or (config["model"]["width"], training.model["width"]) == (16, 16)


def test_an_assignment_does_not_change_on_its_way() -> None:
    assignment = Assignment("0003", {"epochs": 3}, Path("trials/0003"), 2, "f00d/0003")
    with pytest.raises(FrozenInstanceError):
        assignment.after = 3  # type: ignore[misc]
