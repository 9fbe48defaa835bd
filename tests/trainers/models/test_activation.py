"""An activation is a class of modules or a function of a tensor, each by its `_target_`."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from trainers.errors import ConfigError
from trainers.models.activation import activation

HERE = __name__


def square(x: Tensor) -> Tensor:
    return x * x


def times(x: Tensor, by: float) -> Tensor:
    return by * x


def leaky() -> nn.Module:
    return nn.LeakyReLU(0.5)


@pytest.mark.parametrize(
    ("target", "keys", "expected"),
    [
        ("torch.nn.ReLU", {}, 0.0),
        ("torch.nn.ReLU", {"_partial_": True}, 0.0),
        ("torch.nn.LeakyReLU", {"negative_slope": 0.25}, -0.5),
        ("torch.relu", {}, 0.0),
        ("torch.nn.functional.leaky_relu", {"negative_slope": 0.25, "_partial_": True}, -0.5),
        (f"{HERE}.square", {}, 4.0),
        (f"{HERE}.times", {"by": 3.0}, -6.0),
        (f"{HERE}.leaky", {}, -1.0),
    ],
)
def test_is_what_the_target_says(target: str, keys: dict[str, Any], expected: float) -> None:
    make = activation({"_target_": target, **keys})
    one, other = make(), make()
    assert one is not other, "layers would share the weights of a PReLU"
    assert isinstance(one, nn.Module)
    assert one(torch.tensor(-2.0)).item() == expected


@pytest.mark.parametrize(
    ("target", "keys", "told"),
    [
        ("math.sqrt", {}, r"activation: math\.sqrt"),
        (f"{HERE}.times", {}, "'by'"),
        ("torch.nn.Linear", {}, "in_features"),
        ("torch.nn.functional.leaky_relu", {"slope": 0.1}, "did you mean 'negative_slope'"),
        ("torch.nn.ReLu", {}, "did you mean 'ReLU'"),
    ],
)
def test_what_is_none_is_refused_in_a_line(target: str, keys: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told) as refused:
        activation({"_target_": target, **keys})
    assert "\n" not in str(refused.value)
