"""Define a training: the typed form of conf/train.yaml, and the rules for its values.

Scalars have a type here, so OmegaConf refuses a wrong type or a misspelt key while Hydra
composes. The groups whose keys depend on the choice made (a `_target_` and its arguments) are
open dictionaries, which `trainers.config.targets` checks.
"""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import Enum
from functools import cache
from typing import Any, Optional, Union

from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from trainers.config.dataclass_from_dict import Doubtful, read
from trainers.config.hydra_grammar import written
from trainers.config.metrics import (
    Mode,
    Predicts,
    check_metric,
    check_mode,
    check_own_metric,
    mode_of,
    require,
)
from trainers.config.targets import explain
from trainers.errors import ConfigError


class Precision(Enum):
    """Names the number format of the forward pass; weights and losses stay float32.

    With fp16 the loss is scaled (`trainers.device.loss_scaling`). `auto` is bf16 where the hardware
    has instructions that multiply it faster (NVIDIA GPUs since Ampere, CPUs with AMX), else fp16
    where it has some for that (Volta, Turing, P100), else fp32.
    """

    fp32 = "fp32"
    bf16 = "bf16"
    fp16 = "fp16"
    auto = "auto"


class Device(Enum):
    """Names the device to train on; `auto` takes CUDA, else Apple's MPS, else the CPU."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    mps = "mps"


#: resources.gpu of a training that runs on a card, or on a machine without any.
AUTO_GPU = "auto"


class Keep(Enum):
    """Names the epoch checkpoints that stay on disk."""

    all = "all"
    best_and_last = "best_and_last"


@dataclass
class TaskConfig:
    """Names the task, and the metric by which epochs are compared."""

    name: str = MISSING
    metric: str = MISSING
    mode: Optional[Mode] = MISSING  # noqa: UP045  OmegaConf on Python 3.10
    predicts: Predicts = MISSING

    @property
    def of_classes(self) -> bool:
        """Whether classes are predicted."""
        return self.predicts is not Predicts.numbers

    @property
    def maximize(self) -> bool:
        """Whether a larger value of the metric is better."""
        return self.mode is Mode.max


@dataclass
class FirstConfig:
    """Describes the first epochs, if they see a share of the training data only."""

    epochs: Optional[int] = None  # noqa: UP045  OmegaConf on Python 3.10
    fraction: float = 0.25


@dataclass
class CheckpointConfig:
    """Tells which checkpoints are kept."""

    keep: Keep = MISSING


@dataclass
class ClipConfig:
    """Bounds the gradient before each step: its norm as a whole, each of its numbers."""

    norm: Optional[float] = MISSING  # noqa: UP045  OmegaConf on Python 3.10
    value: Optional[float] = MISSING  # noqa: UP045


@dataclass
class ResourcesConfig:
    """Names the resources of a training: cores, GPUs (or a share of one), gigabytes on the GPU.

    gpu null: one in a cluster that has any, else none; 0: none, and `device=auto` takes none;
    "auto": as null, and trials run on machines without cards too, on their CPUs. A trial's own
    configuration then has what the trial was given.
    gpu_memory_gb: the most that a training may take of a card's; where gpu is null or auto, as many
    trials share a card as have room on the smallest one.
    """

    cpu: float = MISSING
    gpu: Optional[Union[int, float, str]] = MISSING  # noqa: UP007, UP045  OmegaConf on Python 3.10
    gpu_memory_gb: Optional[float] = MISSING  # noqa: UP045


@dataclass
class TrainConfig:
    """Describes one training completely. Defaults stand in conf/train.yaml, not here."""

    name: str = MISSING
    seed: int = MISSING
    epochs: int = MISSING
    batch_size: int = MISSING
    steps: Optional[int] = MISSING  # noqa: UP045
    overfit_batches: Optional[int] = None  # noqa: UP045  older records have none
    first: FirstConfig = field(default_factory=FirstConfig)
    precision: Precision = MISSING
    device: Device = MISSING
    label_smoothing: float = MISSING
    max_norm: Optional[float] = MISSING  # noqa: UP045
    clip: ClipConfig = field(default_factory=ClipConfig)
    patience: Optional[int] = MISSING  # noqa: UP045
    histograms: bool = MISSING
    results: str = MISSING
    checkpoint: CheckpointConfig = field(default_factory=CheckpointConfig)
    resources: ResourcesConfig = field(default_factory=ResourcesConfig)
    task: TaskConfig = field(default_factory=TaskConfig)
    data: dict[str, Any] = field(default_factory=dict)
    augment: dict[str, Any] = field(default_factory=dict)
    model: dict[str, Any] = field(default_factory=dict)
    norm: dict[str, Any] = field(default_factory=dict)
    activation: dict[str, Any] = field(default_factory=dict)
    init: dict[str, Any] = field(default_factory=dict)
    optimizer: dict[str, Any] = field(default_factory=dict)
    schedule: dict[str, Any] = field(default_factory=dict)
    loss: dict[str, Any] = field(default_factory=dict)  # older records have none: cross entropy
    metric: dict[str, Any] = field(default_factory=dict)


OmegaConf.register_new_resolver("mode_of", mode_of, replace=True)


@cache
def register() -> None:
    """Register `train_schema` with Hydra, so that conf/train.yaml can list it."""
    from hydra.core.config_store import ConfigStore

    ConfigStore.instance().store(name="train_schema", node=TrainConfig)


def compose(overrides: Sequence[str] = ()) -> TrainConfig:
    """Compose conf/train.yaml with Hydra overrides, for a notebook or a test.

    Raises:
        ConfigError: an override that Hydra refuses, or a value out of its range.
    """
    from hydra import compose as hydra_compose
    from hydra import initialize_config_module
    from hydra.errors import HydraException

    register()
    try:
        with initialize_config_module("conf", version_base="1.3"):
            config = hydra_compose("train", list(overrides))
        # Hydra takes +mixup=0.4 in spite of the schema.
        OmegaConf.merge(OmegaConf.structured(TrainConfig), OmegaConf.to_container(config))
        return typed(config)
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(explain(error)) from error


def typed(config: DictConfig | Mapping[str, Any]) -> TrainConfig:
    """Read the training part of a composed configuration, and check its types and ranges.

    Top-level keys that are not a training's (a sweep's space, budget, …) are ignored.

    Raises:
        ConfigError: a missing value, a wrong type, or a value out of its range.
    """
    try:
        values = {f.name: _plain(config[f.name]) for f in fields(TrainConfig) if f.name in config}
        _expand_home(values)
        values = complete(values)
        try:
            result = read(TrainConfig, values)
        except Doubtful:
            result = _merged(values)
    except OmegaConfBaseException as error:
        raise ConfigError(explain(error)) from error
    _refuse_infinite("", values)
    _check_ranges(result)
    return result


def _refuse_infinite(key: str, value: object) -> None:
    """Refuse nan, and inf, which is no bound and no rate."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"{key} must be a finite number, not {value}: set {key}=…")
    if isinstance(value, Mapping):
        for name, inner in value.items():
            _refuse_infinite(f"{key}.{name}" if key else str(name), inner)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            _refuse_infinite(f"{key}.{number}", inner)


