"""Choose a normalisation and its place in a network; each function is one of conf/norm/."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from trainers.config.hydra_grammar import written
from trainers.errors import ConfigError
from trainers.models.instance_norm import InstanceNorm
from trainers.models.mixed_norm import BatchInstanceNorm, SwitchableNorm

#: Makes a module for so many features, the size of axis 1, of images (N, features, H, W) or, if
#: the second argument is false, of vectors (N, features).
Make = Callable[[int, bool], nn.Module]

#: Share of each batch in the running statistics of batch norm, as conf/norm/batch.yaml has it.
MOMENTUM = 0.1

POSITIONS = ("before", "after")
LAYERS = ("every", "alternate", "input")


@dataclass(frozen=True)
class Norm:
    """Holds a normalisation, and its place in a network.

    Attributes:
        make: makes the module; None if weights are normalised instead, or nothing is.
        weights: whether the weights into each unit are normalised (weight norm).
        position: before or after the activation.
        layers: every hidden layer, every other one beginning with the first, or the input of
            the network only.
    """

    make: Make | None
    weights: bool = False
    position: str = "before"
    layers: str = "every"

    def __post_init__(self) -> None:
        for key, value, choices in (
            ("position", self.position, POSITIONS),
            ("layers", self.layers, LAYERS),
        ):
            if value not in choices:
                raise ConfigError(
                    f"norm.{key} must be one of {', '.join(choices)}, not {written(value)}: set "
                    f"norm.{key}=…"
                )

    def on_input(self, features: int, image: bool) -> list[nn.Module]:
        """Make the normalisation of the network's input, if it has one."""
        return [self.make(features, image)] if self.make and self.layers == "input" else []

    def around(
        self, layer: nn.Module, activation: nn.Module, features: int, image: bool, index: int
    ) -> list[nn.Module]:
        """Combine hidden layer number `index` (from 0) with its norm and activation, in order."""
        if self.layers == "input" or (self.layers == "alternate" and index % 2):
            return [layer, activation]
        if self.weights:
            return [weight_norm(layer), activation]
        if self.make is None:
            return [layer, activation]
        module = self.make(features, image)
        if self.position == "before":
            return [layer, module, activation]
        return [layer, activation, module]


def none() -> Norm:
    """Choose no normalisation."""
    return Norm(None)


def batch(momentum: float, affine: bool, position: str, layers: str, running: bool = True) -> Norm:
    """Choose batch normalisation (Ioffe & Szegedy 2015).

    Args:
        momentum: share of each batch in the running statistics.
        affine: whether a scale and a shift are learnt for each feature.
        running: whether running statistics are kept, for evaluation; false: each batch is
            normalised by its own, in evaluation too. Older records have none.

    Raises:
        ConfigError: a momentum that is no share, or one of running statistics that are not kept.
    """
    _share(momentum)
    if not isinstance(running, bool):
        raise ConfigError(f"norm.running must be true or false, not {written(running)}")
    if not running and momentum != MOMENTUM:
        raise ConfigError(
            f"norm.momentum={momentum:g} has no effect beside norm.running=false, which keeps no "
            "running statistics: leave it out"
        )

    def make(features: int, image: bool) -> nn.Module:
        kind = nn.BatchNorm2d if image else nn.BatchNorm1d
        return kind(features, momentum=momentum, affine=affine, track_running_stats=running)

    return Norm(make, position=position, layers=layers)


def layer(affine: bool, position: str, layers: str) -> Norm:
    """Choose layer normalisation (Ba et al. 2016); of images, channels and places together."""

    def make(features: int, image: bool) -> nn.Module:
        if image:
            return nn.GroupNorm(1, features, affine=affine)
        return nn.LayerNorm(features, elementwise_affine=affine)

    return Norm(make, position=position, layers=layers)


def group(groups: int, affine: bool, position: str, layers: str) -> Norm:
    """Choose group normalisation (Wu & He 2018).

    Args:
        groups: number of groups, at most; so that widths can be swept, the largest divisor of both
            `groups` and the number of features is used that leaves two features or more to a
            group: of one alone, in a vector, nothing would be left.
    """
    if groups < 1:
        raise ConfigError(f"norm.groups must be 1 or more, not {groups}: set norm.groups=…")

    def make(features: int, image: bool) -> nn.Module:
        return nn.GroupNorm(_groups(groups, features), features, affine=affine)

    return Norm(make, position=position, layers=layers)


def instance(affine: bool, position: str, layers: str) -> Norm:
    """Choose instance normalisation (Ulyanov et al. 2016); of vectors, over the features."""
    return Norm(
        lambda features, image: InstanceNorm(features, affine), position=position, layers=layers
    )


def weight(layers: str) -> Norm:
    """Choose weight normalisation (Salimans & Kingma 2016): length and direction learnt apart.

    Raises:
        ConfigError: layers=input, where there are no weights.
    """
    if layers == "input":
        raise ConfigError("norm.layers=input has no weights to normalise: set norm.layers=every")
    return Norm(None, weights=True, layers=layers)


def batch_instance(momentum: float, position: str, layers: str) -> Norm:
    """Choose batch-instance norm (Nam & Kim 2018): a learnt blend of the two, by feature."""
    _share(momentum)
    return Norm(
        lambda features, image: BatchInstanceNorm(features, momentum),
        position=position,
        layers=layers,
    )


def switchable(momentum: float, position: str, layers: str) -> Norm:
    """Choose switchable norm (Luo et al. 2018): a learnt blend of instance, layer, batch."""
    _share(momentum)
    return Norm(
        lambda features, image: SwitchableNorm(features, momentum),
        position=position,
        layers=layers,
    )


def needs_batch(model: nn.Module) -> bool:
    """Return whether some layer of a model takes statistics over the examples of a batch."""
    kinds = (nn.modules.batchnorm._BatchNorm, BatchInstanceNorm, SwitchableNorm)
    return any(isinstance(module, kinds) for module in model.modules())


def evaluates_by_batch(model: nn.Module) -> bool:
    """Return whether some layer of a model takes statistics of a batch in evaluation too."""
    kind = nn.modules.batchnorm._NormBase  # the base of batch and instance norm
    return any(isinstance(m, kind) and m.running_mean is None for m in model.modules())


def _groups(most: int, features: int) -> int:
    common = math.gcd(most, features)
    if common < features:
        return common
    return max((d for d in range(1, features) if features % d == 0), default=1)


def _share(momentum: float) -> None:
    if not 0 < momentum <= 1:
        raise ConfigError(
            f"norm.momentum must be above 0 and at most 1, not {momentum}: set norm.momentum=…"
        )
