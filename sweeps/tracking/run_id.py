"""Make the id of a trial's run: unique in a project, and the same after a resume."""

from __future__ import annotations

import re

NAME_LENGTH = 128  # characters that the name of a W&B artifact may have at most
CHECKPOINTS = "ckpt-"  # before a run's id: the artifact with its checkpoints


def run_id(sweep: str, uid: str, name: str) -> str:
    """Make the id of a run; it holds only characters that W&B takes in the names of artifacts.

    Args:
        sweep: the sweep's name, cut if the name of the artifact would be too long.
        uid: random id of the study, which keeps sweeps of one name apart.
        name: the trial's id, or `summary` for the run of the sweep itself.
    """
    tail = f"-{uid}-{name}"
    head = sweep[: NAME_LENGTH - len(CHECKPOINTS) - len(tail)]
    return re.sub(r"[^A-Za-z0-9._-]", "-", head + tail)


def checkpoints_name(run: str) -> str:
    """Name the artifact that holds the checkpoints of the run with this id."""
    return f"{CHECKPOINTS}{run}"
