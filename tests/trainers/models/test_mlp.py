from __future__ import annotations

import pytest
import torch
from torch import nn

from trainers.errors import ConfigError
from trainers.models import norm
from trainers.models.mlp import MLP


def mlp(width: int = 12, depth: int = 2, dropout: float = 0.0) -> MLP:
    return MLP(
        width, depth, dropout, input_shape=(2, 3, 4), classes=5, norm=norm.batch, activation=nn.ReLU
    )


def test_logits_and_layers() -> None:
    model = mlp(width=12, depth=3, dropout=0.5)
    assert model(torch.zeros(7, 2, 3, 4)).shape == (7, 5)
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds == ["Flatten", *["Linear", "BatchNorm1d", "ReLU", "Dropout"] * 3, "Linear"]
    linear = [layer for layer in model.layers if isinstance(layer, nn.Linear)]
    assert [layer.in_features for layer in linear] == [24, 12, 12, 12]


def test_no_dropout_layer_without_dropout() -> None:
    assert not any(isinstance(layer, nn.Dropout) for layer in mlp().layers)


@pytest.mark.parametrize(
    ("key", "value"), [("width", 0), ("depth", 0), ("dropout", 1.0), ("dropout", -0.1)]
)
def test_refuses(key: str, value: float) -> None:
    with pytest.raises(ConfigError, match=rf"model\.{key} must be"):
        mlp(**{key: value})  # type: ignore[arg-type]
