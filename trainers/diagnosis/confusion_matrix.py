"""Measure a model class by class: the confusion matrix, precision, recall and F1."""

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
    """Counts one kind of mistake: examples of class `true` that were taken for `predicted`.

    Attributes:
        share: `count` as a share of the examples of `true`.
    """

    true: str
    predicted: str
    count: int
    share: float


@dataclass(frozen=True)
class Quality:
    """Holds a confusion matrix, and derives measures from it.

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
        """(C,) number of examples of each class."""
        total: npt.NDArray[np.int64] = self.counts.sum(axis=1)
        return total

    @property
    def precision(self) -> Floats:
        """(C,) share of the predictions of a class that are right."""
        return _ratio(self._right, self.counts.sum(axis=0))

    @property
    def recall(self) -> Floats:
        """(C,) share of the examples of a class that are recognised."""
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

    @property
    def sentence(self) -> str:
        """Description of the quality."""
        rarest, f1 = self.rarest()
        return (
            f"accuracy {self.accuracy:.4f}, macro F1 {self.macro_f1:.4f}; of the rarest classes "
            f"({', '.join(rarest)}) {f1:.4f}"
        )

    def rarest(self, count: int | None = None) -> tuple[tuple[str, ...], float]:
        """Return the rarest classes that have examples, the rarest first, and their mean F1.

        Args:
            count: number of classes; None for a quarter of all, ten of HW1P2's forty.
        """
        nonempty = np.flatnonzero(self.support)
        count = max(1, len(nonempty) // 4) if count is None else count
        chosen = nonempty[np.argsort(self.support[nonempty], kind="stable")][:count]
        return tuple(self.classes[i] for i in chosen), float(self.f1[chosen].mean())

    def worst(self, count: int = 5) -> list[int]:
        """Return the indices of the classes of least F1, of those that have examples."""
        nonempty = np.flatnonzero(self.support)
        return [int(i) for i in nonempty[np.argsort(self.f1[nonempty], kind="stable")][:count]]

    def confusions(self, count: int = 5) -> list[Confusion]:
        """Return the most frequent mistakes, the most frequent first."""
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
    """Count the confusions over a part, on the device: waits for the device once, at the end."""
    size = len(classes)
    device = next(model.parameters()).device
    counts = torch.zeros(size * size, dtype=torch.int64, device=device)
    for logits, y in outputs(config, model, part):
        counts.index_add_(0, y * size + logits.argmax(1), torch.ones_like(y))
    return Quality(tuple(classes), counts.view(size, size).cpu().numpy())


def _ratio(part: npt.NDArray[np.int64], whole: npt.NDArray[np.int64]) -> Floats:
    shares: Floats = np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
    return shares
