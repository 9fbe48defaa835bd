"""Change the settings of an optimizer and its schedule when a training goes on under others.

A saved state restores the optimizer and the schedule with the settings that they had. A training
that goes on with a configuration of its own (for more epochs, or in population-based training
from the checkpoint of another trial) keeps the optimizer's memory and takes its own settings. Its
learning rate is then the one that a training with these settings from the start would have at
this epoch; after a plateau, which depends on what has happened, the rate keeps its reductions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple
from typing import Any

from torch.optim import Optimizer

from trainers.config import TrainConfig
from trainers.files.training_state import detached
from trainers.schedules.pace import Pace


def settings_of(config: TrainConfig, optimizer: Optimizer, pace: Pace) -> dict[str, Any]:
    """Copy the settings of an optimizer and a schedule that have just been made."""
    groups = [
        {key: value for key, value in group.items() if key != "params"}
        for group in optimizer.param_groups
    ]
    settings: dict[str, Any] = detached(
        {
            "optimizer": groups,
            "schedule": pace.schedule.state_dict(),
            # What a schedule keeps in a function is in no state of its own.
            "configured": config.schedule,
            "lengths": astuple(pace.lengths) if pace.by_batch else (),
        }
    )
    return settings


def apply(
    own: Mapping[str, Any],
    theirs: Mapping[str, Any],
    optimizer: Optimizer,
    pace: Pace,
    epoch: int,
) -> None:
    """Restore the own settings of an optimizer and a schedule that were loaded.

    Does nothing if the settings are those of the saved state.

    Args:
        own: settings before the state was loaded, from `settings_of`.
        theirs: settings of the training that has saved the state.
        epoch: epoch after which the state was saved.
    """
    if own == theirs:
        return
    reduced = [
        group["lr"] / other["lr"]
        for group, other in zip(optimizer.param_groups, theirs["optimizer"], strict=True)
    ]
    for group, mine in zip(optimizer.param_groups, own["optimizer"], strict=True):
        group.update(detached(mine))
    schedule = pace.schedule
    if not pace.follows_metric:
        schedule.load_state_dict(detached(own["schedule"]))
        pace.go_to(epoch)
        return
    for group, factor in zip(optimizer.param_groups, reduced, strict=True):
        group["lr"] *= factor
    state = _merged(own["schedule"], theirs["schedule"], detached(schedule.state_dict()))
    state["_last_lr"] = [group["lr"] for group in optimizer.param_groups]
    schedule.load_state_dict(state)


def _merged(
    own: Mapping[str, Any], theirs: Mapping[str, Any], now: Mapping[str, Any]
) -> dict[str, Any]:
    """Return `now` with the values of `own` that differ from `theirs`."""
    return {**now, **{key: value for key, value in own.items() if value != theirs.get(key)}}
