"""Learning-rate schedules that PyTorch does not have, each stepped once an epoch."""

from __future__ import annotations

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from trainers.errors import ConfigError


def constant(optimizer: Optimizer) -> LambdaLR:
    """The optimizer's own learning rate throughout."""
    return LambdaLR(optimizer, lambda epoch: 1.0)


def cosine(optimizer: Optimizer, epochs: int, warmup: int = 0) -> LambdaLR:
    """A linear rise over `warmup` epochs, then half a cosine down to 0 after the last epoch.

    Loshchilov & Hutter, "SGDR" (2017), without restarts; the rise is Goyal et al. (2017). The
    first epoch of the rise already learns, at 1 / (warmup + 1) of the full rate.

    Raises:
        ConfigError: unless 0 <= warmup < epochs.
    """
    if not 0 <= warmup < epochs:
        raise ConfigError(
            f"schedule.warmup must be from 0 to below epochs ({epochs}), not {warmup}: "
            "shorten the warm-up or train for longer"
        )

    def factor(epoch: int) -> float:  # 0 in the first epoch
        if epoch < warmup:
            return (epoch + 1) / (warmup + 1)
        done = min(1.0, (epoch - warmup) / (epochs - warmup))
        return 0.5 * (1 + math.cos(math.pi * done))

    return LambdaLR(optimizer, factor)
