"""Make a model and its data: untrained, as a training begins, or from a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from trainers import build
from trainers.config import TrainConfig
from trainers.data import resident
from trainers.data.dataset import Dataset
from trainers.device import pick_device, set_up_process
from trainers.errors import ConfigError, DataError
from trainers.learner import Learner


def untrained(config: TrainConfig) -> tuple[Learner, Dataset]:
    """Build the learner that `fit` begins with, weight for weight, and its data on its device.

    Raises:
        ConfigError: what cannot be built, or is too large.
        DataError: the data is missing, or too little to train on.
    """
    device = pick_device(config)
    set_up_process(config, device)
    dataset = resident.on(device, config.data)
    count = len(dataset.train)
    if count < 2:
        raise DataError(f"training needs 2 examples or more, not {count}: raise data.fraction")
    if too_large := build.excess(config, dataset.input_shape, dataset.outputs):
        raise ConfigError(f"the model has {too_large}: make it smaller, or allow more")
    torch.manual_seed(config.seed)
    return Learner.begin(config, dataset, device), dataset


def trained(config: TrainConfig, state: Mapping[str, Any]) -> tuple[nn.Module, Dataset]:
    """Build the model of a checkpoint's state, and its data on its device.

    Raises:
        ConfigError: the state is of another configuration, or what cannot be built.
    """
    device = pick_device(config)
    set_up_process(config, device)
    dataset = resident.on(device, config.data)
    model = build.model(config, dataset.input_shape, dataset.outputs).to(device)
    try:
        model.load_state_dict(state["model"])
    except (RuntimeError, KeyError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ConfigError(f"the checkpoint is of another configuration: {reason}") from error
    return model, dataset


def shuffled(count: int, seed: int, device: torch.device) -> Tensor:
    """Shuffle 0 to count - 1, (count,) int64 on the device; the seed alone decides."""
    generator = torch.Generator(device)
    generator.manual_seed(seed)
    return torch.randperm(count, generator=generator, device=device)
