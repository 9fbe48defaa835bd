"""Scale the loss where the forward pass is in fp16, so that small gradients do not become 0.

Micikevicius et al. 2018 (arXiv:1710.03740), by PyTorch's `GradScaler`: a step whose gradients
overflow is left out and halves the scale; 2,000 steps without one double it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.amp import GradScaler
from torch.optim import Optimizer

from trainers.config import TrainConfig
from trainers.device.number_format import forward_type


class LossScaling:
    """Takes the steps of one training; without fp16 it scales nothing.

    Attributes:
        taken: number of steps that were taken, since it was last set to 0.
    """

    def __init__(self, config: TrainConfig, device: torch.device) -> None:
        """Begin with PyTorch's scale, 65,536."""
        self._enabled = forward_type(config, device) is torch.float16
        self._scaler = GradScaler(device.type, enabled=self._enabled)
        self.taken = 0

    def backward(self, loss: Tensor) -> None:
        """Add to each parameter's gradient that of the scaled loss."""
        self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]

    def unscale(self, optimizer: Optimizer) -> None:
        """Divide the gradients by the scale, to be looked at or bounded before the step."""
        self._scaler.unscale_(optimizer)

    def step(self, optimizer: Optimizer) -> bool:
        """Take an optimizer's step; return False if it was left out, as gradients overflowed."""
        if not self._enabled:
            optimizer.step()
            taken = True
        else:
            before = self._scaler.get_scale()
            self._scaler.step(optimizer)
            self._scaler.update()
            # Nothing else tells; a scale that has come down to 0 does not fall any more.
            taken = 0 < before <= self._scaler.get_scale()
        self.taken += taken
        return taken

    @property
    def hopeless(self) -> bool:
        """Whether no step was taken, though the scale has come down below 1: nothing is learned."""
        return self._enabled and not self.taken and self._scaler.get_scale() < 1

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint needs to go on with the same scale; empty without fp16."""
        return self._scaler.state_dict()

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` returned, unless it was without fp16."""
        if self._enabled and state:
            self._scaler.load_state_dict(dict(state))
