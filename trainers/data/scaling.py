"""Scale inputs, by centre and size fitted on the training part alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from trainers.config.hydra_grammar import written
from trainers.errors import ConfigError

KINDS = ("standardise", "minmax", "none")


@dataclass(frozen=True)
class Scaling:
    """Scales inputs by feature or channel: (x - center) * scale.

    Attributes:
        center, scale: float32, of a shape that meets the axis of the features in a batch.
    """

    center: Tensor
    scale: Tensor

    def apply(self, x: Tensor) -> Tensor:
        """Scale a batch in place."""
        return x.sub_(self.center).mul_(self.scale)

    def to(self, device: torch.device) -> Scaling:
        """Return the same scaling on `device`."""
        return replace(self, center=self.center.to(device), scale=self.scale.to(device))

    @classmethod
    def of_rows(cls, kind: str, blocks: Iterable[Tensor]) -> Scaling | None:
        """Fit a scaling by feature to blocks of rows (n, D); None for none.

        standardise: mean 0 and deviation 1. minmax: from 0 to 1. A constant feature is
        only moved. Sums are float64, a block at a time.

        Raises:
            ConfigError: no such kind.
        """
        check(kind)
        if kind == "none":
            return None
        count = 0
        total = squares = torch.zeros(1, dtype=torch.float64)
        low, high = torch.full((1,), torch.inf), torch.full((1,), -torch.inf)
        for block in blocks:
            rows = block.double()
            count += len(rows)
            total = total + rows.sum(0)
            squares = squares + rows.square().sum(0)
            low, high = torch.minimum(low, rows.amin(0)), torch.maximum(high, rows.amax(0))
        mean = total / count
        if kind == "standardise":
            return cls.between(mean, (squares / count - mean.square()).clamp(min=0).sqrt())
        return cls.between(low, high - low)

    @classmethod
    def between(cls, center: Tensor, size: Tensor) -> Scaling:
        """Make the scaling that moves by `center` and divides by `size`, where that is not 0."""
        scale = torch.where(size > 0, 1 / size, torch.ones_like(size))
        return cls(center.float(), scale.float())


def check(kind: str) -> None:
    """Raise ConfigError for a kind of scaling that does not exist."""
    if kind not in KINDS:
        raise ConfigError(
            f"data.scaling must be one of {', '.join(KINDS)}, not {written(kind)}: set "
            "data.scaling=…"
        )
