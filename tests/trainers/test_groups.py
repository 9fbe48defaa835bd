"""Conformance: every YAML of the training groups, found by looking, so a new one is tested."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from trainers.config import TrainConfig
from trainers.fit import fit

Compose = Callable[..., TrainConfig]

CONF = Path(__file__).parents[2] / "conf"
GROUPS = ("task", "data", "model", "norm", "activation", "optimizer", "schedule")
CHOICES = [(group, path.stem) for group in GROUPS for path in sorted((CONF / group).glob("*.yaml"))]


@pytest.mark.parametrize(("group", "choice"), CHOICES)
def test_trains_two_epochs_with_every_choice(
    group: str, choice: str, small: Compose, request: pytest.FixtureRequest
) -> None:
    overrides = [f"{group}={choice}", "epochs=2"]
    if (group, choice) == ("data", "mnist"):
        overrides += [f"data.root={request.getfixturevalue('mnist_root')}", "data.fraction=0.02"]
    epochs = [epoch.metrics["val_accuracy"] for epoch in fit(small(*overrides))]
    assert len(epochs) == 2
    assert epochs[-1] > 0.2  # twice what guessing gives


@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
@pytest.mark.parametrize("model", ["mlp", "cnn"])
def test_every_norm_fits_every_model(model: str, norm: str, small: Compose) -> None:
    assert next(fit(small(f"model={model}", f"norm={norm}"))).number == 1


@pytest.mark.parametrize(("group", "choice"), CHOICES)
def test_opens_with_the_command_that_runs_it_and_is_short(group: str, choice: str) -> None:
    lines = (CONF / group / f"{choice}.yaml").read_text().splitlines()
    assert lines[0].startswith("# make ")
    assert f"{group}={choice}" in lines[0]
    assert len(lines) <= 25
