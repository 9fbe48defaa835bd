"""Check that the untrained model knows nothing: compare its loss with that of guessing."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from trainers.config import TrainConfig
from trainers.learner import outputs
from trainers.model_and_data import untrained

#: Share by which the loss may be off the logarithm of the classes.
TOLERANCE = 0.2


@dataclass(frozen=True)
class FirstLoss:
    """Holds the loss before the first step, in nats, and the losses of guessing.

    Attributes:
        loss: loss of the untrained model on the validation part.
        classes: number of classes.
        shares: loss of always answering with the classes' shares in the validation part: the
            least that is possible without the inputs.
    """

    loss: float
    classes: int
    shares: float

    @property
    def uniform(self) -> float:
        """Loss of giving every class the same probability: the logarithm of their number."""
        return math.log(self.classes)

    @property
    def ok(self) -> bool:
        """Whether the loss is about `uniform`."""
        return abs(self.loss - self.uniform) <= TOLERANCE * self.uniform

    @property
    def verdict(self) -> str:
        """Result of the check, in a line."""
        comparison = f"{self.loss:.3f}, and log({self.classes} classes) = {self.uniform:.3f}"
        return _verdict(self.ok, self.loss, self.uniform, comparison)

    @property
    def advice(self) -> str:
        """Remedy for a bad result, in a line or two; empty if none is needed."""
        if not math.isfinite(self.loss):
            return "look for inputs that are not finite, or another init"
        if not self.ok and self.loss > self.uniform:
            return (
                "the first epochs go into unlearning large logits: give inputs a mean of 0 and a "
                "deviation of 1, a norm, or a smaller init"
            )
        if not self.ok:
            return (
                "the model knows the answer before it has learnt: look for labels among the inputs"
            )
        if self.shares < (1 - TOLERANCE) * self.uniform:
            return (
                f"classes are uneven: always answering with their shares gives {self.shares:.3f}; "
                "only below that has a model learnt from its inputs"
            )
        return ""


def _verdict(ok: bool, loss: float, uniform: float, comparison: str) -> str:
    """Say whether a first loss is about what guessing gives, in a line."""
    if ok:
        return f"first loss as it should be: {comparison}"
    if not math.isfinite(loss):
        return f"the untrained model's loss is {loss}"
    return f"first loss too {'high' if loss > uniform else 'low'}: {comparison}"


@dataclass(frozen=True)
class FirstLossOfNumbers:
    """Holds the loss of a regression before the first step, and that of guessing the mean.

    Attributes:
        loss: loss of the untrained model on the validation part.
        uniform: loss of always answering with the mean of the training part.
    """

    loss: float
    uniform: float

    @property
    def ok(self) -> bool:
        """Whether the loss is no more than twice that of the mean, and not far below it."""
        return 0.5 * self.uniform <= self.loss <= 2 * self.uniform

    @property
    def verdict(self) -> str:
        """Result of the check, in a line."""
        comparison = f"{self.loss:.3f}, and always the mean = {self.uniform:.3f}"
        return _verdict(self.ok, self.loss, self.uniform, comparison)

    @property
    def advice(self) -> str:
        """Remedy for a bad result, in a line; empty if none is needed."""
        if self.ok:
            return ""
        if not math.isfinite(self.loss):
            return "look for inputs that are not finite, or another init"
        if self.loss > self.uniform:
            return (
                "the first epochs go into unlearning large outputs: take a norm or a smaller init"
            )
        return "the model knows the answer before it has learnt: look for targets among the inputs"


def first_loss(config: TrainConfig) -> FirstLoss | FirstLossOfNumbers:
    """Measure the loss of the untrained model on the whole validation part.

    Raises:
        ConfigError: what cannot be built.
    """
    learner, dataset = untrained(config)
    total = learner.measure.loss.total
    loss, mean = torch.zeros(2, device=learner.device)
    classes = len(dataset.classes)
    counts = torch.zeros(classes, dtype=torch.int64, device=learner.device)
    for made, y in outputs(config, learner.model, dataset.valid):
        loss += total(made, y)
        if dataset.numbers is None:
            counts.index_add_(0, y, torch.ones_like(y))
        else:
            mean += total(torch.zeros_like(made), y)
    count = len(dataset.valid)
    if dataset.numbers is not None:
        return FirstLossOfNumbers(float(loss) / count, float(mean) / count)
    shares = counts.double().cpu() / count
    return FirstLoss(float(loss) / count, classes, float(torch.special.entr(shares).sum()))
