"""Initialise the weights of a model in place; each function is a choice of conf/init/.

The weights of linear layers and convolutions are drawn anew, their biases set to 0. The layer of
the classes, the last one, has no activation after it, and the gain of none.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from trainers.errors import ConfigError

Activation = Callable[[], nn.Module]


def default(model: nn.Module, activation: Activation) -> None:
    """Keep PyTorch's own initialisation: uniform, by the inputs of a layer."""


def normal(model: nn.Module, activation: Activation, std: float) -> None:
    """Draw from a Gaussian of one standard deviation for all layers.

    Raises:
        ConfigError: std of 0 or below.
    """
    if std <= 0:
        raise ConfigError(f"init.std must be above 0, not {std}: set init.std=…")
    _each(model, 1.0, lambda weight, gain: nn.init.normal_(weight, std=std))


def xavier_uniform(model: nn.Module, activation: Activation) -> None:
    """Draw uniformly by Glorot & Bengio (2010), times the gain of the activation."""
    _each(model, gain_of(activation()), nn.init.xavier_uniform_)


def xavier_normal(model: nn.Module, activation: Activation) -> None:
    """Draw from Gaussians by Glorot & Bengio (2010), times the gain of the activation."""
    _each(model, gain_of(activation()), nn.init.xavier_normal_)


def kaiming_uniform(model: nn.Module, activation: Activation) -> None:
    """Draw uniformly by He et al. (2015): by a layer's inputs and the gain of the activation."""
    _each(
        model,
        gain_of(activation()),
        lambda weight, gain: nn.init.uniform_(weight, -_bound(weight, gain), _bound(weight, gain)),
    )


def kaiming_normal(model: nn.Module, activation: Activation) -> None:
    """Draw from Gaussians by He et al. (2015): by a layer's inputs and the activation's gain."""
    _each(
        model,
        gain_of(activation()),
        lambda weight, gain: nn.init.normal_(weight, std=gain / math.sqrt(_inputs(weight))),
    )


def gain_of(activation: nn.Module) -> float:
    """Return the gain that keeps the size of signals through a layer with this activation.

    It is that of PyTorch's table, where the table has the activation; the ReLU's for its smooth
    kin (GELU, SiLU, Mish); 1 for others.
    """
    if isinstance(activation, nn.ReLU | nn.GELU | nn.SiLU | nn.Mish):
        return nn.init.calculate_gain("relu")
    if isinstance(activation, nn.LeakyReLU):
        return nn.init.calculate_gain("leaky_relu", activation.negative_slope)
    if isinstance(activation, nn.Tanh):
        return nn.init.calculate_gain("tanh")
    return 1.0


def each_weight(model: nn.Module, draw: Callable[[Tensor], object]) -> None:
    """Initialise each layer's weights by a function of a tensor, as torch.nn.init has.

    Args:
        draw: changes the tensor in place.
    """

    def filled(weight: Tensor, gain: float) -> Tensor:
        draw(weight)
        return weight

    _each(model, 1.0, filled)


def _each(model: nn.Module, gain: float, draw: Callable[[Tensor, float], Tensor]) -> None:
    layers = [m for m in model.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    with torch.no_grad():
        for number, layer in enumerate(layers, 1):
            its_gain = gain if number < len(layers) else 1.0
            if is_parametrized(layer, "weight"):  # by weight norm: drawn, then taken apart again
                layer.weight = draw(torch.empty_like(layer.weight), its_gain)
            else:
                draw(layer.weight, its_gain)
            if layer.bias is not None:
                layer.bias.zero_()


def _inputs(weight: Tensor) -> int:
    """Count the inputs of one unit of a layer."""
    return weight[0].numel()


def _bound(weight: Tensor, gain: float) -> float:
    """Return half the width of a uniform distribution with the variance that Kaiming asks for."""
    return gain * math.sqrt(3 / _inputs(weight))
