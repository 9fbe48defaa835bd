"""Schedules are built as configured, alone or within others, and stepped as they are meant."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import ChainedScheduler, OneCycleLR, ReduceLROnPlateau, SequentialLR

from trainers.config import TrainConfig
from trainers.data.data_fraction import Lengths
from trainers.errors import ConfigError
from trainers.fit import fit
from trainers.schedules.build_schedule import build
from trainers.schedules.pace import Pace

Compose = Callable[..., TrainConfig]

HERE = __name__
TORCH = "torch.optim.lr_scheduler"
SEVEN = Lengths(0, 7, 7)

ONE_CYCLE = {"_target_": f"{TORCH}.OneCycleLR", "max_lr": 0.1, "epochs": 4}
DECAY = {"_target_": f"{TORCH}.ExponentialLR", "gamma": 0.5}
HELD = {"_target_": f"{TORCH}.ConstantLR", "factor": 0.1, "total_iters": 100}
PLATEAU = {"_target_": f"{TORCH}.ReduceLROnPlateau"}


def pace(config: TrainConfig, lengths: Lengths = SEVEN) -> Pace:
    weight = nn.Parameter(torch.zeros(1))
    return build(config, torch.optim.SGD([weight], lr=1.0, momentum=0.9), lengths)


def of(config: TrainConfig, node: Mapping[str, Any]) -> TrainConfig:
    config.schedule = dict(node)
    return config


def rates(one: Pace, count: int) -> list[float]:
    found = []
    for _ in range(count):
        found.append(float(one.schedule.optimizer.param_groups[0]["lr"]))
        one.schedule.optimizer.step()
        one.schedule.step()
    return found


def test_a_schedule_that_counts_batches_knows_how_many_there_are(small: Compose) -> None:
    built = pace(small("schedule=one_cycle"))
    assert built.by_batch
    assert isinstance(built.schedule, OneCycleLR)
    assert built.schedule.total_steps == 4 * 7
    assert not pace(small("schedule=cosine")).by_batch


def test_epochs_of_different_lengths_are_added_up(small: Compose) -> None:
    built = pace(small("schedule=one_cycle", "first.epochs=1"), Lengths(1, 2, 7))
    assert isinstance(built.schedule, OneCycleLR)
    assert built.schedule.total_steps == 2 + 3 * 7


def of_equal_epochs(optimizer: Any, steps_per_epoch: int) -> Any:
    return OneCycleLR(optimizer, 0.1, epochs=4, steps_per_epoch=steps_per_epoch)


def test_or_refused_where_the_schedule_takes_them_to_be_equal(small: Compose) -> None:
    config = of(small("first.epochs=1"), {"_target_": f"{HERE}.of_equal_epochs"})
    with pytest.raises(ConfigError, match=r"first\.epochs: .*of_equal_epochs takes all epochs"):
        pace(config, Lengths(1, 2, 7))
    assert pace(config, Lengths(1, 7, 7)).by_batch, "they are equal in fact"


@pytest.mark.parametrize(
    ("node", "by_batch"),
    [
        ({"_target_": f"{TORCH}.CyclicLR", "base_lr": 0.01, "max_lr": 0.1}, True),
        (ONE_CYCLE, True),
        ({**ONE_CYCLE, "each": "epoch"}, False),
        (DECAY, False),
        ({**DECAY, "each": "batch"}, True),
        ({"_target_": f"{TORCH}.CosineAnnealingWarmRestarts", "T_0": 3}, False),
        ({"_target_": f"{TORCH}.SequentialLR", "schedulers": [DECAY, HELD], "milestones": [1]}, 0),
        ({"_target_": f"{TORCH}.ChainedScheduler", "schedulers": [ONE_CYCLE, ONE_CYCLE]}, True),
        ({"_target_": f"{TORCH}.ChainedScheduler", "schedulers": {"a": DECAY, "b": HELD}}, False),
        (
            {
                "_target_": f"{TORCH}.ChainedScheduler",
                "schedulers": [ONE_CYCLE, DECAY],
                "each": "batch",
            },
            True,
        ),
    ],
)
def test_each_is_stepped_as_torch_means_it_to_be_or_as_it_says(
    node: Mapping[str, Any], by_batch: bool, small: Compose
) -> None:
    assert pace(of(small(), node)).by_batch == by_batch


def test_one_cycle_by_epochs_takes_a_step_an_epoch(small: Compose) -> None:
    built = pace(of(small(), {**ONE_CYCLE, "each": "epoch"}))
    assert isinstance(built.schedule, OneCycleLR)
    assert built.schedule.total_steps == 4


def test_schedules_in_a_row_and_at_once(small: Compose) -> None:
    row = {"_target_": f"{TORCH}.SequentialLR", "schedulers": [HELD, DECAY], "milestones": [2]}
    built = pace(of(small(), row))
    assert isinstance(built.schedule, SequentialLR)
    assert rates(built, 5) == pytest.approx([0.1, 0.1, 1.0, 0.5, 0.25])
    at_once = {"_target_": f"{TORCH}.ChainedScheduler", "schedulers": {"a": HELD, "b": DECAY}}
    built = pace(of(small(), at_once))
    assert isinstance(built.schedule, ChainedScheduler)
    assert rates(built, 3) == pytest.approx([0.1, 0.05, 0.025])


@pytest.mark.parametrize("schedule", ["in_a_row", "one_cycle", "step"])
def test_a_training_goes_on_at_the_very_rates(schedule: str, small: Compose) -> None:
    config = small(f"schedule={schedule}")
    whole = [epoch.metrics["lr"] for epoch in fit(config)]
    for epoch in fit(config):
        if epoch.number == 2:
            state = epoch.state()
            break
    assert [epoch.metrics["lr"] for epoch in fit(config, state)] == whole[2:]


@pytest.mark.parametrize(
    ("words", "metric", "mode"),
    [
        ((), "val_accuracy", "max"),
        (("schedule.metric=val_loss",), "val_loss", "min"),
        (("task.metric=train_loss",), "train_loss", "min"),
        (("schedule.metric=lr", "schedule.mode=max"), "lr", "max"),
    ],
)
def test_a_plateau_has_the_mode_of_its_metric(
    words: tuple[str, ...], metric: str, mode: str, small: Compose
) -> None:
    built = pace(small("schedule=plateau", *words))
    assert isinstance(built.schedule, ReduceLROnPlateau)
    assert (built.metric, built.schedule.mode) == (metric, mode)


def test_a_plateau_without_our_keys_follows_the_task(small: Compose) -> None:
    built = pace(of(small("task.metric=val_loss"), PLATEAU))
    assert isinstance(built.schedule, ReduceLROnPlateau)
    assert (built.metric, built.schedule.mode) == ("val_loss", "min")


def test_a_plateau_by_the_loss_waits_while_the_loss_falls(small: Compose) -> None:
    words = ("schedule=plateau", "schedule.patience=0", "schedule.metric=val_loss", "epochs=6")
    epochs = list(fit(small(*words, "optimizer.lr=0.001")))
    losses = [epoch.metrics["val_loss"] for epoch in epochs]
    assert losses == sorted(losses, reverse=True), "it learns all the time"
    assert {epoch.metrics["lr"] for epoch in epochs} == {0.001}


@pytest.mark.parametrize(
    ("node", "told"),
    [
        ({**PLATEAU, "mode": "min"}, "leave schedule.mode out, or set schedule.mode=max"),
        ({**PLATEAU, "mode": "up"}, "schedule.mode must be min or max, not up:"),
        ({**PLATEAU, "metric": "loss"}, "schedule.metric must be one of"),
        ({**PLATEAU, "metric": "lr"}, "set schedule.mode=min or schedule.mode=max"),
        ({**PLATEAU, "each": "batch"}, "a plateau is judged once an epoch"),
        ({**DECAY, "metric": "val_loss"}, "ExponentialLR looks at no metric"),
        ({**DECAY, "each": "step"}, "schedule.each must be batch or epoch, not step"),
        (
            {"_target_": f"{TORCH}.ChainedScheduler", "schedulers": [DECAY, ONE_CYCLE]},
            "say which all of them count",
        ),
        (
            {"_target_": f"{TORCH}.ChainedScheduler", "schedulers": [DECAY, PLATEAU]},
            "waits for a metric",
        ),
        ({"_target_": f"{TORCH}.ChainedScheduler", "schedulers": []}, "must be a list"),
        ({"_target_": f"{TORCH}.ChainedScheduler", "schedulers": ["cosine"]}, "must be a list"),
        (
            {
                "_target_": f"{TORCH}.SequentialLR",
                "schedulers": [DECAY, HELD],
                "milestones": [],
            },
            "refuses its settings",
        ),
        (
            {"_target_": f"{TORCH}.ChainedScheduler", "schedulers": [{**DECAY, "gama": 1}]},
            "did you mean 'gamma'",
        ),
        (
            {
                "_target_": f"{TORCH}.ChainedScheduler",
                "schedulers": [{"_target_": f"{TORCH}.ChainedScheduler", "schedulers": [DECAY]}],
            },
            "list them side by side",
        ),
    ],
)
def test_refuses(node: Mapping[str, Any], told: str, small: Compose) -> None:
    with pytest.raises(ConfigError) as refusal:
        pace(of(small(), node))
    assert told in str(refusal.value)
    assert len(str(refusal.value).splitlines()) == 1
