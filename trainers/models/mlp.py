"""Multi-layer perceptron."""

from __future__ import annotations

import math
from collections.abc import Callable

from torch import Tensor, nn

from trainers.models.limits import at_least_one, share


class MLP(nn.Module):
    """`depth` times linear, norm, activation, dropout, all `width` wide; then the classes.

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
        norm: Callable[[int, int], nn.Module],
        activation: Callable[[], nn.Module],
    ) -> None:
        super().__init__()
        at_least_one(width=width, depth=depth)
        share(dropout=dropout)
        layers: list[nn.Module] = [nn.Flatten()]
        features = math.prod(input_shape)
        for _ in range(depth):
            layers += [nn.Linear(features, width), norm(width, 1), activation()]
            layers += [nn.Dropout(dropout)] if dropout else []
            features = width
        self.layers = nn.Sequential(*layers, nn.Linear(features, classes))

    def forward(self, x: Tensor) -> Tensor:
        """Logits of a batch."""
        logits: Tensor = self.layers(x)
        return logits
