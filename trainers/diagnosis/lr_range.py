"""Test a range of learning rates: train while the rate rises, and find where the loss falls.

Smith, "Cyclical Learning Rates for Training Neural Networks" (2017).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from trainers.config import TrainConfig
from trainers.learner import batches
from trainers.model_and_data import shuffled, untrained

#: The first and the last rate, and how many there are, in equal ratios.
LOW, HIGH, STEPS = 1e-6, 10.0, 150
#: A loss of so many times the least has exploded.
EXPLODED = 4.0
#: Shares of the first loss: a least loss below `_FLOOR` of it counts as `_FLOOR`, and a fall of
#: less than `_FALL` is no learning.
_FLOOR, _FALL = 0.1, 0.05
#: Share of the whole fall by which the loss may rise again at a usable rate.
_RISE = 0.1
#: Standard deviation of the smoothing, in steps: a seventh of a decade.
_SMOOTH = 3.0
#: Steps between two readings of the loss: each reading waits for the device.
_READ_EVERY = 10


@dataclass(frozen=True)
class LrRange:
    """Holds the loss at rising rates, up to its explosion.

    Attributes:
        rates: learning rate of each step.
        losses: loss of each step's batch before the step, in nats.
        smoothed: the losses, smoothed by a Gaussian over neighbouring steps.
        steepest: the rate at which the loss fell fastest; None: it never fell.
        largest: the greatest rate at which the loss did not yet rise again; None: it never fell.
        configured: optimizer.lr.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    smoothed: tuple[float, ...]
    steepest: float | None
    largest: float | None
    configured: float

    @property
    def ok(self) -> bool:
        """Whether the configured rate is usable: from a tenth of the steepest to the largest."""
        if self.steepest is None or self.largest is None:
            return False
        return self.steepest / 10 <= self.configured <= self.largest

    @property
    def verdict(self) -> str:
        """Result of the test, in a line."""
        if not math.isfinite(self.losses[0]):
            return f"the loss is {self.losses[0]} from the first step on"
        if self.steepest is None or self.largest is None:
            return f"no learning rate from {LOW:g} to {self.rates[-1]:.2g} makes the loss fall"
        course = f"the loss falls fastest at {self.steepest:.2g} and rises above {self.largest:.2g}"
        if self.ok:
            return f"optimizer.lr={self.configured:g} is usable: {course}"
        kind = "high" if self.configured > self.largest else "low"
        return f"optimizer.lr={self.configured:g} is too {kind}: {course}"

    @property
    def advice(self) -> str:
        """Remedy for a bad result, in a line or two; empty if none is needed."""
        if not math.isfinite(self.losses[0]):
            return "look for inputs that are not finite, or another init"
        if self.steepest is None or self.largest is None:
            return (
                f"not in {STEPS} steps: no gradient reaches the weights (activation, norm, init), "
                "or the model is too small for these data"
            )
        if self.ok:
            return ""
        low, high = self.steepest / 10, min(10 * self.steepest, self.largest)
        return (
            f"try optimizer.lr={self.steepest:.1g}; to sweep: "
            f"optimizer.lr=tag(log,interval({low:.1g},{high:.1g}))"
        )


def lr_range(config: TrainConfig, notify: Callable[[int], object] = lambda step: None) -> LrRange:
    """Train from the start at a rising rate, on a new batch each step, until the loss explodes.

    Args:
        config: as it is, but for its schedule.
        notify: called every few steps with the number of steps so far.

    Raises:
        ConfigError: what cannot be built.
    """
    constant = {"_target_": "trainers.schedules.constant", "_partial_": True}
    learner, dataset = untrained(replace(config, schedule=constant))
    configured = learner.lr
    rates = np.geomspace(LOW, HIGH, STEPS)
    count = len(dataset.train)
    losses: list[float] = []
    waiting: list[torch.Tensor] = []
    learner.model.train()
    pieces: list[torch.Tensor] = []
    passes = 0
    for rate in rates.tolist():
        if not pieces:
            order = shuffled(count, config.seed + passes, learner.device)
            pieces, passes = batches(order, config.batch_size)[:STEPS], passes + 1
        x, y = dataset.train.batch(pieces.pop(0))
        for group in learner.optimizer.param_groups:
            group["lr"] = rate
        waiting.append(learner.step(learner.augment(x), y)[0])
        if len(waiting) == _READ_EVERY or len(losses) + len(waiting) == STEPS:
            losses += torch.stack(waiting).tolist()
            waiting.clear()
            notify(len(losses))
            if exploded(losses) < len(losses):
                break
    return judge(rates[: len(losses)].tolist(), losses, configured)


def exploded(losses: Sequence[float]) -> int:
    """Count the steps before the loss exploded: all of them if it did not.

    Judged by a running mean, so that one bad batch is no explosion; a rise from a tiny loss to a
    small one is none either.
    """
    mean = least = math.inf
    for step, loss in enumerate(losses):
        mean = loss if step == 0 else 0.7 * mean + 0.3 * loss
        if not math.isfinite(mean) or mean > EXPLODED * max(least, _FLOOR * losses[0]):
            return step
        least = min(least, mean)
    return len(losses)


def judge(rates: Sequence[float], losses: Sequence[float], configured: float) -> LrRange:
    """Judge a curve of losses at rising rates. Pure: numbers in, numbers out."""
    whole = exploded(losses)
    if whole == 0:
        return LrRange(tuple(rates), tuple(losses), tuple(losses), None, None, configured)
    rates, losses = tuple(rates[:whole]), tuple(losses[:whole])
    smoothed = _smooth(np.array(losses))
    first, bottom = float(smoothed[0]), int(smoothed.argmin())
    fall = first - float(smoothed[bottom])
    steepest = largest = None
    if fall > _FALL * first:
        slopes = np.gradient(smoothed)  # by step, and so by the logarithm of the rate
        steepest = rates[int(slopes[: bottom + 1].argmin())]
        risen = smoothed[bottom:] > smoothed[bottom] + _RISE * fall
        beyond = int(risen.argmax()) if risen.any() else len(risen)
        largest = rates[bottom + beyond - 1]
    return LrRange(rates, losses, tuple(smoothed.tolist()), steepest, largest, configured)


def _smooth(losses: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Average over neighbours on both sides, so that nothing is moved towards higher rates."""
    steps = np.arange(len(losses))
    weights = np.exp(-0.5 * ((steps[:, None] - steps) / _SMOOTH) ** 2)
    means: npt.NDArray[np.float64] = (weights @ losses) / weights.sum(axis=1)
    return means
