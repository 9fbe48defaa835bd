"""Build the model, its optimizer, its schedule and its augmentation from a configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from trainers.config import TrainConfig
from trainers.config.targets import instantiate, locate, settings_refused, takes
from trainers.data.data_fraction import Lengths
from trainers.errors import ConfigError
from trainers.models.norm import needs_batch
from trainers.schedules import Pace


def model(config: TrainConfig, input_shape: tuple[int, ...], classes: int) -> nn.Module:
    """Build and initialise the model, by torch's global random state, on its default device.

    Args:
        config: its groups model, norm, activation and init are used.
        input_shape: shape of one example.
        classes: number of classes.

    Raises:
        ConfigError: what cannot be built.
    """
    activation = instantiate("activation", config.activation)
    built = instantiate(
        "model",
        {key: value for key, value in config.model.items() if key != "max_parameters"},
        input_shape=input_shape,
        classes=classes,
        norm=instantiate("norm", config.norm),
        activation=activation,
    )
    if not isinstance(built, nn.Module):
        raise ConfigError(
            f"model._target_ must make a torch.nn.Module, and {config.model['_target_']} made "
            f"{type(built).__name__}"
        )
    if config.batch_size == 1 and needs_batch(built):
        raise ConfigError(
            "this norm needs batch_size of 2 or more, not 1: one example has no statistics; "
            "raise batch_size or use norm=layer"
        )
    initialise = instantiate("init", config.init)
    with settings_refused("init", config.init):
        initialise(built, activation)
    return built


def trainable(built: nn.Module) -> int:
    """Count the trainable parameters of a model, number by number."""
    return sum(p.numel() for p in built.parameters() if p.requires_grad)


def parameters(config: TrainConfig, input_shape: tuple[int, ...], classes: int) -> int:
    """Count the trainable parameters of the model without memory for them or a weight drawn.

    Raises:
        ConfigError: what cannot be built.
    """
    with torch.device("meta"):
        built = model(config, input_shape, classes)
    return trainable(built)


def excess(config: TrainConfig, input_shape: tuple[int, ...], classes: int) -> str:
    """Describe by how much the model exceeds `model.max_parameters`; empty if it does not."""
    most = config.model.get("max_parameters")
    if most is None:
        return ""
    count = parameters(config, input_shape, classes)
    return f"{count:,} parameters, more than model.max_parameters={most}" if count > most else ""


def optimizer(config: TrainConfig, model: nn.Module) -> Optimizer:
    """Build the optimizer of the model's parameters."""
    built: Optimizer = _call("optimizer", config.optimizer, Optimizer, model.parameters())
    return built


def pace(config: TrainConfig, optimizer: Optimizer, lengths: Lengths) -> Pace:
    """Build the learning-rate schedule, and determine when it is stepped.

    Args:
        lengths: number of batches of each epoch. A schedule that asks for `steps_per_epoch` is
            given the number; where the epochs differ, it must ask for `total_steps`, too.

    Raises:
        ConfigError: what cannot be built, or does not know epochs that differ.
    """
    target = locate("schedule", config.schedule)
    by_batch = takes(target, "steps_per_epoch")
    supplied: dict[str, int] = {"steps_per_epoch": lengths.full} if by_batch else {}
    if by_batch and lengths.early != lengths.full:
        if not takes(target, "total_steps"):
            raise ConfigError(
                f"first.epochs: {config.schedule['_target_']} takes all epochs to be of one length:"
                " use a schedule that is stepped after each epoch, such as schedule=cosine"
            )
        supplied["total_steps"] = lengths.upto(int(config.schedule.get("epochs", config.epochs)))
    built = _call("schedule", config.schedule, LRScheduler, optimizer, **supplied)
    return Pace(built, by_batch, lengths)


def augment(config: TrainConfig) -> Callable[[Tensor], Tensor]:
    """Build the augmentation of a batch of inputs, and try it once to check its settings.

    Raises:
        ConfigError: a setting that it refuses.
    """
    built: Callable[[Tensor], Tensor] = instantiate("augment", config.augment)
    with torch.random.fork_rng(devices=[]), settings_refused("augment", config.augment):
        built(torch.zeros(1, 1, 1))
    return built


def _call(
    group: str, node: Mapping[str, Any], kind: type[Any], argument: object, **supplied: object
) -> Any:
    make = instantiate(group, {**node, "_partial_": True}, **supplied)
    with settings_refused(group, node):
        built = make(argument)
    if not isinstance(built, kind):
        raise ConfigError(
            f"{group}._target_ must make a {kind.__name__}, and {node['_target_']} made "
            f"{type(built).__name__}"
        )
    return built
