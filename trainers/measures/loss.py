"""Build the loss of a configuration: a function or a module of (outputs, targets)."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from trainers.config import TrainConfig
from trainers.config.targets import asked, instantiate, locate, settings_refused
from trainers.errors import ConfigError


@dataclass(frozen=True)
class Loss:
    """Holds the loss of a training.

    Attributes:
        mean: mean over a batch (), with label smoothing: what is trained by.
        total: sum over the examples of a batch (), without: what is evaluated by.
    """

    mean: Callable[[Tensor, Tensor], Tensor]
    total: Callable[[Tensor, Tensor], Tensor]


def build(config: TrainConfig, outputs: int, device: torch.device) -> Loss:
    """Build the loss, and try it once.

    Args:
        outputs: numbers that the model makes of an example.

    Raises:
        ConfigError: a target that is no loss, or not one of what the task predicts.
    """
    target = locate("loss", config.loss)
    if "reduction" in config.loss:
        raise ConfigError("loss.reduction: a loss is a mean over the batch here: leave it out")
    smoothed: dict[str, Any] = {}
    if config.label_smoothing:
        if "label_smoothing" not in asked(target, ["label_smoothing"]):
            raise ConfigError(
                f"label_smoothing={config.label_smoothing:g}: {config.loss['_target_']} has none: "
                "set label_smoothing=0, or take loss=cross_entropy"
            )
        smoothed = {"label_smoothing": config.label_smoothing}
    mean = _made(config, target, smoothed, device)
    if "reduction" in asked(target, ["reduction"]):
        summed = _made(config, target, {"reduction": "sum"}, device)
        total = summed if config.task.of_classes else _per_example(summed)
    else:
        plain = _made(config, target, {}, device)
        total = lambda outputs, targets: plain(outputs, targets) * len(targets)  # noqa: E731
    _try(config, mean, outputs, device)
    return Loss(mean, total)


def _per_example(summed: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """Return the sum over examples of what sums over their numbers, too."""
    return lambda outputs, targets: summed(outputs, targets) / targets.shape[1]


def _made(
    config: TrainConfig, target: Callable[..., Any], more: dict[str, Any], device: torch.device
) -> Callable[[Tensor, Tensor], Tensor]:
    is_class = isinstance(target, type)
    made = instantiate("loss", {**config.loss, "_partial_": True}, **more)
    if is_class:
        with settings_refused("loss", config.loss):
            made = made()
    loss: Callable[[Tensor, Tensor], Tensor] = made
    return loss.to(device) if isinstance(loss, nn.Module) else loss


def _try(
    config: TrainConfig,
    mean: Callable[[Tensor, Tensor], Tensor],
    outputs: int,
    device: torch.device,
) -> None:
    """Compute the loss of two examples: it must be one number, with a gradient."""
    made = torch.zeros(2, outputs, device=device, requires_grad=True)
    of_classes = config.task.of_classes
    targets = (
        torch.zeros(2, dtype=torch.int64, device=device)
        if of_classes
        else torch.zeros(2, outputs, device=device)
    )
    kind = "labels" if of_classes else "numbers"
    try:
        with (
            torch.enable_grad(),
            warnings.catch_warnings(),
            settings_refused("loss", config.loss),
        ):
            warnings.simplefilter("ignore")  # of shapes that do not fit, before the error
            loss = mean(made, targets)
            wrong = loss if of_classes else mean(made, targets + 1)
    except ConfigError as error:
        remedy = "loss=cross_entropy" if of_classes else "loss=mse"
        raise ConfigError(f"{error} (targets are {kind}; such as {remedy} takes them)") from error
    if not isinstance(loss, Tensor) or loss.shape != () or not loss.requires_grad:
        what = tuple(loss.shape) if isinstance(loss, Tensor) else type(loss).__name__
        raise ConfigError(
            f"loss: {config.loss['_target_']} makes {what} of outputs {tuple(made.shape)} and "
            f"{kind} {tuple(targets.shape)}: it must be one number, with a gradient"
        )
    if not of_classes and device.type != "meta" and bool(wrong == loss):
        raise ConfigError(
            f"loss: {config.loss['_target_']} is the same however far off a number is: it is none "
            "for numbers; loss=mse"
        )
