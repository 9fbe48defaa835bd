"""How weights and gradients are distributed, epoch by epoch (`histograms: true`).

<folder>/histograms/epoch_007.json    {"weights/<parameter>": {"low", "high", "counts"}, ...}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trainers.files.whole_file import write_whole

if TYPE_CHECKING:
    from torch import Tensor, nn

BINS = 64


@dataclass(frozen=True)
class Histogram:
    """Numbers by size: `counts` of equal steps from `low` to `high`, the smallest and largest."""

    low: float
    high: float
    counts: tuple[int, ...]


def of(model: nn.Module) -> dict[str, Histogram]:
    """Histograms of each parameter and of its last gradient, as "weights/…" and "gradients/…".

    Counted on the device; waits for it once. What is not finite is left out.
    """
    import torch

    values = {f"weights/{name}": p.detach() for name, p in model.named_parameters()}
    for name, p in model.named_parameters():
        if p.grad is not None:
            values[f"gradients/{name}"] = p.grad.detach()
    if not values:
        return {}
    rows = torch.stack([_row(value.float()) for value in values.values()]).cpu().tolist()
    return {
        name: Histogram(low, high, tuple(int(count) for count in counts))
        for name, (low, high, *counts) in zip(values, rows, strict=True)
    }


def save(folder: Path, epoch: int, histograms: Mapping[str, Histogram]) -> None:
    """Write those of one epoch, whole or not at all."""
    final = path(folder, epoch)
    final.parent.mkdir(exist_ok=True)
    write_whole(final, json.dumps({name: asdict(h) for name, h in histograms.items()}))


def load(folder: Path, epoch: int) -> dict[str, Histogram]:
    """Those of one epoch; empty if none were kept."""
    final = path(folder, epoch)
    if not final.exists():
        return {}
    return {
        name: Histogram(h["low"], h["high"], tuple(h["counts"]))
        for name, h in json.loads(final.read_text()).items()
    }


def path(folder: Path, epoch: int) -> Path:
    """Where those of an epoch are kept."""
    return folder / "histograms" / f"epoch_{epoch:03d}.json"


def _row(value: Tensor) -> Tensor:
    """(2 + BINS,) float64: low, high, counts."""
    import torch

    finite = value.isfinite()
    zero = torch.zeros_like(value)
    # Infinities for what is left out, so that neither end is one of them.
    low = torch.where(finite, value, zero + torch.inf).min()
    high = torch.where(finite, value, zero - torch.inf).max()
    low, high = torch.where(low > high, 0.0, low), torch.where(low > high, 0.0, high)
    width = torch.where(high > low, high - low, 1.0)
    bin_ = ((value - low) / width * BINS).nan_to_num(0.0).clamp_(0, BINS - 1).long()
    counts = torch.zeros(BINS, dtype=torch.float64, device=value.device)
    counts.index_add_(0, bin_.flatten(), finite.flatten().to(torch.float64))
    return torch.cat([torch.stack([low, high]).to(torch.float64), counts])
