"""The model that is trained or looked at: new, as a training begins, or as a checkpoint has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from trainers import build, device
from trainers.config import TrainConfig
from trainers.data import resident
from trainers.data.dataset import Dataset
from trainers.errors import ConfigError, DataError
from trainers.learner import Learner


def untrained(config: TrainConfig) -> tuple[Learner, Dataset]:
    """The learner that `fit` begins with, weight for weight, and its data on its device.

    Raises:
        ConfigError: what cannot be built, or is too large.
        DataError: the data is not there, or too little to train on.
    """
    where = device.pick(config)
    device.settle(config, where)
    dataset = resident.on(where, config.data)
    count = len(dataset.train)
    if count < 2:
        raise DataError(f"training needs 2 examples or more, not {count}: raise data.fraction")
    if too_large := build.excess(config, dataset.input_shape, len(dataset.classes)):
        raise ConfigError(f"the model has {too_large}: make it smaller, or allow more")
    torch.manual_seed(config.seed)
    return Learner.begin(config, dataset, where), dataset


def trained(config: TrainConfig, state: Mapping[str, Any]) -> tuple[nn.Module, Dataset]:
    """The model of a checkpoint's state, and its data on its device.

    Raises:
        ConfigError: the state is of another configuration, or what cannot be built.
    """
    where = device.pick(config)
    device.settle(config, where)
    dataset = resident.on(where, config.data)
    model = build.model(config, dataset.input_shape, len(dataset.classes)).to(where)
    try:
        model.load_state_dict(state["model"])
    except (RuntimeError, KeyError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ConfigError(f"the checkpoint is of another configuration: {reason}") from error
    return model, dataset


def shuffled(count: int, seed: int, where: torch.device) -> Tensor:
    """(count,) int64 on the device: 0 to count - 1 in an order that the seed alone decides."""
    generator = torch.Generator(where)
    generator.manual_seed(seed)
    return torch.randperm(count, generator=generator, device=where)
