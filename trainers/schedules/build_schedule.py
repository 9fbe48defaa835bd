"""Build the learning-rate schedule of a configuration, and determine when it is stepped.

Two keys of the group are for this module, not for the target: `each` (batch or epoch) and
`metric` (which a plateau is judged by).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import CyclicLR, LRScheduler, ReduceLROnPlateau

from trainers.config import Mode, TrainConfig, check_metric, check_mode, mode_of
from trainers.config.hydra_grammar import written
from trainers.config.targets import locate, make, takes
from trainers.data.data_fraction import Lengths
from trainers.errors import ConfigError
from trainers.schedules.pace import Pace

#: Keys of the group that no target sees.
OWN_KEYS = ("each", "metric")

_BATCH, _EPOCH = "batch", "epoch"

#: Argument of SequentialLR and ChainedScheduler: the schedules that they hold.
_PARTS = "schedulers"


def build(config: TrainConfig, optimizer: Optimizer, lengths: Lengths) -> Pace:
    """Build the learning-rate schedule, and determine when it is stepped.

    A schedule that holds others (SequentialLR, ChainedScheduler) has their nodes under
    `schedulers`, as a list or by name.

    Args:
        lengths: number of batches of each epoch. A schedule that asks for `steps_per_epoch` is
            given the number; where the epochs differ, it must ask for `total_steps`, too.

    Raises:
        ConfigError: what cannot be built, or does not know epochs that differ.
    """
    node = {key: value for key, value in config.schedule.items() if key not in OWN_KEYS}
    by_batch = _by_batch(config.schedule, node)
    if not by_batch:
        lengths = Lengths(0, 1, 1)
    metric, node = _plateau(config, node)
    parts = [_build(config, part, optimizer, lengths) for part in _parts(node)]
    if not parts:
        return Pace(_build(config, node, optimizer, lengths), by_batch, lengths, metric)
    rest = {key: value for key, value in node.items() if key != _PARTS}
    whole = make("schedule", rest, LRScheduler, optimizer=optimizer, **{_PARTS: parts})
    return Pace(whole, by_batch, lengths)


def _build(
    config: TrainConfig, node: Mapping[str, Any], optimizer: Optimizer, lengths: Lengths
) -> LRScheduler:
    """Build a schedule that holds no others."""
    target = locate("schedule", node)
    supplied: dict[str, int] = {}
    if takes(target, "steps_per_epoch"):
        supplied["steps_per_epoch"] = lengths.full
        if lengths.early != lengths.full:
            if not takes(target, "total_steps"):
                raise ConfigError(
                    f"first.epochs: {node['_target_']} takes all epochs to be of one length: use "
                    "a schedule that is stepped after each epoch, such as schedule=cosine"
                )
            supplied["total_steps"] = lengths.upto(int(node.get("epochs", config.epochs)))
    built: LRScheduler = make("schedule", node, LRScheduler, optimizer, **supplied)
    return built


def _parts(node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """List the nodes of the schedules that a schedule holds; empty if it holds none.

    Raises:
        ConfigError: no schedules where some must be, or one that may not be there.
    """
    if _PARTS not in node:
        return []
    given = node[_PARTS]
    parts = list(given.values()) if isinstance(given, Mapping) else given
    if not isinstance(parts, list) or not parts or not all(isinstance(p, Mapping) for p in parts):
        raise ConfigError(
            f"schedule.{_PARTS} must be a list of schedules, each with its _target_, not "
            f"{written(given)}"
        )
    for part in parts:
        target = locate("schedule", part)
        if _is(target, ReduceLROnPlateau):
            raise ConfigError(
                f"schedule.{_PARTS}: ReduceLROnPlateau waits for a metric, which no schedule that "
                "holds others passes on: take it alone, schedule=plateau"
            )
        if _PARTS in part:
            raise ConfigError(
                f"schedule.{_PARTS}: {part['_target_']} holds schedules itself, which goes no "
                "deeper than once: list them side by side"
            )
    return parts


def _plateau(config: TrainConfig, node: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the metric that a plateau is judged by, and its node with the metric's mode."""
    given = config.schedule.get("metric")
    if not _is(locate("schedule", node), ReduceLROnPlateau):
        if given is not None:
            raise ConfigError(
                f"schedule.metric: {node['_target_']} looks at no metric: leave it out, or take "
                "schedule=plateau"
            )
        return "", dict(node)
    metric = config.task.metric if given is None else given
    check_metric("schedule.metric", metric, config)
    mode = node.get("mode", mode_of(metric, config.metric))
    if mode is not None and mode not in Mode.__members__:
        raise ConfigError(
            f"schedule.mode must be min or max, not {written(mode)}: set schedule.mode=…"
        )
    check_mode("schedule.mode", None if mode is None else Mode[mode], metric, config)
    return metric, {**node, "mode": mode}


def _by_batch(given: Mapping[str, Any], node: Mapping[str, Any]) -> bool:
    """Determine whether a schedule is stepped after every batch; each of torch's has its own."""
    each = given.get("each")
    if each is not None:
        if each not in (_BATCH, _EPOCH):
            raise ConfigError(f"schedule.each must be batch or epoch, not {written(each)}")
        if each == _BATCH and _is(locate("schedule", node), ReduceLROnPlateau):
            raise ConfigError("schedule.each=batch: a plateau is judged once an epoch")
        return bool(each == _BATCH)
    kinds = set(_own_kinds(node))
    if len(kinds) > 1:
        raise ConfigError(
            "schedule: some of its schedules count batches and some epochs: say which all of them "
            "count, schedule.each=batch or schedule.each=epoch"
        )
    return kinds == {_BATCH}


def _own_kinds(node: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a schedule, or each of those that it holds, is meant to count."""
    for part in _parts(node) or [node]:
        target = locate("schedule", part)
        counts_batches = _is(target, CyclicLR) or takes(target, "steps_per_epoch")
        yield _BATCH if counts_batches else _EPOCH


def _is(target: Callable[..., Any], kind: type) -> bool:
    return inspect.isclass(target) and issubclass(target, kind)
