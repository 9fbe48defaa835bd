"""Loading a data set of phonemes by its configuration, as a sweep does before its trials."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from trainers.config import compose
from trainers.data import resident
from trainers.data.dataset import Dataset


def loaded(root: Path | None, data: str = "hw1p2", **settings: Any) -> Dataset:
    words = [f"data={data}", *([f"data.root={root}"] if root else [])]
    words += [f"data.{key}={value}" for key, value in ({"context": 1} | settings).items()]
    return resident.prepare(compose(words).data)


def everything(part: Any) -> tuple[torch.Tensor, torch.Tensor]:
    x, y = part.batch(torch.arange(len(part)))
    return x, y
