"""Ends of sweeps for the tests of this folder, and what is printed of them."""

from __future__ import annotations

import io

from rich.console import Console

from sweeps.console.closing import show
from sweeps.report.closing import Ending
from sweeps.trials import Objective, State, TrialRecord

ACCURACY = Objective("val_accuracy", maximize=True)


def trial(number: int, state: State, *values: float, reason: str = "") -> TrialRecord:
    """A trial whose epochs had these values of both metrics."""
    epochs = {n: {"val_accuracy": v, "val_loss": v} for n, v in enumerate(values, 1)}
    params = {"optimizer.lr": 0.00032, "model.width": 64 + number, "model.norm": "batch"}
    return TrialRecord(f"{number:04}", number, state, reason, params, epochs)


def ending(*trials: TrialRecord, objective: Objective = ACCURACY) -> Ending:
    return Ending("quick", objective, trials, wall_s=3723, train_s=3300, overhead=0.0831)


def printed(what: Ending, width: int = 80) -> list[str]:
    file = io.StringIO()
    show(Console(file=file, width=width), what)
    return [line.rstrip() for line in file.getvalue().splitlines()]


SIX = [trial(n, State.COMPLETE, 0.5, 0.9 + n / 100, 0.6) for n in range(6)]
