"""Stop a trial by its own curve alone: enough is reached, or nothing improves any more."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sweeps.stop.comparisons import best, low
from sweeps.stop.rule import Curves
from trainers.errors import ConfigError


@dataclass(frozen=True)
class Patience:
    """Stops a trial that has had no better epoch for a while.

    Better is more than `min_delta` above the last epoch that was better, as in Keras's
    EarlyStopping (Prechelt 1998, "Early Stopping - But When?"). Unlike the key `patience` of a
    training, after which a trial counts as complete, this is a decision of the search: stopped.
    """

    patience: int
    min_delta: float

    def __post_init__(self) -> None:
        if self.patience < 1 or not 0 <= self.min_delta < math.inf:
            raise ConfigError(
                f"stop=patience needs stop.patience >= 1 epochs and stop.min_delta >= 0, not "
                f"{self.patience} and {self.min_delta:g}"
            )

    def judge(self, trial: str, epoch: int, curves: Curves) -> str | None:
        """Stop if none of the last `patience` epochs was better."""
        top, since = low(curves[1][trial]), 1
        for e in range(2, epoch + 1):
            value = curves[e][trial]  # NaN is above nothing
            if value > top + self.min_delta:
                top, since = value, e
        if epoch - since < self.patience:
            return None
        margin = f" by more than {self.min_delta:g}" if self.min_delta else ""
        return f"patience: no better{margin} in {epoch - since} epochs than at epoch {since}"


@dataclass(frozen=True)
class Target:
    """Stops a trial that is good enough, so that its slot serves another.

    Attributes:
        value: of the objective, as the metric is written.
        mode: "max" if more of it is better, "min" if less.
    """

    value: float
    mode: str

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            raise ConfigError(
                f"stop=target needs a number to be reached, such as stop.value=0.99, not "
                f"{self.value}"
            )
        if self.mode not in ("max", "min"):
            raise ConfigError(f"stop=target needs stop.mode=max or min, not {self.mode}")

    def judge(self, trial: str, epoch: int, curves: Curves) -> str | None:
        """Stop if the best epoch so far is at the value or beyond."""
        bar = self.value if self.mode == "max" else -self.value
        if not best([curves[e][trial] for e in range(1, epoch + 1)]) >= bar:
            return None
        return f"target: {self.value:g} is reached"
