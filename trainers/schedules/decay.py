"""Define the learning-rate schedules that PyTorch does not have."""

from __future__ import annotations

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from trainers.errors import ConfigError


def constant(optimizer: Optimizer) -> LambdaLR:
    """Keep the optimizer's own learning rate throughout."""
    return LambdaLR(optimizer, lambda epoch: 1.0)


def cosine(optimizer: Optimizer, epochs: int, warmup: int = 0) -> LambdaLR:
    """Rise linearly over `warmup` epochs, then fall by half a cosine to 0 after the last epoch.

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


def two_stage(optimizer: Optimizer, switch: int, gamma: float, final_gamma: float) -> LambdaLR:
    """Decay in two stages: by `gamma` an epoch, and by `final_gamma` after `switch` epochs.

    Raises:
        ConfigError: switch below 0, or a factor outside (0, 1].
    """
    if switch < 0:
        raise ConfigError(f"schedule.switch must be 0 or more epochs, not {switch}")
    for key, value in (("gamma", gamma), ("final_gamma", final_gamma)):
        if not 0 < value <= 1:
            raise ConfigError(
                f"schedule.{key} must be above 0 and at most 1, not {value}: set schedule.{key}=…"
            )
    return LambdaLR(
        optimizer, lambda epoch: gamma ** min(epoch, switch) * final_gamma ** max(0, epoch - switch)
    )
