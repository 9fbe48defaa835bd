"""Let a training go on from another's checkpoint, with the same or another configuration."""

from __future__ import annotations

import secrets
from pathlib import Path

import torch

from trainers.config import TrainConfig
from trainers.data import resident
from trainers.errors import ConfigError
from trainers.files import checkpoints, history
from trainers.learner import Learner


def hand_over(parent: Path, child: Path, epoch: int, owner: str = "") -> None:
    """Link the checkpoints of `parent` up to an epoch into `child`, and copy their metrics.

    A second call finishes what a kill has cut short; once the child has an epoch of its own,
    nothing is done.

    Args:
        owner: id of the child's training.

    Raises:
        FileNotFoundError: the parent has no checkpoint of the epoch any more.
    """
    if any(number > epoch for number in checkpoints.saved(child)):
        return
    of_parent = checkpoints.saved(parent)
    if epoch not in of_parent:
        raise FileNotFoundError(f"{parent} has no checkpoint of epoch {epoch} any more")
    child.mkdir(parents=True, exist_ok=True)
    rows = history.read(parent / "metrics.csv")
    history.write(child / "metrics.csv", {n: row for n, row in rows.items() if n <= epoch})
    # The last one last: where it is, everything is.
    for number in sorted(number for number in of_parent if number <= epoch):
        target = child / of_parent[number].name
        if not target.exists():
            fresh = child / f".tmp_{target.name}_{secrets.token_hex(4)}"
            checkpoints.link(of_parent[number], fresh, owner)
            fresh.rename(target)


def misfit(one: TrainConfig, other: TrainConfig) -> str:
    """Describe why a training of `one` cannot go on with `other`; empty if it can.

    Builds both on the CPU, and takes a step of `other` with the state of `one`, on gradients of 0.
    """
    cpu = torch.device("cpu")
    try:
        parent = Learner.begin(one, resident.load(one.data), cpu)
        child = Learner.begin(other, resident.load(other.data), cpu)
        parent.rehearse()
        parent.epoch = 1
        child.load(parent.state(1))
        child.rehearse()
    except ConfigError as error:
        return str(error)
    except (RuntimeError, KeyError, TypeError, ValueError) as error:
        # An optimizer may lack what it would have kept under the other settings.
        return f"{type(error).__name__}: {error}"
    return ""
