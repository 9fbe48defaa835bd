"""Train and evaluate a model, one pass over the data at a time, and copy its state.

The data lies on the device, a batch is one gather by a slice of a permutation made there, and
losses add up there: a pass waits for the device once, when its sums are read.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_, clip_grad_value_

from trainers import build, optimizer_settings
from trainers.config import TrainConfig
from trainers.config.targets import settings_refused
from trainers.data.data_fraction import Lengths, available
from trainers.data.dataset import Dataset, Part
from trainers.device import autocast, random_state
from trainers.device.loss_scaling import LossScaling
from trainers.errors import ConfigError
from trainers.files import history
from trainers.files.training_state import detached
from trainers.measures.measure import Measure, Sums
from trainers.models.norm import evaluates_by_batch
from trainers.schedules import build_schedule
from trainers.schedules.pace import Pace

#: Examples at a time where no gradient is kept. On one CPU core larger batches leave the cache.
EVALUATION_BATCH = {"cpu": 512, "cuda": 8192, "mps": 4096}


@dataclass
class Learner:
    """Holds all that changes from epoch to epoch, and changes it.

    Attributes:
        rng: random state at the start of the next epoch.
        settings: settings that the optimizer and the schedule were made with.
        epoch: number of epochs trained.
        curve: the task's metric of each epoch trained.
    """

    config: TrainConfig
    model: nn.Module
    optimizer: torch.optim.Optimizer
    pace: Pace
    augment: Callable[[Tensor], Tensor]
    scaling: LossScaling
    measure: Measure
    rng: Mapping[str, Tensor]
    settings: Mapping[str, Any]
    epoch: int = 0
    curve: dict[int, float] = field(default_factory=dict)

    @classmethod
    def begin(cls, config: TrainConfig, dataset: Dataset, device: torch.device) -> Learner:
        """Build a learner before its first epoch, from torch's global random state.

        Raises:
            ConfigError: what cannot be built.
        """
        model = build.model(config, dataset.input_shape, dataset.outputs).to(device)
        if evaluates_by_batch(model) and 1 in (len(dataset.valid), len(dataset.test)):
            raise ConfigError(
                "norm.running=false needs 2 examples or more to evaluate, and the validation or "
                "the test part has 1: set norm.running=true"
            )
        measure = Measure.of(config, dataset, device)
        optimizer = build.optimizer(config, model)
        pace = build_schedule.build(config, optimizer, lengths(config, len(dataset.train)))
        augment = build.augment(config, dataset.input_shape)
        made = optimizer_settings.settings_of(config, optimizer, pace)
        scaling = LossScaling(config, device)
        rng = random_state(device)
        return cls(config, model, optimizer, pace, augment, scaling, measure, rng, made)

    @property
    def device(self) -> torch.device:
        """Device of the model."""
        return next(self.model.parameters()).device

    @property
    def lr(self) -> float:
        """Learning rate of the next step."""
        return float(self.optimizer.param_groups[0]["lr"])

    @property
    def stalled(self) -> bool:
        """Whether patience ends training after the epochs so far."""
        task = self.config.task
        rows = {epoch: {task.metric: value} for epoch, value in self.curve.items()}
        return bool(history.stalled(rows, task, self.config.patience))

    def train(self, part: Part, order: Tensor) -> Sums:
        """Train on the examples in `order`, a tensor on the device: one pass with gradient."""
        sums = self.measure.begin(self.device)
        self.model.train()
        self.scaling.taken = 0
        for index in batches(order, self.config.batch_size):
            x, y = part.batch(index)
            loss, outputs = self.step(self.augment(x), y)
            sums.add(loss, len(index), outputs, y)
        return sums

    def step(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Take an optimizer step on a batch; return its mean loss () and outputs."""
        config = self.config
        with autocast(config, x.device):
            logits = self.model(x)
        loss = self.measure.loss.mean(logits.float(), y)
        self.optimizer.zero_grad(set_to_none=True)
        self.scaling.backward(loss)
        if config.clip.value is not None or config.clip.norm is not None:
            self.scaling.unscale(self.optimizer)
        if config.clip.value is not None:
            clip_grad_value_(self.model.parameters(), config.clip.value)
        if config.clip.norm is not None:
            clip_grad_norm_(self.model.parameters(), config.clip.norm)
        if self.scaling.step(self.optimizer):
            if config.max_norm is not None:
                self._constrain(config.max_norm)
            self.pace.after_batch()
        return loss.detach(), logits.detach()

    def rehearse(self) -> None:
        """Take an optimizer step on gradients of 0, for the optimizer to make its state."""
        for parameter in self.model.parameters():
            if parameter.requires_grad:
                parameter.grad = torch.zeros_like(parameter)
        with settings_refused("optimizer", self.config.optimizer):
            self.optimizer.step()

    def state(self, number: int) -> dict[str, Any]:
        """Copy to the CPU all that training needs to go on after epoch `number`.

        Raises:
            RuntimeError: training has gone on since.
        """
        if number != self.epoch:
            raise RuntimeError(f"the state of epoch {number} is gone: ask before the next one")
        state: dict[str, Any] = detached(
            {
                "epoch": number,
                "curve": dict(self.curve),
                "model": self.model.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "schedule": self.pace.schedule.state_dict(),
                "scaling": self.scaling.state(),
                "settings": dict(self.settings),
                "rng": dict(self.rng),
            }
        )
        return state

    def load(self, state: Mapping[str, Any]) -> None:
        """Load a state that `state` copied, and keep the settings of this configuration.

        Raises:
            ConfigError: the state does not fit this configuration.
        """
        try:
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.pace.schedule.load_state_dict(state["schedule"])
            self.scaling.load(state.get("scaling", {}))  # a state of an older version has none
            self.rng, self.epoch = state["rng"], int(state["epoch"])
            self.curve = dict(state.get("curve", {}))  # a state of an older version has none
            theirs = state.get("settings", self.settings)  # a state of an older version has none
            optimizer_settings.apply(self.settings, theirs, self.optimizer, self.pace, self.epoch)
        except (RuntimeError, ValueError, KeyError) as error:
            reason = " ".join(str(error).split())[:200]
            raise ConfigError(
                f"the saved state is of another configuration: {reason}; use another folder"
            ) from error

    @torch.no_grad()
    def _constrain(self, most: float) -> None:
        """Keep the weights into each unit to an L2 norm of `most` (Srivastava et al. 2014)."""
        for weight in self.model.parameters():
            if weight.ndim > 1:
                weight.renorm_(p=2, dim=0, maxnorm=most)


