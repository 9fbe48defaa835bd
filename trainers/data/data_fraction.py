"""Let the first epochs of a training see a share of the data, and the others all of it.

A trial that a stopping rule ends early has then cost less. All trials of a sweep see the same
examples: `data.split_seed` draws them, and a smaller share is contained in a larger one.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from trainers.config import FirstConfig, TrainConfig
from trainers.errors import ConfigError


@dataclass(frozen=True)
class Lengths:
    """Holds the number of batches of an epoch: `early` in the first `epochs`, then `full`."""

    epochs: int
    early: int
    full: int

    def upto(self, epoch: int) -> int:
        """Count the batches up to the end of an epoch."""
        few = min(epoch, self.epochs)
        return few * self.early + (epoch - few) * self.full


def describe(first: FirstConfig) -> str:
    """Describe the share that the first epochs see; empty if every epoch sees all of the data."""
    if first.epochs is None or first.fraction == 1:
        return ""
    share = f"{100 * first.fraction:.3g} %"
    return f"the first {first.epochs} see {share} of the training data, the rest all"


def available(first: FirstConfig, epoch: int, total: int) -> int:
    """Count the training examples, of `total`, that an epoch (from 1) draws from."""
    if first.epochs is None or epoch > first.epochs:
        return total
    return min(total, max(1, round(first.fraction * total)))


def early(config: TrainConfig, total: int, device: torch.device) -> Tensor:
    """Draw the examples (N,) int64 that the first epochs see; empty if they see all.

    Raises:
        ConfigError: fewer than 2, which are too few to train on.
    """
    count = available(config.first, 1, total)
    if count == total:
        return torch.empty(0, dtype=torch.int64, device=device)
    if count < 2:
        raise ConfigError(
            f"first.fraction={config.first.fraction:g} of {total} examples is {count}, and "
            "training needs 2 or more: raise it"
        )
    generator = torch.Generator().manual_seed(int(config.data.get("split_seed", 0)))
    return torch.randperm(total, generator=generator)[:count].to(device)
