"""Build the model, its optimizer and its augmentation from a configuration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from trainers.config import TrainConfig
from trainers.config.targets import (
    asked,
    instantiate,
    locate,
    make,
    settings_refused,
    unfilled,
)
from trainers.device.lazy_compiler import leave_unimported
from trainers.errors import ConfigError
from trainers.init import each_weight
from trainers.models.activation import activation
from trainers.models.module_norm import norm
from trainers.models.norm import needs_batch

#: Groups that a model is given if it asks for them by an argument of this name.
ON_REQUEST = ("norm", "activation")


def model(config: TrainConfig, input_shape: tuple[int, ...], classes: int) -> nn.Module:
    """Build and initialise the model, by torch's global random state, on its default device.

    Args:
        config: its groups model, norm, activation and init are used.
        input_shape: shape of one example.
        classes: number of classes.

    Raises:
        ConfigError: what cannot be built.
    """
    activate = activation(config.activation)
    node = own_keys(config)
    wanted = asked(locate("model", node), (*ON_REQUEST, "input_shape", "classes"))
    supplied: dict[str, object] = {"input_shape": input_shape, "classes": classes}
    if "norm" in wanted:
        supplied["norm"] = norm(config.norm)
    if "activation" in wanted:
        supplied["activation"] = activate
    built = instantiate("model", node, **{name: supplied[name] for name in wanted})
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
    _initialise(config, built, activate)
    return built


def own_keys(config: TrainConfig) -> dict[str, Any]:
    """Return the keys of the model's group that its target sees."""
    return {key: value for key, value in config.model.items() if key != "max_parameters"}


def unasked(config: TrainConfig) -> tuple[str, ...]:
    """List the groups that a model may ask for, and that this one does not."""
    wanted = asked(locate("model", config.model), ON_REQUEST)
    return tuple(group for group in ON_REQUEST if group not in wanted)


def _initialise(config: TrainConfig, built: nn.Module, activate: Callable[[], nn.Module]) -> None:
    """Initialise a model: by a function of it and perhaps of its activation, or of one weight."""
    target = locate("init", config.init)
    initialise = instantiate("init", {**config.init, "_partial_": True})
    with settings_refused("init", config.init):
        if unfilled(target, config.init)[:1] == ("tensor",):  # one of torch.nn.init
            each_weight(built, initialise)
        elif "activation" in asked(target, ["activation"]):
            initialise(built, activate)
        else:
            initialise(built)


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
    return f"{count:,} parameters, over {most:,} (model.max_parameters)" if count > most else ""


def optimizer(config: TrainConfig, model: nn.Module) -> Optimizer:
    """Build the optimizer of the model's parameters.

    Raises:
        ConfigError: what cannot be built, or steps only with a closure that trains anew.
    """
    leave_unimported()
    built: Optimizer = make("optimizer", config.optimizer, Optimizer, model.parameters())
    if "closure" in unfilled(type(built).step, {}):
        raise ConfigError(
            f"optimizer: {config.optimizer['_target_']} trains a batch several times a step (its "
            "step asks for a closure), which is not done here: take another"
        )
    return built


def augment(
    config: TrainConfig, input_shape: tuple[int, ...] = (1, 1)
) -> Callable[[Tensor], Tensor]:
    """Build the augmentation of a batch of inputs, and try it once to check its settings.

    Raises:
        ConfigError: a setting that it refuses, or a batch of another shape that it returns.
    """
    target = locate("augment", config.augment)
    is_class = isinstance(target, type)
    partial = bool(config.augment.get("_partial_")) or not is_class
    built: Callable[..., Any] = instantiate("augment", {**config.augment, "_partial_": partial})
    if not is_class and not unfilled(target, config.augment):  # a function that makes another one
        with settings_refused("augment", config.augment):
            built = built()
    batch = torch.zeros(1, *input_shape, device="cpu")
    with torch.random.fork_rng(devices=[]), settings_refused("augment", config.augment):
        made = built(batch.clone())
    if not isinstance(made, Tensor) or made.shape != batch.shape:
        what = tuple(made.shape) if isinstance(made, Tensor) else type(made).__name__
        raise ConfigError(
            f"augment: {config.augment['_target_']} makes {what} of a batch "
            f"{tuple(batch.shape)}: it must return inputs of the same shape"
        )
    return built
