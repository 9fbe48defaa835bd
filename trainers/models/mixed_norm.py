"""Define normalisations that learn how to weigh several statistics.

Both take vectors (N, F) and images (N, F, H, W). Where a feature has one place only, what is
taken over its places is taken over the features of the example, as in `InstanceNorm`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm

from trainers.models.instance_norm import EPSILON, has_places, instance_norm


class BatchInstanceNorm(nn.Module):
    """Computes rho x batch norm + (1 - rho) x instance norm, then scale and shift.

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
        """Normalise a batch; shape and type stay."""
        rho = self.rho.clamp(0, 1)
        # The shares go into the scales of the two, which PyTorch computes in one pass each.
        by_batch = batch_norm(
            x,
            self.mean,
            self.var,
            weight=rho * self.weight,
            bias=self.bias,
            training=self.training,
            momentum=self.momentum,
            eps=EPSILON,
        )
        by_instance = instance_norm(x, (1 - rho) * self.weight, None)
        return (by_batch + by_instance).to(x.dtype)


class SwitchableNorm(nn.Module):
    """Normalises by weighted means of the statistics of instance, layer and batch norm.

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
        """Normalise a batch; shape and type stay."""
        # In bf16 the rounding of a large mean would be as large as what differs from it.
        wide = x.to(self.weight.dtype)
        places = _over_places(wide)
        layer = _pooled(places, 1)
        instance = places if has_places(x) else layer
        batch = self._batch(places)
        mean = _blend(self.mean_weight, instance[0], layer[0], batch[0])
        var = _blend(self.var_weight, instance[1], layer[1], batch[1])
        scale = torch.rsqrt(var + EPSILON) * _aligned(self.weight, x)
        return torch.addcmul(_aligned(self.bias, x) - mean * scale, wide, scale).to(x.dtype)

    def _batch(self, places: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        if not self.training:
            return _aligned(self.mean, places[0]), _aligned(self.var, places[0])
        mean, var = _pooled(places, 0)
        with torch.no_grad():
            self.mean.lerp_(mean.flatten(), self.momentum)
            self.var.lerp_(var.flatten(), self.momentum)
        return mean, var


def _over_places(x: Tensor) -> tuple[Tensor, Tensor]:
    """Compute mean and variance of each feature of each example; a single place does not vary."""
    if not has_places(x):
        return x, x.new_zeros([1] * x.ndim)
    var, mean = torch.var_mean(x, tuple(range(2, x.ndim)), correction=0, keepdim=True)
    return mean, var


def _pooled(parts: tuple[Tensor, Tensor], axis: int) -> tuple[Tensor, Tensor]:
    """Pool mean and variance of equal parts: add the variance between and within the parts."""
    between, mean = torch.var_mean(parts[0], axis, correction=0, keepdim=True)
    return mean, between + parts[1].mean(axis, keepdim=True)


def _aligned(values: Tensor, x: Tensor) -> Tensor:
    """Reshape (F,) to align with axis 1 of x."""
    return values.view(-1, *[1] * (x.ndim - 2))


def _blend(weights: Tensor, a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    shares = weights.softmax(0)
    return shares[0] * a + shares[1] * b + shares[2] * c
