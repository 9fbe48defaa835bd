"""Skip connections, and every model with every norm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import torch
from torch import nn

from trainers import build
from trainers.config import TrainConfig, compose
from trainers.errors import ConfigError
from trainers.models import norm
from trainers.models.skip import DenseMLP, ResidualMLP

NONE = norm.none()
MODELS = ("mlp", "residual", "dense", "cnn")
NORMS = ("none", "batch", "layer", "group", "instance", "weight", "batch_instance", "switchable")
WHERES = ("before every", "after every", "before alternate", "after alternate", "before input")


def residual(**settings: Any) -> ResidualMLP:
    default = {"width": 6, "blocks": 2, "dropout": 0.0}
    return ResidualMLP(
        **(default | settings), input_shape=(3, 2), classes=4, norm=NONE, activation=nn.ReLU
    )


def dense(**settings: Any) -> DenseMLP:
    default = {"width": 6, "depth": 3, "dropout": 0.0}
    return DenseMLP(
        **(default | settings), input_shape=(3, 2), classes=4, norm=NONE, activation=nn.ReLU
    )


def test_a_block_that_says_nothing_is_passed_by() -> None:
    model = residual()
    for parameter in model.blocks.parameters():
        nn.init.zeros_(parameter)
    x = torch.randn(5, 3, 2)
    assert torch.equal(model(x), model.head(model.stem(x)))


def test_each_dense_layer_sees_the_input_and_all_before() -> None:
    model = dense()
    linear = [m for m in model.modules() if isinstance(m, nn.Linear)]
    assert sorted((m.in_features, m.out_features) for m in linear) == [
        (6, 6),
        (12, 6),
        (18, 6),
        (24, 4),
    ]
    for parameter in model.layers.parameters():
        nn.init.zeros_(parameter)
    x = torch.randn(5, 3, 2)
    padded = torch.cat([x.flatten(1), torch.zeros(5, 18)], dim=1)
    assert torch.allclose(model(x), model.head(padded))


@pytest.mark.parametrize(
    ("make", "key", "value"),
    [
        (residual, "width", 0),
        (residual, "blocks", 0),
        (residual, "dropout", 1.0),
        (dense, "width", 0),
        (dense, "depth", 0),
        (dense, "dropout", -0.5),
    ],
)
def test_refuses(make: Callable[..., nn.Module], key: str, value: float) -> None:
    with pytest.raises(ConfigError, match=rf"model\.{key} must be"):
        make(**{key: value})


@cache
def composed(model: str, kind: str) -> TrainConfig:
    return compose([f"model={model}", f"norm={kind}", "model.dropout=0.1"])


def placed(model: str, kind: str, where: str) -> TrainConfig:
    position, layers = where.split()
    config = composed(model, kind)
    places = {} if kind in ("none", "weight") else {"position": position}
    places |= {} if kind == "none" else {"layers": layers}
    assert places.keys() <= config.norm.keys()
    return replace(config, norm={**config.norm, **places})


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("kind", NORMS)
@pytest.mark.parametrize("where", WHERES)
def test_every_model_learns_with_every_norm_everywhere(model: str, kind: str, where: str) -> None:
    if (kind, where) == ("weight", "before input"):
        pytest.skip("weight norm is not for the input")
    config = placed(model, kind, where)
    torch.manual_seed(0)
    built = build.model(config, (1, 8, 8), 10)
    assert build.parameters(config, (1, 8, 8), 10) == sum(p.numel() for p in built.parameters())
    x = torch.randn(12, 1, 8, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert built(x).shape == (12, 10)
    built(x).square().mean().backward()
    for name, parameter in built.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
    built.eval()
    assert torch.allclose(built(x[:1]), built(x)[:1], atol=1e-4)  # an example stands alone
    other = build.model(config, (1, 8, 8), 10)
    other.load_state_dict(built.state_dict())
    assert torch.equal(other.eval()(x), built(x))
