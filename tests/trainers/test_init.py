"""How weights begin."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import nn

from trainers import build, init
from trainers.config import compose
from trainers.errors import ConfigError

SCHEMES: dict[str, Callable[[nn.Module, init.Activation], None]] = {
    "xavier_uniform": init.xavier_uniform,
    "xavier_normal": init.xavier_normal,
    "kaiming_uniform": init.kaiming_uniform,
    "kaiming_normal": init.kaiming_normal,
    "normal": partial(init.normal, std=0.05),
}


def deep(activation: init.Activation, depth: int = 8, width: int = 512) -> nn.Sequential:
    layers: list[nn.Module] = []
    for _ in range(depth):
        layers += [nn.Linear(width, width), activation()]
    return nn.Sequential(*layers, nn.Linear(width, width))


@pytest.mark.parametrize("scheme", ["kaiming_uniform", "kaiming_normal", "xavier_normal"])
@pytest.mark.parametrize(
    "activation", [nn.ReLU, partial(nn.LeakyReLU, 0.2)], ids=["relu", "leaky_relu"]
)
def test_signals_keep_their_size_through_many_layers(
    scheme: str, activation: init.Activation
) -> None:
    torch.manual_seed(0)
    model = deep(activation)
    SCHEMES[scheme](model, activation)
    x = torch.randn(256, 512)
    sizes = []
    for layer in model[:-1]:
        x = layer(x).detach()
        if isinstance(layer, nn.Linear):
            sizes.append(float(x.square().mean()))
    # Each is 1 x or 2 x the input's: half of a ReLU's signal is lost and made up for.
    assert 0.5 < sizes[-1] / sizes[0] < 2
    with_default = deep(activation)
    assert float(with_default(torch.randn(256, 512)).detach().square().mean()) < 0.05 * sizes[-1]


@pytest.mark.parametrize(
    ("scheme", "std"),
    [
        ("normal", 0.05),
        ("xavier_uniform", math.sqrt(2) * math.sqrt(2 / (300 + 200))),
        ("xavier_normal", math.sqrt(2) * math.sqrt(2 / (300 + 200))),
        ("kaiming_uniform", math.sqrt(2 / 300)),
        ("kaiming_normal", math.sqrt(2 / 300)),
    ],
)
def test_standard_deviations_and_the_last_layer(scheme: str, std: float) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(300, 200), nn.ReLU(), nn.Linear(200, 300))
    SCHEMES[scheme](model, nn.ReLU)
    first, last = model[0], model[2]
    assert float(first.weight.detach().std()) == pytest.approx(std, rel=0.02)
    assert not first.bias.any()
    assert not last.bias.any()
    # No activation follows the last layer: no gain.
    gain = {"normal": 1.0}.get(scheme, math.sqrt(2))
    inputs = {"kaiming_uniform": 300 / 200, "kaiming_normal": 300 / 200}.get(scheme, 1.0)
    assert float(last.weight.detach().std()) == pytest.approx(
        std / gain * math.sqrt(inputs), rel=0.02
    )


@pytest.mark.parametrize(
    ("activation", "gain"),
    [
        (nn.ReLU(), math.sqrt(2)),
        (nn.LeakyReLU(0.5), math.sqrt(2 / 1.25)),
        (nn.GELU(), math.sqrt(2)),
        (nn.SiLU(), math.sqrt(2)),
        (nn.Mish(), math.sqrt(2)),
        (nn.Tanh(), 5 / 3),
        (nn.Sigmoid(), 1.0),
        (nn.Softplus(), 1.0),
    ],
)
def test_gains(activation: nn.Module, gain: float) -> None:
    assert init.gain_of(activation) == pytest.approx(gain)


def test_default_leaves_every_number_that_pytorch_drew() -> None:
    torch.manual_seed(0)
    built = build.model(compose(["norm=none", "model.width=7"]), (1, 8, 8), 10)
    torch.manual_seed(0)
    bare = [nn.Linear(64, 7), nn.Linear(7, 7), nn.Linear(7, 10)]
    expected = [parameter for layer in bare for parameter in layer.parameters()]
    assert len(expected) == len(list(built.parameters()))
    assert all(map(torch.equal, built.parameters(), expected))


@pytest.mark.parametrize("model", ["mlp", "cnn"])
def test_weight_norm_is_taken_apart_again(model: str) -> None:
    torch.manual_seed(0)
    overrides = [f"model={model}", "norm=weight", "init=kaiming_normal", "model.width=400"]
    built = build.model(compose(overrides), (1, 8, 8), 10)
    wide = max(
        (m for m in built.modules() if isinstance(m, nn.Linear)), key=lambda m: m.weight.numel()
    )
    assert float(wide.weight.detach().std()) == pytest.approx(
        math.sqrt(2 / wide.in_features), rel=0.05
    )


def test_refuses_no_spread() -> None:
    with pytest.raises(ConfigError, match=r"init\.std must be above 0"):
        init.normal(nn.Linear(2, 2), nn.ReLU, std=0.0)
