"""From configuration to objects: the model, its optimizer and its schedule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import hydra.utils
from hydra.errors import InstantiationException
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from trainers.check import check_arguments
from trainers.config import TrainConfig
from trainers.data.dataset import Dataset
from trainers.errors import ConfigError


def instantiate(group: str, node: Mapping[str, Any], **supplied: object) -> Any:
    """Build what a group's `_target_` names, with its keys and what the code supplies.

    Raises:
        ConfigError: an unknown target or key, or whatever the target refuses.
    """
    check_arguments(group, node, supplied)
    try:
        return hydra.utils.instantiate(dict(node), **supplied, _convert_="all")
    except InstantiationException as error:
        cause = error.__cause__
        if isinstance(cause, ConfigError):
            raise cause from None
        raise ConfigError(f"{group} cannot be built: {_line(cause or error)}") from error


def model(config: TrainConfig, dataset: Dataset) -> nn.Module:
    """The model, newly initialised from torch's global random state, on the CPU."""
    built = instantiate(
        "model",
        config.model,
        input_shape=dataset.input_shape,
        classes=len(dataset.classes),
        norm=instantiate("norm", config.norm),
        activation=instantiate("activation", config.activation),
    )
    if not isinstance(built, nn.Module):
        raise ConfigError(
            f"model._target_ must make a torch.nn.Module, and {config.model['_target_']} made "
            f"{type(built).__name__}"
        )
    if config.batch_size == 1 and any(
        isinstance(m, nn.modules.batchnorm._BatchNorm) for m in built.modules()
    ):
        raise ConfigError(
            "norm=batch needs batch_size of 2 or more, not 1: one example has no statistics; "
            "raise batch_size or use norm=layer"
        )
    return built


def optimizer(config: TrainConfig, model: nn.Module) -> Optimizer:
    """The optimizer of the model's parameters."""
    built: Optimizer = _call("optimizer", config.optimizer, Optimizer, model.parameters())
    return built


def schedule(config: TrainConfig, optimizer: Optimizer) -> LRScheduler:
    """The learning-rate schedule, to be stepped once an epoch."""
    built: LRScheduler = _call("schedule", config.schedule, LRScheduler, optimizer)
    return built


def _call(group: str, node: Mapping[str, Any], kind: type[Any], argument: object) -> Any:
    partial = instantiate(group, {**node, "_partial_": True})
    try:
        built = partial(argument)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{group} cannot be built: {_line(error)}") from error
    if not isinstance(built, kind):
        raise ConfigError(
            f"{group}._target_ must make a {kind.__name__}, and {node['_target_']} made "
            f"{type(built).__name__}"
        )
    return built


def _line(error: BaseException) -> str:
    return (str(error).strip() or repr(error)).splitlines()[0]