def _expand_home(values: dict[str, Any]) -> None:
    """Expand the ~ in the paths of a training."""
    if isinstance(values.get("results"), str):
        values["results"] = os.path.expanduser(values["results"])
    if isinstance(data := values.get("data"), dict):
        paths = {key: data[key] for key in ("root", "cache") if isinstance(data.get(key), str)}
        values["data"] = {**data, **{k: os.path.expanduser(v) for k, v in paths.items()}}


def complete(values: Mapping[str, Any]) -> dict[str, Any]:
    """Add to a training's configuration what records of older versions do not say."""
    task = values.get("task")
    if isinstance(task, dict):
        task = {"predicts": Predicts.classes.name, **task}
    loss = {"_target_": "torch.nn.functional.cross_entropy", "_partial_": True}
    return {
        **values,
        **({} if task is None else {"task": task}),
        "loss": values.get("loss") or loss,
        "metric": values.get("metric") or {},
    }


def _merged(values: Mapping[str, object]) -> TrainConfig:
    result = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(TrainConfig), values))
    assert isinstance(result, TrainConfig)
    return result


def _plain(node: object) -> object:
    if not OmegaConf.is_config(node):
        return node
    # Names, not enums: ${task.mode} may be an argument of somebody else's class.
    return OmegaConf.to_container(node, resolve=True, enum_to_str=True)


