"""From configuration to objects: the model, its optimizer, its schedule, its augmentation."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import hydra.utils
import torch
from hydra.errors import InstantiationException
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from trainers.check import check_arguments, locate
from trainers.config import TrainConfig
from trainers.data.data_fraction import Lengths
from trainers.errors import ConfigError, first_line
from trainers.models.norm import needs_batch
from trainers.schedules import Pace


def instantiate(group: str, node: Mapping[str, Any], **supplied: object) -> Any:
    """Build what a group's `_target_` names, with its keys and what the code supplies.

    Raises:
        ConfigError: an unknown target or key, or whatever the target refuses.
    """
    check_arguments(group, node, supplied)
    try:
        # In two steps: Hydra would take a dataclass that is supplied for a configuration.
        made = hydra.utils.instantiate({**node, "_partial_": True}, _convert_="all")
        return partial(made, **supplied) if node.get("_partial_") else made(**supplied)
    except ConfigError:
        raise
    except Exception as error:  # whatever a third party's constructor raises
        cause = error.__cause__ if isinstance(error, InstantiationException) else error
        raise ConfigError(f"{group} cannot be built: {first_line(cause or error)}") from error


def model(config: TrainConfig, input_shape: tuple[int, ...], classes: int) -> nn.Module:
    """The model, newly initialised from torch's global random state, on torch's default device.

    Args:
        config: its groups model, norm, activation and init are used.
        input_shape: of one example.
        classes: how many there are.

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
    instantiate("init", config.init)(built, activation)
    return built


def trainable(built: nn.Module) -> int:
    """How many numbers of a model are trained."""
    return sum(p.numel() for p in built.parameters() if p.requires_grad)


def parameters(config: TrainConfig, input_shape: tuple[int, ...], classes: int) -> int:
    """How many trainable numbers the model has. No memory is taken and no weight is drawn.

    Raises:
        ConfigError: what cannot be built.
    """
    with torch.device("meta"):
        built = model(config, input_shape, classes)
    return trainable(built)


def excess(config: TrainConfig, input_shape: tuple[int, ...], classes: int) -> str:
    """Why the model is too large for `model.max_parameters`; empty if it is not."""
    most = config.model.get("max_parameters")
    if most is None:
        return ""
    count = parameters(config, input_shape, classes)
    return f"{count:,} parameters, more than model.max_parameters={most}" if count > most else ""


def optimizer(config: TrainConfig, model: nn.Module) -> Optimizer:
    """The optimizer of the model's parameters."""
    built: Optimizer = _call("optimizer", config.optimizer, Optimizer, model.parameters())
    return built


def pace(config: TrainConfig, optimizer: Optimizer, lengths: Lengths) -> Pace:
    """The learning-rate schedule, and when it is stepped.

    Args:
        lengths: how many batches epochs have. A schedule that asks for `steps_per_epoch` is given
            the number; where the epochs differ, it must ask for `total_steps`, too.

    Raises:
        ConfigError: what cannot be built, or does not know epochs that differ.
    """
    target = locate("schedule", config.schedule)
    asked = inspect.signature(target).parameters
    by_batch = "steps_per_epoch" in asked
    supplied: dict[str, int] = {"steps_per_epoch": lengths.full} if by_batch else {}
    if by_batch and lengths.early != lengths.full:
        if "total_steps" not in asked:
            raise ConfigError(
                f"first.epochs: {config.schedule['_target_']} takes all epochs to be of one length:"
                " use a schedule that is stepped after each epoch, such as schedule=cosine"
            )
        supplied["total_steps"] = lengths.upto(int(config.schedule.get("epochs", config.epochs)))
    built = _call("schedule", config.schedule, LRScheduler, optimizer, **supplied)
    return Pace(built, by_batch, lengths)


def augment(config: TrainConfig) -> Callable[[Tensor], Tensor]:
    """What is done to a batch of inputs while training. Tried once, for its settings to be checked.

    Raises:
        ConfigError: a setting that it refuses.
    """
    built: Callable[[Tensor], Tensor] = instantiate("augment", config.augment)
    with torch.random.fork_rng(devices=[]):
        built(torch.zeros(1, 1, 1))
    return built


def _call(
    group: str, node: Mapping[str, Any], kind: type[Any], argument: object, **supplied: object
) -> Any:
    make = instantiate(group, {**node, "_partial_": True}, **supplied)
    try:
        built = make(argument)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{group} cannot be built: {first_line(error)}") from error
    if not isinstance(built, kind):
        raise ConfigError(
            f"{group}._target_ must make a {kind.__name__}, and {node['_target_']} made "
            f"{type(built).__name__}"
        )
    return built