@torch.inference_mode()
def outputs(config: TrainConfig, model: nn.Module, part: Part) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield outputs (N, K) float32 and targets of a part in order, batch by batch."""
    model.eval()
    for index in evaluation_batches(_in_order(model, part)):
        x, y = part.batch(index)
        yield _logits(config, model, x), y


@torch.inference_mode()
def logits(config: TrainConfig, model: nn.Module, part: Part) -> Iterator[Tensor]:
    """Yield logits as `outputs` does, for a part that has no labels."""
    model.eval()
    for index in evaluation_batches(_in_order(model, part)):
        yield _logits(config, model, part.inputs(index))


def _in_order(model: nn.Module, part: Part) -> Tensor:
    return torch.arange(len(part), device=next(model.parameters()).device)


def evaluation_batches(index: Tensor) -> list[Tensor]:
    """Cut positions (N,) into pieces that fit without a gradient; none is of one, as `batches`."""
    return batches(index, EVALUATION_BATCH[index.device.type])


def _logits(config: TrainConfig, model: nn.Module, x: Tensor) -> Tensor:
    with autocast(config, x.device):
        out: Tensor = model(x)
    return out.float()


@torch.inference_mode()
def evaluate(config: TrainConfig, model: nn.Module, part: Part, measure: Measure) -> Sums:
    """Evaluate a model on all of a part: one pass without gradient."""
    sums = measure.begin(next(model.parameters()).device, whole=True)
    for made, y in outputs(config, model, part):
        sums.add(measure.loss.total(made, y), 1, made, y)
    return sums


def examples(config: TrainConfig, available: int) -> int:
    """Count the examples of an epoch that draws from `available` ones; with repetitions.

    Raises:
        ConfigError: `overfit_batches` has more.
    """
    if (same := config.overfit_batches) is not None:
        if same * config.batch_size > available:
            raise ConfigError(
                f"overfit_batches={same} of batch_size={config.batch_size} is more than the "
                f"{available} training examples: lower batch_size, or raise data.fraction"
            )
        return (config.steps or same) * config.batch_size
    return min(available, (config.steps or available) * config.batch_size)


def lengths(config: TrainConfig, total: int) -> Lengths:
    """Count the batches of the epochs, of `total` training examples.

    Raises:
        ConfigError: a batch has more examples than all of the data, or `overfit_batches` more
            than there are. A share of the data (`data.fraction`) may be less than a batch.
    """
    whole = math.ceil(total / config.data.get("fraction", 1.0))
    if config.batch_size > whole:
        raise ConfigError(
            f"batch_size={config.batch_size} is more than the {whole} training examples: lower "
            "batch_size"
        )
    first = config.first.epochs or 0
    early, full = (
        steps(examples(config, available(config.first, epoch, total)), config.batch_size)
        for epoch in (1, first + 1)
    )
    return Lengths(first, early, full)


def batches(order: Tensor, size: int) -> list[Tensor]:
    """Cut `order` into pieces of `size`, the last one shorter.

    A remainder of one joins the piece before it: every example is seen every epoch, and batch
    norm never meets a batch of one, of which it cannot take a variance.
    """
    count = steps(len(order), size)
    ends = [size * number for number in range(1, count)]
    return list(torch.tensor_split(order, ends))


def steps(count: int, size: int) -> int:
    """Count the batches of `size` in `count` examples; see `batches`."""
    whole, rest = divmod(count, size)
    return max(1, whole + (rest > 1 or (rest == 1 and size == 1)))
