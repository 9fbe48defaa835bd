"""Normalise by instance, over any number of places."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm

EPSILON = 1e-5


def has_places(x: Tensor) -> bool:
    """Return whether a feature of (N, F, …) has several places for statistics to be taken over.

    Vectors (N, F) have one, and so has an image of one pixel.
    """
    return math.prod(x.shape[2:]) > 1


def instance_norm(x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    """Normalise each feature of each example over its places; see `InstanceNorm`.

    Args:
        x: (N, F) or (N, F, H, W).
        weight, bias: (F,), or None for a scale of 1 and no shift.
    """
    if has_places(x):  # as many groups as features: ten times faster on a CPU than instance_norm
        return torch.group_norm(x, x.shape[1], weight, bias, EPSILON)
    flat = x.flatten(1)
    return layer_norm(flat, flat.shape[1:], weight, bias, EPSILON).view_as(x)


class InstanceNorm(nn.Module):
    """Normalises (N, F) and (N, F, H, W) by instance (Ulyanov et al. 2016).

    Where a feature has one place only, normalising over it would leave nothing (and PyTorch's
    InstanceNorm2d refuses to): the statistics are then those over the features of an example.
    """

    def __init__(self, features: int, affine: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features)) if affine else None
        self.bias = nn.Parameter(torch.zeros(features)) if affine else None

    def forward(self, x: Tensor) -> Tensor:
        """Normalise a batch; the shape stays."""
        return instance_norm(x, self.weight, self.bias)