def _check_ranges(config: TrainConfig) -> None:
    require(0 <= config.seed < 2**32, "seed", "from 0 to 2**32 - 1", config.seed)
    require(config.epochs >= 1, "epochs", "1 or more", config.epochs)
    require(config.batch_size >= 1, "batch_size", "1 or more", config.batch_size)
    few = config.steps is None or config.steps >= 1
    require(few, "steps", "1 or more, or null", config.steps)
    same = config.overfit_batches
    require(same is None or same >= 1, "overfit_batches", "1 or more, or null", same)
    _check_first(config)
    require(
        0 <= config.label_smoothing < 1,
        "label_smoothing",
        "from 0 up to, not including, 1",
        config.label_smoothing,
    )
    for key, bound in (
        ("max_norm", config.max_norm),
        ("clip.norm", config.clip.norm),
        ("clip.value", config.clip.value),
    ):
        require(bound is None or bound > 0, key, "above 0, or null for no bound", bound)
    patience = config.patience
    require(patience is None or patience >= 1, "patience", "1 or more, or null", patience)
    resources = config.resources
    require(resources.cpu > 0, "resources.cpu", "above 0", resources.cpu)
    gpu = resources.gpu
    known = gpu in (None, AUTO_GPU) or (not isinstance(gpu, str) and gpu is not None and gpu >= 0)
    require(known, "resources.gpu", "0 or more, null for one if any, or auto", gpu)
    memory = resources.gpu_memory_gb
    require(memory is None or memory > 0, "resources.gpu_memory_gb", "above 0, or null", memory)
    check_own_metric(config)
    check_metric("task.metric", config.task.metric, config)
    check_mode("task.mode", config.task.mode, config.task.metric, config)
    fraction = _number(config.data, "data", "fraction", 1.0)
    require(0 < fraction <= 1, "data.fraction", "above 0 and at most 1", fraction)
    validation = _number(config.data, "data", "validation", 0.5)
    require(0 < validation < 1, "data.validation", "above 0 and below 1", validation)
    seed = config.data.get("split_seed", 0)
    valid_seed = type(seed) is int and 0 <= seed < 2**32
    require(valid_seed, "data.split_seed", "an integer from 0 to 2**32 - 1", seed)
    most = config.model.get("max_parameters")
    valid_most = most is None or (type(most) is int and most >= 1)
    require(valid_most, "model.max_parameters", "an integer of 1 or more, or null", most)
    lr = _number(config.optimizer, "optimizer", "lr", 1.0)
    require(lr > 0, "optimizer.lr", "above 0", lr)


def _check_first(config: TrainConfig) -> None:
    epochs, fraction = config.first.epochs, config.first.fraction
    require(0 < fraction <= 1, "first.fraction", "above 0 and at most 1", fraction)
    if epochs is not None:
        rule = f"1 or more and below epochs ({config.epochs}), for the rest to see all of the data"
        require(1 <= epochs < config.epochs, "first.epochs", rule, epochs)
        rule = "null beside overfit_batches, whose examples are the same in every epoch"
        require(config.overfit_batches is None, "first.epochs", rule, epochs)


def refuse_idle(config: TrainConfig) -> None:
    """Refuse a share of the data that applies to no epoch.

    Raises:
        ConfigError: `first.fraction` is given, and `first.epochs` is not.
    """
    fraction = config.first.fraction
    if config.first.epochs is None and fraction != FirstConfig().fraction:
        raise ConfigError(
            f"first.fraction={fraction:g} has no effect without first.epochs: set first.epochs=3"
        )


def _number(group: Mapping[str, Any], name: str, key: str, absent: float) -> float:
    """Read a number of an open group, which no schema has checked."""
    value = group.get(key, absent)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigError(
            f"{name}.{key} must be a number, not {written(value)}: set {name}.{key}=…"
        )
    return float(value)
