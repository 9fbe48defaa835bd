from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from trainers.errors import ConfigError
from trainers.models import norm
from trainers.models.mlp import MLP, LayeredMLP

BATCH = norm.batch(0.1, True, "before", "every")


def mlp(**settings: Any) -> MLP:
    default = {"width": 12, "depth": 2, "shape": "cylinder", "widths": None, "dropout": 0.0}
    shapes: dict[str, Any] = {"input_shape": (2, 3, 4), "classes": 5}
    return MLP(**(default | settings), **shapes, norm=BATCH, activation=nn.ReLU)  # type: ignore[arg-type]


def sizes(model: MLP) -> list[tuple[int, int]]:
    linear = [layer for layer in model.layers if isinstance(layer, nn.Linear)]
    return [(layer.in_features, layer.out_features) for layer in linear]


def test_logits_and_layers() -> None:
    model = mlp(width=12, depth=3, dropout=0.5)
    assert model(torch.zeros(7, 2, 3, 4)).shape == (7, 5)
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds == ["Flatten", *["Linear", "BatchNorm1d", "ReLU", "Dropout"] * 3, "Linear"]
    assert sizes(model) == [(24, 12), (12, 12), (12, 12), (12, 5)]


def test_no_dropout_layer_without_dropout() -> None:
    assert not any(isinstance(layer, nn.Dropout) for layer in mlp().layers)


def test_explicit_widths_win() -> None:
    assert sizes(mlp(widths=[9, 3], depth=7)) == [(24, 9), (9, 3), (3, 5)]
    assert sizes(mlp(widths=[9], depth=0, width=0)) == [(24, 9), (9, 5)]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("width", 0),
        ("depth", 0),
        ("dropout", 1.0),
        ("dropout", -0.1),
        ("shape", "cube"),
        ("widths", []),
        ("widths", [4, 0]),
        ("widths", [4.5]),
    ],
)
def test_refuses(key: str, value: object) -> None:
    with pytest.raises(ConfigError, match=rf"model\.{key} must be"):
        mlp(**{key: value})


class TestLayered:
    LAYERS = (
        {"width": 9, "dropout": 0.5},
        {"width": 4, "dropout": 0.0},
        {"width": 6, "dropout": 0.1},
    )

    def layered(self, depth: int | None, layers: Any = LAYERS) -> LayeredMLP:
        shapes: dict[str, Any] = {"input_shape": (2, 3), "classes": 5}
        return LayeredMLP(depth, layers, **shapes, norm=norm.none(), activation=nn.ReLU)

    def test_each_layer_is_as_it_says_and_depth_tells_how_many(self) -> None:
        model = self.layered(2)
        assert sizes(model) == [(6, 9), (9, 4), (4, 5)]  # type: ignore[arg-type]
        assert [m.p for m in model.modules() if isinstance(m, nn.Dropout)] == [0.5]
        assert model(torch.zeros(7, 2, 3)).shape == (7, 5)
        three = self.layered(None)
        assert [m.p for m in three.modules() if isinstance(m, nn.Dropout)] == [0.5, 0.1]

    @pytest.mark.parametrize(
        ("depth", "layers", "told"),
        [
            (0, LAYERS, "from 1 to 3"),
            (4, LAYERS, "from 1 to 3"),
            (None, [], "from 1 to 0"),
            (1, [{"width": 0, "dropout": 0.1}], r"layers\.0\.width must be 1 or more"),
            (1, [{"width": 3}], "must have a width and a dropout, not width"),
            (1, [{"width": 3, "dropout": 1.0}], "dropout"),
        ],
    )
    def test_what_is_no_model(self, depth: int, layers: Any, told: str) -> None:
        with pytest.raises(ConfigError, match=told):
            self.layered(depth, layers)
