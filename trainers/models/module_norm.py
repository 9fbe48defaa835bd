"""Let any class of normalising modules be a norm: torch's own, or somebody's, by one YAML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from trainers.config.targets import asked, instantiate, locate, settings_refused, unfilled
from trainers.errors import ConfigError, first_line
from trainers.models.norm import Norm

#: Keys of the group that say where in the network it is; the others are the module's own.
_PLACE = ("position", "layers")
#: What modules call the number of features that they normalise, the size of axis 1.
_SIZES = ("num_features", "num_channels", "normalized_shape", "features", "channels", "dim")


class OverChannels(nn.Module):
    """Applies a norm over the last axis to the channels at each place of (N, C, H, W)."""

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.norm = norm

    def forward(self, x: Tensor) -> Tensor:
        """Normalise a batch; the shape stays."""
        normed: Tensor = self.norm(x.movedim(1, -1))
        return normed.movedim(-1, 1)


def norm(node: Mapping[str, Any]) -> Norm:
    """Build the norm of a group: one of `trainers.models.norm`, or of any class of modules.

    A class is given the number of features. Of torch's in 1d and 2d, the one that fits vectors or
    images is taken, whichever is named; one over the last axis (LayerNorm, RMSNorm) normalises
    the channels at each place of an image.

    Raises:
        ConfigError: a target that makes no norm, or settings that it refuses.
    """
    target = locate("norm", node)
    is_module = isinstance(target, type) and issubclass(target, nn.Module)
    if not is_module and not node.get("_partial_"):
        built = instantiate("norm", node)
        if not isinstance(built, Norm):
            raise ConfigError(
                f"norm._target_ must make a Norm or be a class of torch.nn.Module, and "
                f"{node['_target_']} made {type(built).__name__}: see trainers/models/norm.py"
            )
        return built
    place: dict[str, Any] = {key: node[key] for key in _PLACE if key in node}
    own = {key: value for key, value in node.items() if key not in _PLACE}
    return Norm(lambda features, image: _module(own, features, image), **place)


def _module(node: Mapping[str, Any], features: int, image: bool) -> nn.Module:
    """Make the module for so many features, of images or of vectors, and try it."""
    node = {**node, "_target_": _fitting(str(node["_target_"]), image)}
    target = locate("norm", node)
    over_places = nn.modules.instancenorm._InstanceNorm
    if not image and isinstance(target, type) and issubclass(target, over_places):
        # It would take a batch of vectors for one example, and normalise that.
        raise ConfigError(
            f"norm: {node['_target_']} normalises over the places of an image, and a vector has "
            "none: norm=instance takes the features there"
        )
    sizes = [name for name in _SIZES if name not in node and name in asked(target, _SIZES)]
    size = sizes[0] if sizes else next(iter(unfilled(target, node)), None)
    supplied = {} if size is None else {size: features}
    made = instantiate("norm", {**node, "_partial_": True}, **supplied)
    with settings_refused("norm", node):
        module: object = made()
    if not isinstance(module, nn.Module):
        raise ConfigError(
            f"norm._target_ must make a torch.nn.Module, and {node['_target_']} made "
            f"{type(module).__name__}"
        )
    if image and isinstance(module, nn.LayerNorm | nn.RMSNorm):
        module = OverChannels(module)
    _try(node, module, (2, features, 3, 3) if image else (2, features))
    return module


def _fitting(path: str, image: bool) -> str:
    """Return the one in 1d or 2d of a pair in torch.nn, for vectors or images."""
    wrong, right = ("1d", "2d") if image else ("2d", "1d")
    other = path.removesuffix(wrong) + right
    fits = path.startswith("torch.nn.") and path.endswith(wrong)
    return other if fits and hasattr(nn, other.rpartition(".")[2]) else path


def _try(node: Mapping[str, Any], module: nn.Module, shape: tuple[int, ...]) -> None:
    """Pass a batch through a module, where its weights have no numbers."""
    try:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            where = next((p.device for p in module.parameters()), torch.get_default_device())
            kept = {name: value.clone() for name, value in module.state_dict().items()}
            found = tuple(module(torch.zeros(shape, device=where)).shape)
            module.load_state_dict(kept)
    except Exception as error:  # whatever a module of somebody's raises
        what = "images" if len(shape) > 2 else "vectors"
        raise ConfigError(
            f"norm: {node['_target_']} does not take {what} {shape}: {first_line(error)}"
        ) from error
    if found != shape:
        raise ConfigError(f"norm: {node['_target_']} makes {found} of {shape}, and no norm may")
