"""Check that the model can learn one batch by heart: if not, it cannot learn the rest."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch.nn.modules.dropout import _DropoutNd

from trainers.config import TrainConfig
from trainers.model_and_data import shuffled, untrained

#: Steps on the batch, at most.
STEPS = 300
#: A mean loss (nats) that counts as 0.
NEAR_ZERO = 0.01
#: Steps between two readings of the loss: each reading waits for the device.
_READ_EVERY = 10
#: Share of the first loss: a smaller fall is none.
_FLAT = 0.1


@dataclass(frozen=True)
class Overfit:
    """Holds the course of training on one batch, over and over.

    Attributes:
        losses: mean loss over the batch, in nats, before each step.
        accuracies: accuracy on the batch before each step; empty where numbers are predicted.
        examples: number of examples in the batch.
        classes: number of different labels, or numbers, in the batch.
        lr: the learning rate throughout.
    """

    losses: tuple[float, ...]
    accuracies: tuple[float, ...]
    examples: int
    classes: int
    lr: float

    @property
    def ok(self) -> bool:
        """Whether the batch was learnt, and was worth learning."""
        return self.classes > 1 and self._learnt

    @property
    def verdict(self) -> str:
        """Result of the check, in a line."""
        last, steps = self.losses[-1], len(self.losses)
        course = f"loss {self.losses[0]:.3f} to {last:.3f}"
        if self.accuracies:
            course += f", accuracy {self.accuracies[-1]:.3f}"
        batch = f"one batch of {self.examples}"
        if self.classes == 1:
            same = "class" if self.accuracies else "number"
            return f"{batch} tells nothing: all of one {same} ({course} in {steps} steps)"
        if self.ok:
            return f"learns {batch} by heart: {course} in {steps} steps"
        if not math.isfinite(last):
            return f"breaks on {batch}: the loss is {last} at step {steps}"
        return f"does not learn {batch} by heart: {course} in {steps} steps"

    @property
    def advice(self) -> str:
        """Remedy for a bad result, in a line or two; empty if none is needed."""
        first, last = self.losses[0], self.losses[-1]
        if self.classes == 1:
            return "raise batch_size for a batch with several of them"
        if self.ok:
            return ""
        if not math.isfinite(last) or last > first:
            return f"lower optimizer.lr={self.lr:g}, or bound the gradient: clip.norm=1.0"
        if last > (1 - _FLAT) * first:
            return (
                f"nothing moves: optimizer.lr={self.lr:g} is far too low (see the learning rates), "
                "or no gradient reaches the weights (activation, norm, init)"
            )
        return (
            "the loss moves, but not to 0: try a larger model, another optimizer.lr "
            f"(it is {self.lr:g}), or like inputs have different labels"
        )

    @property
    def _learnt(self) -> bool:
        return self.losses[-1] < NEAR_ZERO or self.accuracies[-1:] == (1.0,)


def overfit(config: TrainConfig, notify: Callable[[int], object] = lambda step: None) -> Overfit:
    """Train on one batch until it is learnt, for at most `STEPS` steps.

    What keeps a model from learning by heart is turned off: dropout, augmentation, label
    smoothing, weight decay, a bound on the weights, the learning-rate schedule.

    Args:
        config: `batch_size` examples, drawn by its seed.
        notify: called every few steps with the number of steps so far.

    Raises:
        ConfigError: what cannot be built.
    """
    config = _unhindered(config)
    learner, dataset = untrained(config)
    for module in learner.model.modules():
        if isinstance(module, _DropoutNd):
            module.p = 0.0
    index = shuffled(len(dataset.train), config.seed, learner.device)[: config.batch_size]
    x, y = dataset.train.batch(index)
    losses: list[float] = []
    accuracies: list[float] = []
    learner.model.train()
    while len(losses) < STEPS and not (losses and _ends(losses[-1])):
        measured = []
        for _ in range(min(_READ_EVERY, STEPS - len(losses))):
            loss, made = learner.step(x, y)
            right = [(made.argmax(1) == y).float().mean()] if dataset.numbers is None else []
            measured.append(torch.stack([loss, *right]))
        for value, *accuracy in torch.stack(measured).tolist():
            losses.append(value)
            accuracies += accuracy
            if _ends(value):
                break
        notify(len(losses))
    return Overfit(
        tuple(losses), tuple(accuracies), len(index), len(torch.unique(y, dim=0)), float(learner.lr)
    )


def _ends(loss: float) -> bool:
    return loss < NEAR_ZERO or not math.isfinite(loss)


def _unhindered(config: TrainConfig) -> TrainConfig:
    optimizer = dict(config.optimizer)
    if "weight_decay" in optimizer:
        optimizer["weight_decay"] = 0.0
    return replace(
        config,
        label_smoothing=0.0,
        max_norm=None,
        optimizer=optimizer,
        schedule={"_target_": "trainers.schedules.constant", "_partial_": True},
    )
