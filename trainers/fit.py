"""Training as a generator of epochs: `for epoch in fit(config)`; whoever iterates may stop.

The data lies on the device as bytes, a batch is one gather by a slice of a permutation made
there, and losses add up there: an epoch waits for the device once, at its end.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import LRScheduler

from trainers import build, device
from trainers.config import TrainConfig
from trainers.data import resident
from trainers.data.dataset import Dataset, Part
from trainers.errors import ConfigError, DataError, Diverged
from trainers.state import detached, write

#: Examples at a time where no gradient is kept. On one CPU core larger batches leave the cache.
EVALUATION_BATCH = {"cpu": 512, "cuda": 8192, "mps": 4096}


@dataclass(frozen=True)
class Epoch:
    """One epoch, finished.

    Attributes:
        number: from 1.
        metrics: train_loss (with label smoothing), train_accuracy (as seen while training),
            val_loss (without), val_accuracy, lr (of this epoch), epoch_s (training and
            validation, seconds), samples_per_s (training examples over epoch_s).
        state: makes a copy, on the CPU, of all that training needs to go on from here: plain
            containers and tensors. To be called before the next epoch is asked for.
    """

    number: int
    metrics: dict[str, float]
    state: Callable[[], dict[str, Any]]


@dataclass(frozen=True)
class Size:
    """Of one training: trainable numbers in the model, bytes of a checkpoint's state."""

    parameters: int
    checkpoint_bytes: int


def fit(config: TrainConfig, resume: Mapping[str, Any] | None = None) -> Iterator[Epoch]:
    """Train, epoch by epoch, up to `config.epochs`.

    The same configuration gives the same bits on the same machine: in a fresh process or a used
    one, in one go or resumed from any epoch. The test part is not touched.

    Args:
        config: what to train.
        resume: a state that an earlier Epoch made; goes on with the epoch after it.

    Raises:
        ConfigError: before the first epoch, for what cannot be built.
        Diverged: at the end of an epoch whose training or validation loss is not finite.
    """
    where = device.pick(config)
    device.settle(config, where)
    dataset = resident.on(where, config.data)
    train, valid = dataset.train, dataset.valid
    if len(train) < 2:
        raise DataError(f"training needs 2 examples or more, not {len(train)}: raise data.fraction")
    torch.manual_seed(config.seed)
    training = _Training.begin(config, dataset, where)
    if resume is not None:
        training.load(resume)

    for number in range(training.epoch + 1, config.epochs + 1):
        # Set anew each epoch: another training may have run here since the last one.
        device.settle(config, where)
        device.set_random_state(training.rng, where)
        start = time.perf_counter()
        lr = float(training.optimizer.param_groups[0]["lr"])
        order = _order(len(train), config.seed, number, where)
        train_sums = _train(config, training, train, batches(order, config.batch_size))
        valid_sums = _evaluate(config, training.model, valid)
        train_loss, train_accuracy = _means(train_sums, len(train))
        val_loss, val_accuracy = _means(valid_sums, len(valid))
        seconds = time.perf_counter() - start
        for name, loss in (("training", train_loss), ("validation", val_loss)):
            if not math.isfinite(loss):
                raise Diverged(number, f"{name} loss is {loss}")
        training.schedule.step()
        training.rng = device.random_state(where)
        training.epoch = number
        metrics = {
            "train_loss": train_loss,
            "train_accuracy": train_accuracy,
            "val_loss": val_loss,
            "val_accuracy": val_accuracy,
            "lr": lr,
            "epoch_s": seconds,
            "samples_per_s": len(train) / seconds,
        }
        yield Epoch(number, metrics, partial(training.state, number))


def evaluate(config: TrainConfig, state: Mapping[str, Any]) -> dict[str, float]:
    """test_loss and test_accuracy of a saved state. Nothing else touches the test part."""
    where = device.pick(config)
    device.settle(config, where)
    dataset = resident.on(where, config.data)
    model = build.model(config, dataset).to(where)
    model.load_state_dict(state["model"])
    loss, accuracy = _means(_evaluate(config, model, dataset.test.to(where)), len(dataset.test))
    return {"test_loss": loss, "test_accuracy": accuracy}


