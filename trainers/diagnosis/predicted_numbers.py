"""Compare the numbers that a model predicts with the true ones, in their own units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from trainers.config import TrainConfig
from trainers.data.dataset import Numbers, Part
from trainers.learner import outputs

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PredictedNumbers:
    """Holds the predictions of a regression beside the truth.

    Attributes:
        names: of the K numbers.
        true, predicted: (N, K).
    """

    names: tuple[str, ...]
    true: Floats
    predicted: Floats

    @property
    def errors(self) -> Floats:
        """(N, K) predicted less true."""
        return self.predicted - self.true

    @property
    def mae(self) -> Floats:
        """(K,) mean absolute error."""
        means: Floats = np.abs(self.errors).mean(axis=0)
        return means

    @property
    def bias(self) -> Floats:
        """(K,) mean error: above 0 where predictions are too high."""
        means: Floats = self.errors.mean(axis=0)
        return means

    @property
    def r2(self) -> Floats:
        """(K,) share of the variance that is explained; nan where nothing varies."""
        spread = ((self.true - self.true.mean(axis=0)) ** 2).sum(axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            shares: Floats = 1 - (self.errors**2).sum(axis=0) / np.where(spread, spread, np.nan)
        return shares

    @property
    def sentence(self) -> str:
        """Description of the quality."""
        each = zip(self.names, self.r2.tolist(), self.mae.tolist(), strict=True)
        return "; ".join(
            f"{name}: R² {r2:.4f}, mean absolute error {mae:.4g}" for name, r2, mae in each
        )

    def worst(self, count: int = 5) -> list[tuple[int, int]]:
        """Return (example, number) of the largest errors, each as a share of its number's MAE."""
        off = np.abs(self.errors) / np.where(self.mae > 0, self.mae, 1.0)
        order = np.argsort(-off, axis=None, kind="stable")[:count]
        return [(int(flat) // off.shape[1], int(flat) % off.shape[1]) for flat in order]


def predicted_numbers(
    config: TrainConfig, model: nn.Module, part: Part, numbers: Numbers
) -> PredictedNumbers:
    """Predict a whole part."""
    made, true = [], []
    for batch, y in outputs(config, model, part):
        made.append(numbers.restored(batch))
        true.append(numbers.restored(y))
    arrays = [torch.cat(each).double().cpu().numpy() for each in (true, made)]
    return PredictedNumbers(numbers.names, *arrays)
