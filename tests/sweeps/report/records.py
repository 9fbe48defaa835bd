"""Trials of every kind, as a study remembers them."""

from __future__ import annotations

import csv
from pathlib import Path

from sweeps.trials import Objective, State, TrialRecord

ACCURACY = Objective("val_accuracy", maximize=True)


KEYS = ("optimizer", "optimizer.lr", "model.hidden", "flag")


TRIALS = [
    TrialRecord(
        "0000",
        0,
        State.COMPLETE,
        params={"optimizer": "sgd", "optimizer.lr": 0.1, "model.hidden": [8, 16], "flag": True},
        epochs={
            1: {"val_accuracy": 0.75, "train_loss": 0.1 + 0.2},
            2: {"val_accuracy": 0.5, "train_loss": 0.25},
        },
        member="me",
        machine="atlas",
        seconds=1.23456,
    ),
    TrialRecord(
        "0001",
        1,
        State.STOPPED,
        'asha: not in the best, "really"\nnot',
        params={"optimizer": "adamw", "optimizer.lr": None},
        epochs={1: {"val_accuracy": 0.25, "train_loss": 1.0, "late": 3}},
        seconds=2.0,
    ),
    TrialRecord("0002", 2, State.DIVERGED, "a loss of nan", params={"optimizer": "sgd"}),
    TrialRecord("0003", 3, State.RUNNING),
]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))
