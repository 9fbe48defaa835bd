"""Compute a metric over a whole part; each function is a choice of conf/metric/.

A metric takes outputs (N, K) float32 and targets: labels (N,) int64 of outputs that are logits, or
numbers (N, K) float32 in their own units, as the outputs are then. It returns one number.
"""

from __future__ import annotations

import torch
from torch import Tensor


def macro_f1(outputs: Tensor, targets: Tensor) -> Tensor:
    """Compute the mean F1 of the classes that have examples, each counting the same."""
    size = outputs.shape[1]
    found = outputs.argmax(1)
    true = torch.bincount(targets, minlength=size)
    taken = torch.bincount(found, minlength=size)
    right = torch.bincount(targets[found == targets], minlength=size)
    f1 = 2 * right / (true + taken).clamp(min=1)
    return f1[true > 0].mean()


def rmse(outputs: Tensor, targets: Tensor) -> Tensor:
    """Compute the root of the mean squared error, in the units of the target."""
    return (outputs - targets).square().mean().sqrt()
