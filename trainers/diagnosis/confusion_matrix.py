"""How good a model is, class by class: what it takes for what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from trainers.config import TrainConfig
from trainers.data.dataset import Part
from trainers.learner import outputs

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Confusion:
    """A kind of mistake: `count` examples of class `true` were taken for `predicted`.

    Attributes:
        share: of the examples of `true`.
    """

    true: str
    predicted: str
    count: int
    share: float


@dataclass(frozen=True)
class Quality:
    """A confusion matrix, and what follows from it.

    A figure that would divide by 0 is nan: precision of a class that is never predicted, recall
    of one without examples, F1 of one that is neither. Means are over classes with examples.

    Attributes:
        classes: names, by index.
        counts: (C, C) int64: examples of class [row] that were taken for [column].
    """

    classes: tuple[str, ...]
    counts: npt.NDArray[np.int64]

    @property
    def support(self) -> npt.NDArray[np.int64]:
        """(C,) examples of each class."""
        total: npt.NDArray[np.int64] = self.counts.sum(axis=1)
        return total

    @property
    def precision(self) -> Floats:
        """(C,) share of the predictions of a class that are right."""
        return _ratio(self._right, self.counts.sum(axis=0))

    @property
    def recall(self) -> Floats:
        """(C,) share of the examples of a class that are found."""
        return _ratio(self._right, self.support)

    @property
    def f1(self) -> Floats:
        """(C,) harmonic mean of precision and recall."""
        return _ratio(2 * self._right, self.support + self.counts.sum(axis=0))

    @property
    def accuracy(self) -> float:
        """Share of all examples that are right."""
        return float(self._right.sum() / self.counts.sum())

    @property
    def macro_f1(self) -> float:
        """Mean F1 of the classes that have examples, each counting the same."""
        return float(self.f1[self.support > 0].mean())

    def rarest(self, count: int | None = None) -> tuple[tuple[str, ...], float]:
        """The rarest classes that have examples, the rarest first, and their mean F1.

        Args:
            count: how many; None for a quarter of them, ten of HW1P2's forty.
        """
        there = np.flatnonzero(self.support)
        count = max(1, len(there) // 4) if count is None else count
        chosen = there[np.argsort(self.support[there], kind="stable")][:count]
        return tuple(self.classes[i] for i in chosen), float(self.f1[chosen].mean())

    def worst(self, count: int = 5) -> list[int]:
        """Indices of the classes of least F1, of those that have examples."""
        there = np.flatnonzero(self.support)
        return [int(i) for i in there[np.argsort(self.f1[there], kind="stable")][:count]]

    def confusions(self, count: int = 5) -> list[Confusion]:
        """The most frequent mistakes, the most frequent first."""
        wrong = self.counts.copy()
        np.fill_diagonal(wrong, 0)
        order = np.argsort(-wrong, axis=None, kind="stable")[:count]
        places = [divmod(int(flat), len(self.classes)) for flat in order]
        return [
            Confusion(
                self.classes[true],
                self.classes[taken],
                int(wrong[true, taken]),
                float(wrong[true, taken] / self.support[true]),
            )
            for true, taken in places
            if wrong[true, taken]
        ]

    @property
    def _right(self) -> npt.NDArray[np.int64]:
        return np.diagonal(self.counts)


def quality(config: TrainConfig, model: nn.Module, part: Part, classes: Sequence[str]) -> Quality:
    """One pass over a part. Counted on the device, which is waited for once, at the end."""
    size = len(classes)
    where = next(model.parameters()).device
    counts = torch.zeros(size * size, dtype=torch.int64, device=where)
    for logits, y in outputs(config, model, part):
        counts.index_add_(0, y * size + logits.argmax(1), torch.ones_like(y))
    return Quality(tuple(classes), counts.view(size, size).cpu().numpy())


def _ratio(part: npt.NDArray[np.int64], whole: npt.NDArray[np.int64]) -> Floats:
    shares: Floats = np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
    return shares
