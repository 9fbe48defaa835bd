"""Normalisations that learn how much to trust which statistics.

Both take vectors (N, F) and images (N, F, H, W). A vector has one place only, so what is taken
over the places of a feature in an image is taken over the features of a vector.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm

EPSILON = 1e-5


class BatchInstanceNorm(nn.Module):
    """rho x batch norm + (1 - rho) x instance norm, then scale and shift.

    Nam & Kim (2018), eq. 4. rho, one for each feature, starts at 1 and is clipped to [0, 1].
    """

    mean: Tensor
    var: Tensor

    def __init__(self, features: int, momentum: float) -> None:
        super().__init__()
        self.momentum = momentum
        self.rho = nn.Parameter(torch.ones(features))
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features))
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("var", torch.ones(features))

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        by_batch = batch_norm(
            x, self.mean, self.var, training=self.training, momentum=self.momentum, eps=EPSILON
        )
        mean, var = _instance(x)
        by_instance = (x - mean) * torch.rsqrt(var + EPSILON)
        rho, weight, bias = (_aligned(p, x) for p in (self.rho.clamp(0, 1), self.weight, self.bias))
        return (rho * by_batch + (1 - rho) * by_instance) * weight + bias


class SwitchableNorm(nn.Module):
    """Mean and variance, each a weighted mean of those of instance, layer and batch norm.

    Luo et al. (2018), eq. 3 to 5; the weights are softmaxes, equal at the start. In evaluation the
    batch's statistics are running averages.
    """

    mean: Tensor
    var: Tensor

    def __init__(self, features: int, momentum: float) -> None:
        super().__init__()
        self.momentum = momentum
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features))
        self.mean_weight = nn.Parameter(torch.ones(3))
        self.var_weight = nn.Parameter(torch.ones(3))
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("var", torch.ones(features))

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        instance_mean, instance_var = _instance(x)
        layer_mean, layer_var = _moments(x, tuple(range(1, x.ndim)))
        batch_mean, batch_var = self._batch(x)
        mean_share, var_share = self.mean_weight.softmax(0), self.var_weight.softmax(0)
        mean = _blend(mean_share, instance_mean, layer_mean, batch_mean)
        var = _blend(var_share, instance_var, layer_var, batch_var)
        normal = (x - mean) * torch.rsqrt(var + EPSILON)
        return normal * _aligned(self.weight, x) + _aligned(self.bias, x)

    def _batch(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if not self.training:
            return _aligned(self.mean, x), _aligned(self.var, x)
        mean, var = _moments(x, (0, *range(2, x.ndim)))
        with torch.no_grad():
            self.mean.lerp_(mean.flatten().to(self.mean.dtype), self.momentum)
            self.var.lerp_(var.flatten().to(self.var.dtype), self.momentum)
        return mean, var


def _moments(x: Tensor, axes: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    var, mean = torch.var_mean(x, axes, correction=0, keepdim=True)
    return mean, var


def _instance(x: Tensor) -> tuple[Tensor, Tensor]:
    return _moments(x, tuple(range(2, x.ndim)) or (1,))


def _aligned(values: Tensor, x: Tensor) -> Tensor:
    """(F,) so that it meets axis 1 of x."""
    return values.view(-1, *[1] * (x.ndim - 2))


def _blend(shares: Tensor, a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    return shares[0] * a + shares[1] * b + shares[2] * c
