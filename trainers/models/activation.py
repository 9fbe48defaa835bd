"""Make activations: of a class of modules, or of a function of a tensor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from trainers.config.targets import instantiate, locate, settings_refused, unfilled
from trainers.errors import ConfigError


class FunctionActivation(nn.Module):
    """Applies a function of a tensor, such as torch.relu, with its further arguments."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        """Apply the function."""
        return self.function(x)


def activation(node: Mapping[str, Any]) -> Callable[[], nn.Module]:
    """Return what makes the activation of a group: a new module each time.

    Args:
        node: its `_target_` makes a module, or is a function of a tensor.

    Raises:
        ConfigError: it makes something else, or refuses its settings.
    """
    target = locate("activation", node)
    made: Callable[..., Any] = instantiate("activation", {**node, "_partial_": True})
    is_class = isinstance(target, type)
    if not is_class and unfilled(target, node):
        with settings_refused("activation", node), torch.random.fork_rng(devices=[]):
            found = made(torch.zeros(2, 3, device="cpu"))
        if not isinstance(found, Tensor):
            raise ConfigError(
                f"activation: {node['_target_']} makes {type(found).__name__} of a tensor"
            )
        return partial(FunctionActivation, made)
    with settings_refused("activation", node):
        one = made()
    if not isinstance(one, nn.Module):
        raise ConfigError(
            f"activation._target_ must make a torch.nn.Module, or be a function of a tensor, and "
            f"{node['_target_']} made {type(one).__name__}"
        )
    return made
