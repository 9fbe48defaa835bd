"""A loss is a function or a module: its mean trains, its sum over examples evaluates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from trainers.config import Predicts, TrainConfig
from trainers.errors import ConfigError
from trainers.measures.loss import build

Compose = Callable[..., TrainConfig]
HERE = __name__
CPU = torch.device("cpu")


def own(outputs: Tensor, targets: Tensor) -> Tensor:
    return (outputs - targets).abs().mean()


def by_example(outputs: Tensor, targets: Tensor) -> Tensor:
    return (outputs - targets).abs()


class Weighted(nn.Module):
    """Weighs the second class double, and does not know of sums."""

    def __init__(self, weight: float) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return self.weight * cross_entropy(outputs, targets)


def numbers(config: TrainConfig, **loss: Any) -> TrainConfig:
    task = replace(config.task, predicts=Predicts.numbers)
    return replace(config, loss=loss, task=task)


def test_cross_entropy_is_the_very_same(small: Compose) -> None:
    made, y = torch.randn(7, 4), torch.randint(0, 4, (7,))
    loss = build(small("label_smoothing=0.2"), 4, CPU)
    assert torch.equal(loss.mean(made, y), cross_entropy(made, y, label_smoothing=0.2))
    assert torch.equal(loss.total(made, y), cross_entropy(made, y, reduction="sum"))


@pytest.mark.parametrize(
    "target",
    ["torch.nn.functional.mse_loss", "torch.nn.L1Loss", "torch.nn.HuberLoss", f"{HERE}.own"],
)
def test_the_sum_over_examples_is_their_mean_times_their_number(
    target: str, small: Compose
) -> None:
    loss = build(numbers(small(), _target_=target), 3, CPU)
    made, y = torch.randn(8, 3), torch.randn(8, 3)
    torch.testing.assert_close(loss.total(made, y), 8 * loss.mean(made, y))


def test_a_module_of_somebodys_may_train_classes(small: Compose) -> None:
    loss = build(replace(small(), loss={"_target_": f"{HERE}.Weighted", "weight": 2.0}), 4, CPU)
    made, y = torch.randn(7, 4), torch.randint(0, 4, (7,))
    torch.testing.assert_close(loss.mean(made, y), 2 * cross_entropy(made, y))
    torch.testing.assert_close(loss.total(made, y), 14 * cross_entropy(made, y))


@pytest.mark.parametrize(
    ("of_numbers", "loss", "told"),
    [
        (False, {"_target_": "torch.nn.functional.mse_loss"}, "loss=cross_entropy"),
        (True, {"_target_": "torch.nn.functional.cross_entropy"}, "none for numbers"),
        (True, {"_target_": f"{HERE}.by_example"}, r"makes \(2, 1\)"),
        (True, {"_target_": f"{HERE}.own", "reduction": "sum"}, r"loss\.reduction"),
        (True, {"_target_": "torch.nn.HuberLoss", "beta": 1.0}, "did you mean 'delta'"),
        (True, {"_target_": "torch.nn.HubrLoss"}, "did you mean 'HuberLoss'"),
    ],
)
def test_what_is_no_loss_of_the_task_is_refused_in_a_line(
    of_numbers: bool, loss: dict[str, Any], told: str, small: Compose
) -> None:
    config = numbers(small(), **loss) if of_numbers else replace(small(), loss=loss)
    with pytest.raises(ConfigError, match=told) as refused:
        build(config, 1 if of_numbers else 4, CPU)
    assert "\n" not in str(refused.value)


def test_smoothing_that_a_loss_does_not_know_is_refused(small: Compose) -> None:
    config = replace(small("label_smoothing=0.1"), loss={"_target_": f"{HERE}.own"})
    with pytest.raises(ConfigError, match=r"label_smoothing=0\.1"):
        build(config, 4, CPU)
