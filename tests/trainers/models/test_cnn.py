from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from trainers.errors import ConfigError
from trainers.models import norm
from trainers.models.cnn import CNN

LAYER = norm.layer(True, "before", "every")


def cnn(
    shape: tuple[int, int, int] = (1, 8, 8),
    channels: int = 2,
    depth: int = 2,
    width: int = 6,
    dropout: float = 0.0,
    built: norm.Norm = LAYER,
) -> CNN:
    return CNN(
        channels,
        depth,
        width,
        dropout,
        input_shape=shape,
        classes=3,
        norm=built,
        activation=nn.Tanh,
    )


@settings(deadline=None, max_examples=30)
@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 30), st.integers(1, 30)),
    depth=st.integers(1, 6),
)
def test_any_depth_takes_any_image(shape: tuple[int, int, int], depth: int) -> None:
    assert cnn(shape, depth=depth)(torch.zeros(2, *shape)).shape == (2, 3)


@pytest.mark.parametrize(
    "built",
    [
        norm.layer(True, "before", "every"),
        norm.group(4, True, "before", "every"),
        norm.instance(False, "before", "every"),
        norm.batch_instance(0.1, "before", "every"),
        norm.switchable(0.1, "before", "every"),
    ],
    ids=["layer", "group", "instance", "batch_instance", "switchable"],
)
def test_an_image_shrunk_to_a_pixel_still_tells_examples_apart(built: norm.Norm) -> None:
    torch.manual_seed(0)
    logits = cnn(depth=4, built=built)(torch.randn(6, 1, 8, 8))
    assert float(logits.detach().std(0).max()) > 0.01


def test_blocks_double_their_channels() -> None:
    convolutions = [layer for layer in cnn(depth=3).layers if isinstance(layer, nn.Conv2d)]
    assert [(c.in_channels, c.out_channels) for c in convolutions] == [(1, 2), (2, 4), (4, 8)]


@pytest.mark.parametrize(
    ("key", "value"), [("channels", 0), ("width", 0), ("depth", 0), ("dropout", 1.0)]
)
def test_refuses(key: str, value: float) -> None:
    with pytest.raises(ConfigError, match=rf"model\.{key} must be"):
        cnn(**{key: value})  # type: ignore[arg-type]


def test_takes_images_only() -> None:
    with pytest.raises(ConfigError, match=r"takes images.*model=mlp"):
        cnn(shape=(31, 13))  # type: ignore[arg-type]
