"""List the metrics of an epoch by what the task predicts, and the mode of each."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, Protocol

from trainers.config.hydra_grammar import written
from trainers.errors import ConfigError


class Mode(Enum):
    """Tells whether the smallest or the largest value of a metric is the best."""

    min = "min"
    max = "max"


class Predicts(Enum):
    """Tells what a task predicts: one of several classes, or numbers (a regression)."""

    classes = "classes"
    numbers = "numbers"


#: The metrics that an epoch may have, of which `task.metric` is one, and which of their values is
#: the best. Beside them: `val_<name>` of the metric that conf/metric/ describes.
METRICS: Mapping[str, Mode | None] = {
    "train_loss": Mode.min,
    "train_accuracy": Mode.max,
    "train_r2": Mode.max,
    "train_mae": Mode.min,
    "val_loss": Mode.min,
    "val_accuracy": Mode.max,
    "val_r2": Mode.max,
    "val_mae": Mode.min,
    "lr": None,
    "epoch_s": Mode.min,
    "samples_per_s": Mode.max,
    "parameters": Mode.min,
}


class _Task(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def predicts(self) -> Predicts: ...


class Measured(Protocol):
    """Describes what of a training decides its metrics."""

    @property
    def task(self) -> _Task:
        """Task, and what it predicts."""

    @property
    def metric(self) -> Mapping[str, Any]:
        """Metric of one's own; empty for none."""


#: Endings of the metrics that only classes have, and only numbers.
_ONLY = {Predicts.classes: ("_accuracy",), Predicts.numbers: ("_r2", "_mae")}


def mode_of(metric: str, own: Mapping[str, Any] | None = None) -> str | None:
    """Return the mode of a metric, as conf/ asks for it; None if it has none of its own.

    Args:
        own: the group `metric`, which describes one more.
    """
    if own and metric == f"val_{own.get('name')}":
        return str(own["mode"]) if own.get("mode") in Mode.__members__ else None
    mode = METRICS.get(metric)
    return None if mode is None else mode.name


def metrics_of(config: Measured) -> dict[str, Mode | None]:
    """Map each metric that the epochs of a training have to its mode."""
    others = (ends for kind, ends in _ONLY.items() if kind is not config.task.predicts)
    absent = tuple(end for ends in others for end in ends)
    found = {name: mode for name, mode in METRICS.items() if not name.endswith(absent)}
    if config.metric:
        found[f"val_{config.metric.get('name')}"] = Mode.__members__.get(
            str(config.metric.get("mode"))
        )
    return found


def check_own_metric(config: Measured) -> None:
    """Refuse a group `metric` without a name or a best value of its own."""
    own = config.metric
    if not own:
        return
    name, mode = own.get("name"), own.get("mode")
    valid = isinstance(name, str) and name.isidentifier() and f"val_{name}" not in METRICS
    require(valid, "metric.name", "a word that is no metric yet, such as macro_f1", name)
    require(mode in Mode.__members__, "metric.mode", "min or max: its best value", mode)


def check_metric(key: str, metric: object, config: Measured) -> None:
    """Refuse a metric that no epoch of a training has.

    Args:
        key: key of the configuration that names the metric.

    Raises:
        ConfigError: the metric is not one of `metrics_of`.
    """
    names = metrics_of(config)
    hint = ""
    if metric in METRICS and metric not in names:
        hint = f" (task={config.task.name} predicts {config.task.predicts.name})"
    require(metric in names, key, f"one of {', '.join(names)}{hint}", metric)


def check_mode(key: str, mode: Mode | None, metric: str, config: Measured) -> None:
    """Refuse a mode that contradicts the metric, or none for a metric without its own.

    Args:
        key: key of the configuration that gives the mode.

    Raises:
        ConfigError: the mode contradicts the metric, or is missing.
    """
    own = metrics_of(config)[metric]
    if mode is None:
        raise ConfigError(
            f"{key}: {metric} has no best value of its own: set {key}=min or {key}=max"
        )
    if own is not None and mode is not own:
        raise ConfigError(
            f"{key}={mode.name} would take the worst {metric} for the best: leave {key} out, or "
            f"set {key}={own.name}"
        )


def require(holds: bool, key: str, rule: str, value: object) -> None:
    """Raise ConfigError where a rule for the value of a key does not hold."""
    if not holds:
        raise ConfigError(f"{key} must be {rule}, not {written(value)}: set {key}=…")
