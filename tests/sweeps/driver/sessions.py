"""A driver with all that it is given: a real study, composition and search; nobody trains."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from rich.console import Console

from sweeps.checked.check import check
from sweeps.checked.sweep import Sweep
from sweeps.config.composition import compose
from sweeps.console.live import Progress
from sweeps.console.status import Overview
from sweeps.driver.contract import Assignment
from sweeps.driver.driver import Driver
from sweeps.study.open import open_study
from sweeps.tracking import NullTracker
from sweeps.trials import Place, TrialRecord

SMALL = ("space=null", "optimizer.lr=0.1,0.2,0.3,0.4", "search=grid", "stop=none", "epochs=3")


HERE = Place("me", "atlas")


class Watched(NullTracker):
    """Keeps what it is told, and passes on what a person asks."""

    def __init__(self) -> None:
        self.started: list[tuple[str, int]] = []
        self.epochs: list[tuple[str, int, bool]] = []
        self.ended: list[tuple[str, str, Mapping[str, Any]]] = []
        self.asked: set[str] = set()
        self.said: list[str] = []
        self.lacks: set[str] = set()
        self.metrics: dict[str, float] = {}  # of the last epoch

    def trial_started(self, trial: str, config: Mapping[str, Any], reported: int) -> None:
        self.started.append((trial, reported))

    def epoch(
        self,
        trial: str,
        epoch: int,
        metrics: Mapping[str, float],
        checkpoint: Path | None,
        best: bool,
    ) -> None:
        self.epochs.append((trial, epoch, best))
        self.metrics = dict(metrics)

    def trial_ended(self, trial: str, state: str, reason: str, summary: Mapping[str, Any]) -> None:
        self.ended.append((trial, state, summary))

    def lacking(self, ended: Collection[str]) -> set[str]:
        return self.lacks & set(ended)

    def stop_requests(self) -> set[str]:
        return self.asked

    def notes(self) -> list[str]:
        said, self.said = self.said, []
        return said


class Clock:
    """Shows what it is set to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class DriverSession:
    """A driver, and all that it is given."""

    def __init__(self, folder: Path, sweep: Sweep, clock: Clock) -> None:
        self.folder = folder
        path = folder / "study.log"
        self.study = open_study(path, sweep.objective, sweep.space, "s", create=not path.exists())
        self.tracker = Watched()
        self.output = io.StringIO()
        plan = Overview(
            "s", sweep.objective, "grid", "none", "here", trials=None, epochs=3, slots=2
        )
        self.driver = Driver(
            study=self.study,
            composition=sweep.composition,
            rules=sweep.rules,
            folder=folder,
            tracker=self.tracker,
            observer=Progress(plan, self.study.trials, Console(file=self.output, width=200)),
            clock=clock,
        )

    def next(self) -> Assignment:
        assignment = self.driver.next()
        assert assignment is not None
        return assignment

    def epoch(
        self, trial: str, epoch: int, value: float = 0.5, seconds: float = 1.0, machine: str = ""
    ) -> bool:
        metrics = {"val_accuracy": value, "epoch_s": seconds}
        return self.driver.epoch(trial, epoch, metrics, replace(HERE, node=machine))

    def checkpoint(self, trial: str, epoch: int) -> None:
        """Leave something in the place of an epoch's checkpoint."""
        (self.folder / "trials" / trial / f"epoch_{epoch:03d}").mkdir(parents=True, exist_ok=True)

    def finish(self, assignment: Assignment, value: float = 0.5) -> None:
        """Run a trial to the end that it is given."""
        epoch = assignment.after + 1
        while not self.epoch(assignment.trial, epoch, value):
            epoch += 1

    def record(self, trial: str) -> TrialRecord:
        return self.study.trial(trial)


Sit = Callable[..., DriverSession]


@cache
def swept(*overrides: str) -> Sweep:
    """A checked sweep. Nothing needs Hydra any more: no config group is swept here."""
    with compose([*SMALL, *overrides]) as composition:
        return check(composition)
