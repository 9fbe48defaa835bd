"""Gather batches of windows around frames on the device, one gather a batch."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import embedding

from trainers.data.dataset import Dataset
from trainers.data.phonemes.cache import Cache, MappedPart
from trainers.data.phonemes.recipe import GAP
from trainers.data.scaling import Scaling
from trainers.errors import ConfigError, DataError

#: Share of a GPU's free memory that frames may take; the rest is for models.
_SHARE = 0.5


@dataclass(frozen=True)
class Frames:
    """Holds a part of frames, each with a window of `context` frames on either side.

    Attributes:
        rows: (R, D) float16 or float32, in which utterances lie between GAP rows of zeros; on the
            device, or in host memory where the device has no room for them.
        row_labels: (R,) uint8 or int16; None where there are none.
        firsts: (U,) int64, number of each utterance's first frame among all frames.
        shifts: (U,) int64, row of each utterance's first frame, less its number.
        count: number of all frames.
        context: number of frames on either side.
        scaling: scaling of each feature, zeros included; None for none.
    """

    rows: Tensor
    row_labels: Tensor | None
    firsts: Tensor
    shifts: Tensor
    count: int
    context: int
    scaling: Scaling | None

    @classmethod
    def of(cls, part: MappedPart, keep: Tensor, context: int, scaling: Scaling | None) -> Frames:
        """Take the utterances of a part with these numbers, in this order."""
        starts, lengths = part.utterances[keep].unbind(1)
        ends = lengths.cumsum(0)
        firsts = ends - lengths
        total = int(ends[-1])
        return cls(part.frames, part.labels, firsts, starts - firsts, total, context, scaling)

    @property
    def labelled(self) -> bool:
        """Whether the labels are known."""
        return self.row_labels is not None

    def __len__(self) -> int:
        return self.count

    def inputs(self, index: Tensor) -> Tensor:
        """Gather windows (N, 2 x context + 1, D) float32 around the frames at `index`."""
        return self._windows(self._row(index))

    def batch(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Gather windows (N, 2 x context + 1, D) float32 and labels (N,) int64 at `index`.

        Raises:
            DataError: the part has no labels.
        """
        if self.row_labels is None:
            raise DataError("this part of the data has no labels")
        row = self._row(index)
        return self._windows(row), self.row_labels.index_select(0, row).long()

    def to(self, device: torch.device) -> Frames:
        """Move the frames to `device`, the rows only if the device has room for them."""
        bytes_ = self.rows.numel() * self.rows.element_size()
        rows = self.rows.to(device) if fits(bytes_, device) else _pinned(self.rows)
        return replace(
            self,
            rows=rows,
            row_labels=None if self.row_labels is None else self.row_labels.to(device),
            firsts=self.firsts.to(device),
            shifts=self.shifts.to(device),
            scaling=None if self.scaling is None else self.scaling.to(device),
        )

    def _row(self, index: Tensor) -> Tensor:
        utterance = torch.searchsorted(self.firsts, index, right=True) - 1
        return index + self.shifts.index_select(0, utterance)

    def _windows(self, row: Tensor) -> Tensor:
        features, width = self.rows.shape[1], 2 * self.context + 1
        # Neighbouring windows overlap in memory: a window is one piece of it, whatever its width.
        windows = self.rows.as_strided(
            (len(self.rows) - width + 1, width * features), (features, 1)
        )
        begin = (row - self.context).to(self.rows.device)
        x = embedding(begin, windows).to(row.device, non_blocking=True).float()
        x = x.view(-1, width, features)
        return x if self.scaling is None else self.scaling.apply(x)


def fits(bytes_: int, device: torch.device) -> bool:
    """Return whether so many bytes may go to the device; a CPU has them already."""
    if device.type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(device)
    return bytes_ <= _SHARE * free


def _pinned(rows: Tensor) -> Tensor:
    """Pin rows in host memory, for a GPU to copy from without a detour."""
    return rows.pin_memory() if torch.cuda.is_available() else rows


def dataset(cache: Cache, fraction: float, split_seed: int, context: int, scaling: str) -> Dataset:
    """Make the data set of a cache; `trainers.data.phonemes.hw1p2.load` has the same arguments.

    Raises:
        ConfigError: a context out of its range, or no such scaling.
    """
    if not 0 <= context <= GAP:
        raise ConfigError(
            f"data.context must be from 0 to {GAP}, not {context}: set data.context=…"
        )
    train = cache.parts["train"]
    count = len(train.utterances)
    # For one seed a smaller share is part of a larger one.
    order = np.random.default_rng(split_seed).permutation(count)
    kept = torch.from_numpy(np.sort(order[: max(1, round(fraction * count))]))
    fitted = Scaling.of_rows(scaling, (train.frames[b : b + n] for b, n in _spans(train, kept)))
    parts = {
        name: Frames.of(part, torch.arange(len(part.utterances)), context, fitted)
        for name, part in cache.parts.items()
    }
    parts["train"] = Frames.of(train, kept, context, fitted)
    content = (cache.fingerprint, fraction, split_seed, context, scaling)
    return Dataset(
        train=parts["train"],
        valid=parts["valid"],
        test=parts["test"],
        classes=cache.classes,
        input_shape=(2 * context + 1, train.frames.shape[1]),
        fingerprint=hashlib.sha256(repr(content).encode()).hexdigest()[:16],
    )


def _spans(part: MappedPart, kept: Tensor) -> list[list[int]]:
    spans: list[list[int]] = part.utterances[kept].tolist()
    return spans
