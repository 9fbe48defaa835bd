"""Train as a generator of epochs: `for epoch in fit(config)`; whoever iterates may stop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor

from trainers import build
from trainers.config import TrainConfig
from trainers.data import data_fraction, resident
from trainers.device import random_state, set_random_state, set_up_process
from trainers.errors import Diverged
from trainers.files import histograms
from trainers.files.histograms import Histogram
from trainers.files.training_state import write
from trainers.learner import Learner, examples
from trainers.learner import evaluate as measure
from trainers.measures.measure import Measure
from trainers.model_and_data import shuffled, trained, untrained


@dataclass(frozen=True)
class Epoch:
    """Holds the results of a finished epoch.

    Attributes:
        number: from 1.
        metrics: train_loss (with label smoothing), train_accuracy (as seen while training),
            val_loss (without), val_accuracy, of numbers r2 and mae in place of accuracy; the
            metric of conf/metric/, if there is one; lr (of its first step), epoch_s (training and
            validation, seconds), samples_per_s (training examples over epoch_s),
            parameters (trainable ones).
        state: copies to the CPU all that training needs to go on after this epoch: plain
            containers and tensors. To be called before the next epoch is asked for.
        histograms: histograms of weights and gradients, if configured; else empty.
    """

    number: int
    metrics: dict[str, float]
    state: Callable[[], dict[str, Any]]
    histograms: Mapping[str, Histogram] = field(default_factory=dict)


@dataclass(frozen=True)
class Size:
    """Holds the size of a training: trainable parameters, bytes of a checkpoint's state."""

    parameters: int
    checkpoint_bytes: int


def fit(config: TrainConfig, resume: Mapping[str, Any] | None = None) -> Iterator[Epoch]:
    """Train, epoch by epoch, up to `config.epochs`.

    The same configuration gives the same bits on the same machine: in a fresh process or a used
    one, in one go or resumed from any epoch. The test part is not used. Training ends earlier if
    `config.patience` is out, for which a state carries the task's metric of each epoch.

    Args:
        config: what to train.
        resume: state of an earlier Epoch; training goes on with the epoch after it.

    Raises:
        ConfigError: before the first epoch, for what cannot be built.
        Diverged: at the end of an epoch whose training or validation loss is not finite, or of
            which every step has overflowed.
    """
    learner, dataset = untrained(config)
    device, train, valid = learner.device, dataset.train, dataset.valid
    parameters = build.trainable(learner.model)
    early = data_fraction.early(config, len(train), device)
    if resume is not None:
        learner.load(resume)

    for number in range(learner.epoch + 1, config.epochs + 1):
        if learner.stalled:
            return
        # Set anew each epoch: another training may have run here since the last one.
        set_up_process(config, device)
        set_random_state(learner.rng, device)
        start = time.perf_counter()
        lr = learner.lr
        order = _order(config, number, len(train), early)
        measured = learner.train(train, order).metrics("train")
        measured |= measure(config, learner.model, valid, learner.measure).metrics("val")
        seconds = time.perf_counter() - start
        for name, part in (("training", "train"), ("validation", "val")):
            loss = measured[f"{part}_loss"]
            if not math.isfinite(loss):
                raise Diverged(number, f"{name} loss is {loss}")
        if learner.scaling.hopeless:
            raise Diverged(number, "all gradients overflow fp16: precision=bf16 or fp32 holds them")
        metrics = {
            **measured,
            "lr": lr,
            "epoch_s": seconds,
            "samples_per_s": len(order) / seconds,
            "parameters": parameters,
        }
        learner.pace.after_epoch(metrics)
        learner.rng = random_state(device)
        learner.epoch = number
        learner.curve[number] = metrics[config.task.metric]
        counted = histograms.of(learner.model) if config.histograms else {}
        yield Epoch(number, metrics, partial(learner.state, number), counted)


def _order(config: TrainConfig, number: int, size: int, early: Tensor) -> Tensor:
    """Draw the order of an epoch's examples, (N,) int64 on the device.

    Seed and epoch alone decide it. It is drawn on the device, where the data is.

    Args:
        size: number of examples in the training part.
        early: examples of the first epochs, on the device; see `data_fraction.early`.
    """
    total = data_fraction.available(config.first, number, size)
    count = examples(config, total)
    if config.overfit_batches is not None:
        same = shuffled(size, config.seed, early.device)
        same = same[: config.overfit_batches * config.batch_size]
        return same.repeat(math.ceil(count / len(same)))[:count]
    order = shuffled(total, (config.seed << 20) + number, early.device)[:count]
    return early[order] if total < size else order


def evaluate(config: TrainConfig, state: Mapping[str, Any]) -> dict[str, float]:
    """Measure a saved state: test_loss, test_accuracy and so on; empty without test labels.

    Nothing else measures on the test part.
    """
    model, dataset = trained(config, state)
    if not dataset.test.labelled:
        return {}
    device = next(model.parameters()).device
    by = Measure.of(config, dataset, device)
    return measure(config, model, dataset.test.to(device), by).metrics("test")


def size(config: TrainConfig) -> Size:
    """Determine the number of parameters, and the bytes of a checkpoint with optimizer state.

    Builds everything that a training builds, on the CPU, so that it also finds what cannot be
    built; takes one optimizer step on gradients of zero, for the optimizer to make its state.

    Raises:
        ConfigError: what cannot be built, or data that is not there.
    """
    learner = Learner.begin(config, resident.load(config.data), torch.device("cpu"))
    learner.rehearse()
    written = write(learner.state(0), None)
    return Size(build.trainable(learner.model), written.bytes)
