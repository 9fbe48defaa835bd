"""Change the settings of an optimizer and its schedule when a training goes on under others.

A saved state restores the optimizer and the schedule with the settings that they had. A training
that goes on with a configuration of its own (in population-based training, from the checkpoint of
another trial) keeps their progress and takes its own settings: those that differ replace the
state's, and the learning rate is multiplied by the ratio of the two, so that it stands where its
schedule would have it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple
from typing import Any

from torch.optim import Optimizer

from trainers.files.training_state import detached
from trainers.schedules import Pace


def settings_of(optimizer: Optimizer, pace: Pace) -> dict[str, Any]:
    """Copy the settings of an optimizer and a schedule that have just been made."""
    groups = [
        {key: value for key, value in group.items() if key != "params"}
        for group in optimizer.param_groups
    ]
    settings: dict[str, Any] = detached(
        {
            "optimizer": groups,
            "schedule": pace.schedule.state_dict(),
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
    groups = zip(optimizer.param_groups, own["optimizer"], theirs["optimizer"], strict=True)
    for group, mine, other in groups:
        base = "initial_lr" if other.get("initial_lr") else "lr"
        lr = group["lr"] * (mine[base] / other[base]) if mine[base] != other[base] else group["lr"]
        now = {key: value for key, value in group.items() if key != "params"}
        group.update(_merged(mine, other, now))
        group["lr"] = lr
    schedule = pace.schedule
    state = _merged(own["schedule"], theirs["schedule"], detached(schedule.state_dict()))
    if own["lengths"] != theirs["lengths"]:
        state["last_epoch"] = pace.lengths.upto(epoch)
        state["_step_count"] = state["last_epoch"] + 1
    if "_last_lr" in state:
        state["_last_lr"] = [group["lr"] for group in optimizer.param_groups]
    schedule.load_state_dict(state)


def _merged(own: Any, theirs: Any, now: Any) -> Any:
    """Return `now` with the values of `own` that differ from `theirs`."""
    if own == theirs:
        return now
    if isinstance(own, dict) and isinstance(theirs, dict) and isinstance(now, dict):
        fresh = {k: _merged(v, theirs.get(k), now.get(k, v)) for k, v in own.items()}
        return {**now, **fresh}
    same_kind = isinstance(own, list) and isinstance(theirs, list) and isinstance(now, list)
    if same_kind and len(own) == len(theirs) == len(now):
        return [_merged(*three) for three in zip(own, theirs, now, strict=True)]
    return own
