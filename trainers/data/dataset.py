"""Define what a data set gives: three parts that turn indices into batches, and a loader.

A data set of one's own is a module with a function `load` (see `DataModule`), which returns a
`Dataset` of any three `Part`s, and a YAML in conf/data/ whose `_target_` names the function;
trainers/data/circles.py is a short one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from trainers.data.scaling import Scaling, check

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]


@runtime_checkable
class Part(Protocol):
    """Holds examples that lie ready on one device."""

    @property
    def labelled(self) -> bool:
        """Whether the labels of the examples are known."""

    def __len__(self) -> int:
        """Count the examples."""

    def inputs(self, index: Tensor) -> Tensor:
        """Gather inputs (N, *input_shape) float32 at `index`, which the caller may change."""

    def batch(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Gather the inputs and the labels (N,) int64 at `index`.

        Raises:
            DataError: the labels are not known.
        """

    def to(self, device: torch.device) -> Part:
        """Return the same part on another device (itself if it is there already)."""


@dataclass(frozen=True)
class Numbers:
    """Describes the numbers that a regression predicts.

    Targets and outputs are standardised: (number - center) / size.

    Attributes:
        names: of each number.
        center, size: of each, usually its mean and deviation in the training part.
    """

    names: tuple[str, ...]
    center: tuple[float, ...]
    size: tuple[float, ...]

    def restored(self, standardised: Tensor) -> Tensor:
        """Return (N, K) outputs or targets in the units that the data has."""
        like = {"dtype": standardised.dtype, "device": standardised.device}
        center, size = (torch.tensor(each, **like) for each in (self.center, self.size))  # type: ignore[arg-type]
        return standardised * size + center


@dataclass(frozen=True)
class Dataset:
    """Holds a data set, divided into parts.

    Attributes:
        train, valid, test: the parts. `fit` uses the first two, only `evaluate` the third.
        classes: the names of the labels, by index; empty where numbers are predicted.
        input_shape: shape of one example, such as (C, H, W).
        fingerprint: changes when an example, a label or the division does.
        numbers: what a regression predicts: then a part's batches have numbers (N, K) float32, as
            `Numbers` has them, in the place of labels.
    """

    train: Part
    valid: Part
    test: Part
    classes: tuple[str, ...]
    input_shape: tuple[int, ...]
    fingerprint: str
    numbers: Numbers | None = None

    @property
    def outputs(self) -> int:
        """Numbers that a model makes of an example: a logit a class, or those to be predicted."""
        return len(self.classes) if self.numbers is None else len(self.numbers.names)


class DataModule(Protocol):
    """Describes the module of a data set, whose `load` a `_target_` in conf/data/*.yaml names.

    Each function takes the keys of that YAML as its arguments. Only `load` must be there, and may
    have another name; for what a module leaves out, `resident.Configured` has the default below.
    """

    def load(self, *args: Any, **keys: Any) -> Dataset:
        """Load the data set from disk, or generate it: the same keys give the same examples.

        A `load` that keeps a copy of its files also has an argument `thorough: bool = False`. It
        is true once, before trials start: then every file is compared with the copy. Without the
        argument, files are taken to be as they were.

        Raises:
            DataError: the data is not there, or is damaged.
        """

    def prepare(self, *args: Any, **keys: Any) -> None:
        """Fetch what is missing: called once, before trials start. Left out: nothing is fetched.

        Raises:
            DataError: something is missing, and cannot be fetched.
        """

    def here(self, *args: Any, **keys: Any) -> bool:
        """Return whether `load` would neither fetch nor build anything. Left out: true.

        Raises:
            DataError: the data is not there, and `prepare` does not fetch it.
        """


@dataclass(frozen=True)
class Images:
    """Holds a part of uint8 images, scaled as they are gathered.

    Attributes:
        pixels: (N, C, H, W) uint8.
        labels: (N,) int64.
        scaling: scaling of each channel, (C, 1, 1); None for none.
    """

    pixels: Tensor
    labels: Tensor
    scaling: Scaling | None

    labelled = True

    def __len__(self) -> int:
        return len(self.labels)

    def inputs(self, index: Tensor) -> Tensor:
        """Gather inputs (N, C, H, W) float32 of the examples at `index`."""
        x = self.pixels.index_select(0, index).float()
        return x if self.scaling is None else self.scaling.apply(x)

    def batch(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Gather inputs (N, C, H, W) float32 and labels (N,) int64 of the examples at `index`."""
        return self.inputs(index), self.labels.index_select(0, index)

    def to(self, device: torch.device) -> Images:
        """Return the same images on `device`."""
        return replace(
            self,
            pixels=self.pixels.to(device),
            labels=self.labels.to(device),
            scaling=None if self.scaling is None else self.scaling.to(device),
        )


def image_dataset(
    train: tuple[Bytes, Ints],
    valid: tuple[Bytes, Ints],
    test: tuple[Bytes, Ints],
    classes: Sequence[str],
    scaling: str,
) -> Dataset:
    """Make a data set of (pixels (N, C, H, W), labels (N,)) pairs, scaled by the training part.

    Raises:
        ConfigError: no such scaling.
    """
    fitted = _fitted(scaling, train[0])
    parts = [
        Images(torch.from_numpy(pixels), torch.from_numpy(labels), fitted)
        for pixels, labels in (train, valid, test)
    ]
    digest = hashlib.sha256()
    for pixels, labels in (train, valid, test):
        digest.update(repr(pixels.shape).encode())
        digest.update(np.ascontiguousarray(pixels).data)
        digest.update(np.ascontiguousarray(labels).data)
    shape = tuple(int(n) for n in train[0].shape[1:])
    return Dataset(parts[0], parts[1], parts[2], tuple(classes), shape, digest.hexdigest()[:16])


def _fitted(scaling: str, pixels: Bytes) -> Scaling | None:
    check(scaling)
    if scaling == "none":
        return None
    if scaling == "minmax":
        low, high = (pixels.min((0, 2, 3)), pixels.max((0, 2, 3)))
        center, size = low.astype(np.float64), high.astype(np.float64) - low
    else:
        center, size = moments(pixels)
    shape = (-1, 1, 1)
    return Scaling.between(torch.from_numpy(center).view(shape), torch.from_numpy(size).view(shape))


def moments(pixels: Bytes) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Compute mean and standard deviation by channel, each (C,), of (N, C, H, W) pixels.

    From histograms of a few images at a time: exact, and without a float copy of the data. A
    channel that never varies gets a deviation of 1, so that dividing by it is harmless.
    """
    counts = np.zeros((pixels.shape[1], 256), dtype=np.int64)
    for start in range(0, len(pixels), 1024):
        for channel, count in enumerate(counts):
            count += np.bincount(pixels[start : start + 1024, channel].ravel(), minlength=256)
    values = np.arange(256)
    total = counts.sum(axis=1)
    mean = counts @ values / total
    std = np.sqrt((counts * (values - mean[:, None]) ** 2).sum(axis=1) / total)
    std[std == 0] = 1.0
    return mean, std
