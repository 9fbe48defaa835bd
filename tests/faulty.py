"""Models that fail on purpose, for sweeps whose trials must fail alone."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from trainers.models.mlp import MLP


class Faulty(nn.Module):
    """An MLP that learns, raises, gives NaN, or runs out of memory while it is trained.

    `shared`: it runs out of memory after its first three batches unless Ray has given it a whole
    card. `large`: whatever it was given.
    """

    def __init__(self, fault: str, width: int, depth: int, dropout: float, **supplied: object):
        super().__init__()
        self.fault, self.batches = fault, 0
        self.mlp = MLP(width=width, depth=depth, dropout=dropout, **supplied)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        if not torch.is_grad_enabled():  # it is only tried, or evaluated
            return self.mlp(x)  # type: ignore[no-any-return]
        if self.fault == "raise":
            raise ValueError("a fault of the model's own\nwith a second line")
        self.batches += 1
        lacks = self.fault == "large" or (self.fault == "shared" and _share_of_card() < 1)
        if self.fault == "memory" or (lacks and self.batches > 3):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")
        if self.fault == "host_memory":
            raise MemoryError
        y = self.mlp(x)
        return y * float("nan") if self.fault == "diverge" else y


def _share_of_card() -> float:
    """What Ray has given this process of the cards."""
    import ray

    return float(ray.get_runtime_context().get_assigned_resources().get("GPU", 0.0))
