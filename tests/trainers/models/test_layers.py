"""A hidden layer: its modules in the order that the norm asks for, and where dropout stands."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from trainers.errors import ConfigError
from trainers.models import norm
from trainers.models.layers import LayerRecipe


def kinds(modules: list[nn.Module]) -> list[str]:
    return [type(module).__name__ for module in modules]


@pytest.mark.parametrize(
    ("position", "expected"),
    [
        ("before", ["Linear", "BatchNorm1d", "ReLU", "Dropout"]),
        ("after", ["Linear", "ReLU", "BatchNorm1d", "Dropout"]),
    ],
)
def test_dropout_comes_last_wherever_the_norm_is(position: str, expected: list[str]) -> None:
    recipe = LayerRecipe(norm.batch(0.1, True, position, "every"), nn.ReLU, 0.5)
    assert kinds(recipe.hidden(nn.Linear(3, 4), 4, 0)) == expected


def test_images_have_no_dropout_and_vectors_without_it_no_module() -> None:
    recipe = LayerRecipe(norm.none(), nn.ReLU, 0.5)
    assert kinds(recipe.hidden(nn.Conv2d(1, 4, 3), 4, 0)) == ["Conv2d", "ReLU"]
    plain = LayerRecipe(norm.none(), nn.ReLU, 0.0)
    assert kinds(plain.hidden(nn.Linear(3, 4), 4, 0)) == ["Linear", "ReLU"]


def test_the_number_of_a_layer_decides_whether_it_has_the_norm() -> None:
    recipe = LayerRecipe(norm.layer(True, "before", "alternate"), nn.ReLU, 0.0)
    normed = ["LayerNorm" in kinds(recipe.hidden(nn.Linear(4, 4), 4, i)) for i in range(4)]
    assert normed == [True, False, True, False]


def test_each_layer_has_modules_of_its_own() -> None:
    recipe = LayerRecipe(norm.batch(0.1, True, "before", "every"), nn.PReLU, 0.5)
    first, second = (set(recipe.linear(4, 4, index).modules()) for index in (0, 1))
    assert first & second == set(), "a shared activation with weights would learn for both"


def test_a_layer_of_vectors_has_the_widths_asked_for_and_drops_a_share() -> None:
    torch.manual_seed(0)
    layer = LayerRecipe(norm.none(), nn.Identity, 0.25).linear(3, 10_000, 0)
    out = layer(torch.ones(1, 3))
    assert out.shape == (1, 10_000)
    assert 0.22 < float((out == 0).float().mean()) < 0.28
    assert not (layer.eval()(torch.ones(1, 3)) == 0).any()


@pytest.mark.parametrize("dropout", [-0.1, 1.0])
def test_dropout_is_a_share_below_1(dropout: float) -> None:
    with pytest.raises(ConfigError, match=r"model\.dropout must be from 0 "):
        LayerRecipe(norm.none(), nn.ReLU, dropout)
