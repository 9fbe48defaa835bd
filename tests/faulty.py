"""Models that fail on purpose, for sweeps whose trials must fail alone."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from trainers.models.mlp import MLP


class Faulty(nn.Module):
    """An MLP that learns, raises, gives NaN, or runs out of memory while it is trained."""

    def __init__(self, fault: str, width: int, depth: int, dropout: float, **supplied: object):
        super().__init__()
        self.fault = fault
        self.mlp = MLP(width=width, depth=depth, dropout=dropout, **supplied)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        if not torch.is_grad_enabled():  # it is only tried, or evaluated
            return self.mlp(x)  # type: ignore[no-any-return]
        if self.fault == "raise":
            raise ValueError("a fault of the model's own\nwith a second line")
        if self.fault == "memory":
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")
        if self.fault == "host_memory":
            raise MemoryError
        y = self.mlp(x)
        return y * float("nan") if self.fault == "diverge" else y
