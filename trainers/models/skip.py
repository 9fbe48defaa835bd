"""Define perceptrons with skip connections: by addition, and by concatenation."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from trainers.models.layers import LayerRecipe
from trainers.models.limits import at_least_one
from trainers.models.norm import Norm


class ResidualMLP(nn.Module):
    """Classifies by a hidden layer and `blocks` of two hidden layers whose input is added.

    He et al., "Deep Residual Learning" (2016), for vectors. All layers are `width` wide.
    (N, *input_shape) -> (N, classes) logits.

    Raises:
        ConfigError: width or blocks below 1, or dropout outside [0, 1).
    """

    def __init__(
        self,
        width: int,
        blocks: int,
        dropout: float,
        *,
        input_shape: tuple[int, ...],
        classes: int,
        norm: Norm,
        activation: Callable[[], nn.Module],
    ) -> None:
        super().__init__()
        at_least_one(width=width, blocks=blocks)
        recipe = LayerRecipe(norm, activation, dropout)
        features = math.prod(input_shape)
        self.stem = nn.Sequential(
            nn.Flatten(), *norm.on_input(features, image=False), recipe.linear(features, width, 0)
        )
        self.blocks = nn.ModuleList(
            nn.Sequential(
                recipe.linear(width, width, 2 * block + 1),
                recipe.linear(width, width, 2 * block + 2),
            )
            for block in range(blocks)
        )
        self.head = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the logits of a batch."""
        x = self.stem(x)
        for block in self.blocks:
            x = x + block(x)
        logits: Tensor = self.head(x)
        return logits


class DenseMLP(nn.Module):
    """Classifies by `depth` hidden layers that see the input and all outputs before them.

    Huang et al., "Densely Connected Networks" (2017), for vectors: skip connections that
    concatenate. `width` is the growth, what each layer adds.
    (N, *input_shape) -> (N, classes) logits.

    Raises:
        ConfigError: width or depth below 1, or dropout outside [0, 1).
    """

    def __init__(
        self,
        width: int,
        depth: int,
        dropout: float,
        *,
        input_shape: tuple[int, ...],
        classes: int,
        norm: Norm,
        activation: Callable[[], nn.Module],
    ) -> None:
        super().__init__()
        at_least_one(width=width, depth=depth)
        recipe = LayerRecipe(norm, activation, dropout)
        features = math.prod(input_shape)
        self.stem = nn.Sequential(nn.Flatten(), *norm.on_input(features, image=False))
        self.layers = nn.ModuleList(
            recipe.linear(features + index * width, width, index) for index in range(depth)
        )
        self.head = nn.Linear(features + depth * width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the logits of a batch."""
        x = self.stem(x)
        for layer in self.layers:
            x = torch.cat([x, layer(x)], dim=1)
        logits: Tensor = self.head(x)
        return logits
