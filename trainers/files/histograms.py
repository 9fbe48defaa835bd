"""Count histograms of weights and gradients, epoch by epoch (`histograms: true`).

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
    """Counts numbers by size, in equal steps from `low`, the smallest, to `high`, the largest."""

    low: float
    high: float
    counts: tuple[int, ...]


def of(model: nn.Module) -> dict[str, Histogram]:
    """Count each parameter and its last gradient, as "weights/…" and "gradients/…".

    Counts on the device, and waits for the device once. Numbers that are not finite are left out.
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
    """Write the histograms of one epoch, whole or not at all."""
    final = path(folder, epoch)
    final.parent.mkdir(exist_ok=True)
    write_whole(final, json.dumps({name: asdict(h) for name, h in histograms.items()}))


def load(folder: Path, epoch: int) -> dict[str, Histogram]:
    """Load the histograms of one epoch; empty if there are none."""
    final = path(folder, epoch)
    if not final.exists():
        return {}
    return {
        name: Histogram(h["low"], h["high"], tuple(h["counts"]))
        for name, h in json.loads(final.read_text()).items()
    }


def load_all(folder: Path) -> dict[int, dict[str, Histogram]]:
    """Load the histograms of all epochs, the first epoch first; empty if there are none.

    Raises:
        OSError, ValueError, KeyError, TypeError: a file is damaged.
    """
    files = (folder / "histograms").glob("epoch_*.json")
    stems = [path.stem.removeprefix("epoch_") for path in files]
    numbers = sorted(int(stem) for stem in stems if stem.isdigit())
    return {number: load(folder, number) for number in numbers}


def path(folder: Path, epoch: int) -> Path:
    """Return the path of the histograms of an epoch."""
    return folder / "histograms" / f"epoch_{epoch:03d}.json"


def _row(value: Tensor) -> Tensor:
    """Count one tensor: (2 + BINS,) float64 of low, high, counts."""
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
