"""Normalisations as one kind of callable: norm(features, dims) -> module.

`features` is the size of axis 1; `dims` is 1 for (N, features) and 2 for (N, features, H, W).
"""

from __future__ import annotations

from torch import nn


def none(features: int, dims: int) -> nn.Module:
    """No normalisation."""
    return nn.Identity()


def batch(features: int, dims: int, momentum: float = 0.1, affine: bool = True) -> nn.Module:
    """Ioffe & Szegedy, "Batch Normalization" (2015)."""
    kind = nn.BatchNorm1d if dims == 1 else nn.BatchNorm2d
    return kind(features, momentum=momentum, affine=affine)


def layer(features: int, dims: int, affine: bool = True) -> nn.Module:
    """Ba et al., "Layer Normalization" (2016); for images over channels and pixels together."""
    if dims == 1:
        return nn.LayerNorm(features, elementwise_affine=affine)
    return nn.GroupNorm(1, features, affine=affine)
