"""A model that takes its time, without using the processor, so that faults strike in the middle."""

from __future__ import annotations

import time

import torch
from torch import Tensor

from trainers.models.mlp import MLP

#: Seconds that it sleeps for each batch that it learns from.
SLEEP_S = 0.25


class Unhurried(MLP):
    """An MLP that sleeps before it learns from a batch."""

    def forward(self, x: Tensor) -> Tensor:
        if torch.is_grad_enabled():  # it is not only tried, or evaluated
            time.sleep(SLEEP_S)
        return super().forward(x)
