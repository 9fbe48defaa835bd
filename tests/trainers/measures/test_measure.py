"""What a pass adds up, batch by batch, is what a library computes of the whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score, mean_absolute_error, r2_score

from trainers.config import Predicts, TrainConfig
from trainers.data import resident
from trainers.data.dataset import Numbers
from trainers.errors import ConfigError
from trainers.measures.measure import Measure

Compose = Callable[..., TrainConfig]
CPU = torch.device("cpu")


def of_numbers(config: TrainConfig) -> tuple[TrainConfig, Numbers]:
    task = replace(config.task, predicts=Predicts.numbers)
    loss = {"_target_": "torch.nn.functional.mse_loss"}
    return replace(config, task=task, loss=loss), Numbers(("a", "b"), (10.0, -3.0), (4.0, 0.5))


def test_numbers_are_measured_in_their_own_units(small: Compose) -> None:
    config, numbers = of_numbers(small("metric=rmse"))
    dataset = replace(resident.load(config.data), classes=(), numbers=numbers)
    measure = Measure.of(config, dataset, CPU)
    torch.manual_seed(0)
    y = torch.randn(50, 2)
    made = y + 0.3 * torch.randn(50, 2)
    sums = measure.begin(CPU, whole=True)
    for some in torch.arange(50).split(20):
        sums.add(measure.loss.total(made[some], y[some]), 1, made[some], y[some])
    found = sums.metrics("val")
    true, predicted = (numbers.restored(each).double().numpy() for each in (y, made))
    assert found["val_loss"] == pytest.approx(float((made - y).square().mean()), rel=1e-5)
    assert found["val_r2"] == pytest.approx(r2_score(true, predicted), rel=1e-5)
    assert found["val_mae"] == pytest.approx(mean_absolute_error(true, predicted), rel=1e-5)
    assert found["val_rmse"] == pytest.approx(np.sqrt(((true - predicted) ** 2).mean()), rel=1e-5)


def test_r2_of_numbers_that_do_not_vary_is_that_of_scikit_learn(small: Compose) -> None:
    config, numbers = of_numbers(small())
    dataset = replace(resident.load(config.data), classes=(), numbers=numbers)
    measure = Measure.of(config, dataset, CPU)
    for made in (torch.zeros(4, 2), torch.ones(4, 2)):
        sums = measure.begin(CPU)
        sums.add(torch.zeros(()), 1, made, torch.zeros(4, 2))
        assert sums.metrics("val")["val_r2"] == r2_score(np.zeros((4, 2)), made)


def test_a_metric_of_ones_own_sees_all_of_the_validation_part(small: Compose) -> None:
    config = small("metric=macro_f1", "task.metric=val_macro_f1")
    measure = Measure.of(config, resident.load(config.data), CPU)
    torch.manual_seed(0)
    made, y = torch.randn(90, 10), torch.arange(90) % 10
    sums = measure.begin(CPU, whole=True)
    for some in torch.arange(90).split(40):
        sums.add(torch.zeros(()), 1, made[some], y[some])
    found = sums.metrics("val")
    assert list(found) == ["val_loss", "val_accuracy", "val_macro_f1"]
    assert found["val_macro_f1"] == pytest.approx(f1_score(y, made.argmax(1), average="macro"))
    assert "train_macro_f1" not in measure.begin(CPU).__dict__


@pytest.mark.parametrize("of_classes", [True, False])
def test_data_of_another_kind_than_the_tasks_is_refused(of_classes: bool, small: Compose) -> None:
    config, numbers = of_numbers(small())
    data = resident.load(config.data)
    if of_classes:
        config, data = small(), replace(data, classes=(), numbers=numbers)
    with pytest.raises(ConfigError, match="task=regression" if of_classes else "task=classes"):
        Measure.of(config, data, CPU)
