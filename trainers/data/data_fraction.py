"""Data as a fidelity: the first epochs of a training see a part of its examples, the rest all.

With a rule that stops trials early, trials that are stopped early have cost less. Which examples
they are is the same for all trials of a sweep: `data.split_seed` draws them, and fewer of them are
contained in more.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from trainers.config import FirstConfig, TrainConfig
from trainers.errors import ConfigError


@dataclass(frozen=True)
class Lengths:
    """How many batches epochs have: the first `epochs` of them `early`, all others `full`."""

    epochs: int
    early: int
    full: int

    def upto(self, epoch: int) -> int:
        """How many batches there have been after an epoch."""
        few = min(epoch, self.epochs)
        return few * self.early + (epoch - few) * self.full


def describe(first: FirstConfig) -> str:
    """Say which share the first epochs see; empty if every epoch sees all of the data."""
    if first.epochs is None or first.fraction == 1:
        return ""
    share = f"{100 * first.fraction:.3g} %"
    return f"the first {first.epochs} see {share} of the training data, the rest all"


def available(first: FirstConfig, epoch: int, total: int) -> int:
    """How many of `total` training examples an epoch (from 1) draws from."""
    if first.epochs is None or epoch > first.epochs:
        return total
    return min(total, max(1, round(first.fraction * total)))


def early(config: TrainConfig, total: int, where: torch.device) -> Tensor:
    """(examples,) int64 on the device: those that the first epochs see; empty if they see all.

    Raises:
        ConfigError: fewer than 2, which are too few to train on.
    """
    count = available(config.first, 1, total)
    if count == total:
        return torch.empty(0, dtype=torch.int64, device=where)
    if count < 2:
        raise ConfigError(
            f"first.fraction={config.first.fraction:g} of {total} examples is {count}, and "
            "training needs 2 or more: raise it"
        )
    generator = torch.Generator().manual_seed(int(config.data.get("split_seed", 0)))
    return torch.randperm(total, generator=generator)[:count].to(where)
