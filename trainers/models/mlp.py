"""Define multi-layer perceptrons."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from trainers.errors import ConfigError
from trainers.models.layers import LayerRecipe
from trainers.models.limits import at_least_one
from trainers.models.norm import Norm
from trainers.models.widths import widths_of


class LayeredMLP(nn.Module):
    """Classifies as `MLP` does, with a width and a dropout for each hidden layer.

    Args:
        depth: number of `layers` that are used, for a search to turn on the rest; None: all.
        layers: {width, dropout} of each hidden layer.

    Raises:
        ConfigError: a depth that is not from 1 to the number of layers, or a layer with other keys.
    """

    def __init__(
        self,
        depth: int | None,
        layers: Sequence[Mapping[str, Any]],
        *,
        input_shape: tuple[int, ...],
        classes: int,
        norm: Norm,
        activation: Callable[[], nn.Module],
    ) -> None:
        super().__init__()
        if depth is None:
            depth = len(layers)
        if not 1 <= depth <= len(layers):
            raise ConfigError(
                f"model.depth must be from 1 to {len(layers)}, the number of model.layers, or null "
                f"for all, not {depth}: set model.depth=…"
            )
        hidden = []
        for index, layer in enumerate(layers[:depth]):
            if set(layer) != {"width", "dropout"}:
                raise ConfigError(
                    f"model.layers.{index} must have a width and a dropout, not "
                    f"{', '.join(map(str, layer)) or 'nothing'}: {{width: 64, dropout: 0.2}}"
                )
            width = layer["width"]
            at_least_one(**{f"layers.{index}.width": width})
            hidden.append((width, LayerRecipe(norm, activation, layer["dropout"])))
        self.layers = _stacked(math.prod(input_shape), hidden, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the logits of a batch."""
        logits: Tensor = self.layers(x)
        return logits


class MLP(nn.Module):
    """Classifies by hidden layers: linear, norm, activation, dropout (see `LayerRecipe`).

    (N, *input_shape) -> (N, classes) logits.

    Args:
        width, depth, shape: widths of the hidden layers, as in `widths_of`.
        widths: widths of the hidden layers, one by one, in place of the three above.

    Raises:
        ConfigError: a width or depth below 1, no such shape, or dropout outside [0, 1).
    """

    def __init__(
        self,
        width: int,
        depth: int,
        shape: str,
        widths: Sequence[int] | None,
        dropout: float,
        *,
        input_shape: tuple[int, ...],
        classes: int,
        norm: Norm,
        activation: Callable[[], nn.Module],
    ) -> None:
        super().__init__()
        if widths is None:
            at_least_one(width=width, depth=depth)
        elif not (widths and all(type(each) is int and each >= 1 for each in widths)):
            raise ConfigError(
                f"model.widths must be widths of 1 or more, not {widths}: model.widths=[512,256]"
            )
        recipe = LayerRecipe(norm, activation, dropout)
        hidden = [(each, recipe) for each in widths or widths_of(shape, width, depth)]
        self.layers = _stacked(math.prod(input_shape), hidden, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the logits of a batch."""
        logits: Tensor = self.layers(x)
        return logits


def _stacked(
    features: int, hidden: Sequence[tuple[int, LayerRecipe]], classes: int
) -> nn.Sequential:
    """Stack hidden layers of (width, recipe) on so many input features, and the classes."""
    on_input = hidden[0][1].norm.on_input(features, image=False)
    layers: list[nn.Module] = [nn.Flatten(), *on_input]
    for index, (width, recipe) in enumerate(hidden):
        layers += recipe.hidden(nn.Linear(features, width), width, index)
        features = width
    return nn.Sequential(*layers, nn.Linear(features, classes))
