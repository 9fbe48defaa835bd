"""Augment batches of inputs on their device, in training only.

Each function is a choice of conf/augment/. It takes and returns inputs (N, ..., T, F), frames by
features or rows by columns of an image, which it may change in place. Random numbers are drawn on
the device from torch's own generator.
"""

from __future__ import annotations

import torch
from torch import Tensor

from trainers.errors import ConfigError


def none(x: Tensor) -> Tensor:
    """Return the inputs unchanged."""
    return x


def noise(x: Tensor, std: float) -> Tensor:
    """Add Gaussian noise of this standard deviation to every number (Bishop 1995).

    Raises:
        ConfigError: std below 0.
    """
    if std < 0:
        raise ConfigError(f"augment.std must be 0 or more, not {std}: set augment.std=…")
    return x.add_(torch.randn_like(x), alpha=std)


def mask(x: Tensor, time: int, frequency: int, p: float, std: float) -> Tensor:
    """Set one band of each axis to 0: SpecAugment without warping (Park et al. 2019, section 2).

    Each example has its own bands: with probability `p`, 0 to `time` neighbouring frames, and
    likewise 0 to `frequency` features. Noise of `std` comes before.

    Raises:
        ConfigError: a size below 0, or p outside [0, 1].
    """
    for key, size in (("time", time), ("frequency", frequency)):
        if size < 0:
            raise ConfigError(f"augment.{key} must be 0 or more, not {size}: set augment.{key}=…")
    if not 0 <= p <= 1:
        raise ConfigError(f"augment.p must be from 0 to 1, not {p}: set augment.p=…")
    if std:
        x = noise(x, std)
    for axis, most in ((-2, time), (-1, frequency)):
        if most:
            hidden = _bands(len(x), x.shape[axis], most, p, x.device)
            shape = [len(x), *[1] * (x.ndim - 1)]
            shape[axis] = x.shape[axis]
            x.masked_fill_(hidden.view(shape), 0.0)
    return x


def _bands(count: int, length: int, most: int, p: float, device: torch.device) -> Tensor:
    """Draw (count, length) bool: in each row, with probability p, one band of 0 to `most`."""
    hit, width, place = torch.rand(3, count, 1, device=device)
    width = (width * (min(most, length) + 1)).floor() * (hit < p)
    start = (place * (length - width + 1)).floor()
    position = torch.arange(length, device=device)
    hidden: Tensor = (position >= start) & (position < start + width)
    return hidden
