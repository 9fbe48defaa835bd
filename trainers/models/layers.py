"""Make the hidden layer that all models here are made of."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from trainers.models.limits import share
from trainers.models.norm import Norm


class LayerRecipe:
    """Makes hidden layers: linear or convolution, norm and activation as ordered, dropout."""

    def __init__(self, norm: Norm, activation: Callable[[], nn.Module], dropout: float) -> None:
        """Keep what every hidden layer of a model shares.

        Raises:
            ConfigError: dropout outside [0, 1).
        """
        share(dropout=dropout)
        self.norm, self.activation, self.dropout = norm, activation, dropout

    def hidden(self, layer: nn.Module, features: int, index: int) -> list[nn.Module]:
        """Make hidden layer number `index` (from 0), which outputs `features` features."""
        image = isinstance(layer, nn.Conv2d)
        around = self.norm.around(layer, self.activation(), features, image, index)
        drop = self.dropout and not image
        return [*around, *([nn.Dropout(self.dropout)] if drop else [])]

    def linear(self, inputs: int, outputs: int, index: int) -> nn.Sequential:
        """Make a hidden layer of vectors."""
        return nn.Sequential(*self.hidden(nn.Linear(inputs, outputs), outputs, index))
