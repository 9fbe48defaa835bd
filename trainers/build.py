"""Build the model, its optimizer and its augmentation from a configuration."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from trainers.config import TrainConfig
from trainers.config.targets import instantiate, make, settings_refused
from trainers.device.lazy_compiler import leave_unimported
from trainers.errors import ConfigError
from trainers.models.norm import needs_batch


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
    return f"{count:,} parameters, over {most:,} (model.max_parameters)" if count > most else ""


def optimizer(config: TrainConfig, model: nn.Module) -> Optimizer:
    """Build the optimizer of the model's parameters."""
    leave_unimported()
    built: Optimizer = make("optimizer", config.optimizer, Optimizer, model.parameters())
    return built


def augment(config: TrainConfig) -> Callable[[Tensor], Tensor]:
    """Build the augmentation of a batch of inputs, and try it once to check its settings.

    Raises:
        ConfigError: a setting that it refuses.
    """
    built: Callable[[Tensor], Tensor] = instantiate("augment", config.augment)
    with torch.random.fork_rng(devices=[]), settings_refused("augment", config.augment):
        built(torch.zeros(1, 1, 1))
    return built
