"""Define a small convolutional network, made for one CPU core."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from trainers.errors import ConfigError
from trainers.models.layers import LayerRecipe
from trainers.models.limits import at_least_one
from trainers.models.norm import Norm


class CNN(nn.Module):
    """Classifies by `depth` blocks that halve the image, a hidden layer of `width`, the classes.

    A block is a 3x3 convolution of stride 2, norm and activation; the first has `channels`
    channels and each next one twice as many. The stride stands in for pooling: on one CPU core
    a step costs a fifth of what full-size convolutions with pooling cost. An image that has
    shrunk to one pixel stays one pixel, so any depth takes any image.

    (N, C, H, W) -> (N, classes) logits.

    Raises:
        ConfigError: channels, depth or width below 1, dropout outside [0, 1), or inputs that are
            no images.
    """

    def __init__(
        self,
        channels: int,
        depth: int,
        width: int,
        dropout: float,
        *,
        input_shape: tuple[int, ...],
        classes: int,
        norm: Norm,
        activation: Callable[[], nn.Module],
    ) -> None:
        super().__init__()
        at_least_one(channels=channels, depth=depth, width=width)
        if len(input_shape) != 3:
            raise ConfigError(
                f"model=cnn takes images, and this data has examples of {input_shape}: model=mlp"
            )
        recipe = LayerRecipe(norm, activation, dropout)
        features, height, wide = input_shape
        layers: list[nn.Module] = norm.on_input(features, image=True)
        for block in range(depth):
            out = channels * 2**block
            convolution = nn.Conv2d(features, out, 3, stride=2, padding=1)
            layers += recipe.hidden(convolution, out, block)
            features, height, wide = out, (height + 1) // 2, (wide + 1) // 2
        flat = nn.Linear(features * height * wide, width)
        layers += [nn.Flatten(), *recipe.hidden(flat, width, depth)]
        self.layers = nn.Sequential(*layers, nn.Linear(width, classes))

    def forward(self, x: Tensor) -> Tensor:
        """Compute the logits of a batch."""
        logits: Tensor = self.layers(x)
        return logits