def size(config: TrainConfig) -> Size:
    """Parameters, and bytes of a checkpoint with its optimizer state.

    Builds everything that a training builds, on the CPU, so that it also finds what cannot be
    built; takes one optimizer step on gradients of zero, for the optimizer to make its state.

    Raises:
        ConfigError: what cannot be built, or data that is not there.
    """
    training = _Training.begin(config, resident.load(config.data), torch.device("cpu"))
    trainable = [p for p in training.model.parameters() if p.requires_grad]
    for parameter in trainable:
        parameter.grad = torch.zeros_like(parameter)
    training.optimizer.step()
    written = write(training.state(0), None)
    return Size(sum(p.numel() for p in trainable), written.bytes)


def batches(order: Tensor, size: int) -> list[Tensor]:
    """`order` in pieces of `size`, the last one shorter.

    A remainder of one joins the piece before it: every example is seen every epoch, and batch
    normalisation, which cannot train on one example, is not asked to.
    """
    pieces = list(torch.split(order, size))
    if size > 1 and len(pieces) > 1 and len(pieces[-1]) == 1:
        pieces[-2:] = [order[-(size + 1) :]]
    return pieces


@dataclass
class _Training:
    """All that changes from epoch to epoch."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    schedule: LRScheduler
    rng: Mapping[str, Tensor]
    epoch: int = 0

    @classmethod
    def begin(cls, config: TrainConfig, dataset: Dataset, where: torch.device) -> _Training:
        model = build.model(config, dataset).to(where)
        optimizer = build.optimizer(config, model)
        schedule = build.schedule(config, optimizer)
        return cls(model, optimizer, schedule, device.random_state(where))

    def state(self, number: int) -> dict[str, Any]:
        if number != self.epoch:
            raise RuntimeError(f"the state of epoch {number} is gone: ask before the next one")
        state: dict[str, Any] = detached(
            {
                "epoch": number,
                "model": self.model.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "schedule": self.schedule.state_dict(),
                "rng": dict(self.rng),
            }
        )
        return state

    def load(self, state: Mapping[str, Any]) -> None:
        try:
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.schedule.load_state_dict(state["schedule"])
            self.rng, self.epoch = state["rng"], int(state["epoch"])
        except (RuntimeError, ValueError, KeyError) as error:
            reason = " ".join(str(error).split())[:200]
            raise ConfigError(
                f"the saved state is of another configuration: {reason}; use another folder"
            ) from error


def _order(count: int, seed: int, epoch: int, where: torch.device) -> Tensor:
    """The order of an epoch, made where the data is; of (seed, epoch) and nothing before."""
    generator = torch.Generator(where)
    generator.manual_seed((seed << 20) + epoch)
    return torch.randperm(count, generator=generator, device=where)


def _train(
    config: TrainConfig, training: _Training, part: Part, pieces: list[Tensor]
) -> tuple[Tensor, Tensor]:
    """One pass with gradient. Sums, on the device: of losses, and of right answers."""
    model, optimizer, where = training.model, training.optimizer, pieces[0].device
    loss_sum = torch.zeros((), device=where)
    right = torch.zeros((), dtype=torch.int64, device=where)
    model.train()
    for index in pieces:
        x, y = part.batch(index)
        with device.autocast(config, where):
            logits = model(x)
        loss = cross_entropy(logits.float(), y, label_smoothing=config.label_smoothing)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        loss_sum.add_(loss.detach(), alpha=len(index))
        right += (logits.detach().argmax(1) == y).sum()
    return loss_sum, right


@torch.inference_mode()
def _evaluate(config: TrainConfig, model: nn.Module, part: Part) -> tuple[Tensor, Tensor]:
    """One pass without gradient. Sums, on the device: of losses, and of right answers."""
    where = next(model.parameters()).device
    loss_sum = torch.zeros((), device=where)
    right = torch.zeros((), dtype=torch.int64, device=where)
    everything = torch.arange(len(part), device=where)
    model.eval()
    for index in torch.split(everything, EVALUATION_BATCH[where.type]):
        x, y = part.batch(index)
        with device.autocast(config, where):
            logits = model(x)
        loss_sum += cross_entropy(logits.float(), y, reduction="sum")
        right += (logits.argmax(1) == y).sum()
    return loss_sum, right


def _means(sums: tuple[Tensor, Tensor], count: int) -> tuple[float, float]:
    loss, right = sums
    return float(loss) / count, int(right) / count
