"""A small convolutional network, made for one CPU core."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from trainers.models.limits import at_least_one, share


class CNN(nn.Module):
    """`depth` blocks that halve the image, then one hidden layer of `width` and the classes.

    A block is a 3x3 convolution of stride 2, norm and activation; the first has `channels`
    channels and each next one twice as many. The stride stands in for pooling: on one CPU core
    a step costs a fifth of what full-size convolutions with pooling cost. An image that has
    shrunk to one pixel stays one pixel, so any depth takes any image.

    (N, C, H, W) -> (N, classes) logits.

    Raises:
        ConfigError: channels, depth or width below 1, or dropout outside [0, 1).
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
        norm: Callable[[int, int], nn.Module],
        activation: Callable[[], nn.Module],
    ) -> None:
        super().__init__()
        at_least_one(channels=channels, depth=depth, width=width)
        share(dropout=dropout)
        features, height, wide = input_shape
        layers: list[nn.Module] = []
        for block in range(depth):
            out = channels * 2**block
            layers += [nn.Conv2d(features, out, 3, stride=2, padding=1), norm(out, 2), activation()]
            features, height, wide = out, (height + 1) // 2, (wide + 1) // 2
        layers += [nn.Flatten(), nn.Linear(features * height * wide, width)]
        layers += [norm(width, 1), activation()]
        layers += [nn.Dropout(dropout)] if dropout else []
        self.layers = nn.Sequential(*layers, nn.Linear(width, classes))

    def forward(self, x: Tensor) -> Tensor:
        """Logits of a batch."""
        logits: Tensor = self.layers(x)
        return logits
