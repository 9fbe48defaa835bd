"""Generate two circles, one inside the other: the course's case study of batch norm.

A point has 2 numbers and one of 2 classes. scikit-learn's make_circles generates the points;
nothing is downloaded.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from trainers.data.dataset import Dataset
from trainers.data.splits import subset
from trainers.errors import ConfigError


@dataclass(frozen=True)
class Points:
    """Holds a part of points.

    Attributes:
        places: (N, 2) float32, within about 1 of the origin.
        labels: (N,) int64: 0 the outer circle, 1 the inner one.
    """

    places: Tensor
    labels: Tensor

    labelled = True

    def __len__(self) -> int:
        return len(self.labels)

    def inputs(self, index: Tensor) -> Tensor:
        """Gather the points (N, 2) float32 at `index`."""
        return self.places.index_select(0, index)

    def batch(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Gather the points (N, 2) float32 and labels (N,) int64 at `index`."""
        return self.inputs(index), self.labels.index_select(0, index)

    def to(self, device: torch.device) -> Points:
        """Return the same points on `device`."""
        return replace(self, places=self.places.to(device), labels=self.labels.to(device))


def load(root: str | None, fraction: float, split_seed: int, samples: int, noise: float) -> Dataset:
    """Generate `samples` points each for training, validation and test.

    Args:
        root: unused; there for the keys to be the same as other data sets'.
        fraction: share of the training points that is used.
        split_seed: seed of the generator.
        samples: half of them on each circle.
        noise: standard deviation of the points about their circle, of radius 1 or 0.8.

    Raises:
        ConfigError: fewer than 4 samples, or noise below 0.
    """
    from sklearn.datasets import make_circles

    if samples < 4:
        raise ConfigError(f"data.samples must be 4 or more, not {samples}: set data.samples=…")
    if noise < 0:
        raise ConfigError(f"data.noise must be 0 or more, not {noise}: set data.noise=…")
    digest = hashlib.sha256()
    parts = []
    for number in range(3):
        seed = int(np.random.SeedSequence((split_seed, number)).generate_state(1)[0])
        places, labels = make_circles(n_samples=samples, noise=noise, random_state=seed)
        if number == 0:
            rows = subset(labels, fraction, split_seed)
            places, labels = places[rows], labels[rows]
        places = places.astype(np.float32)
        digest.update(places.tobytes() + labels.astype(np.int64).tobytes())
        parts.append(Points(torch.from_numpy(places), torch.from_numpy(labels.astype(np.int64))))
    return Dataset(parts[0], parts[1], parts[2], ("outer", "inner"), (2,), digest.hexdigest()[:16])
