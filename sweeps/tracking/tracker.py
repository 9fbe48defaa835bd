"""Define the contract of a tracker, which shows a sweep, and one that shows nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

#: What the names of the readings of a trial's machine begin with, among its metrics.
LOAD = "machine/"

#: Key of a trial's configuration: in which swept values it differs from the baseline.
DIFFERS = "differs"


@dataclass(frozen=True)
class Table:
    """Holds a table to show: the names of the columns, and rows of as many cells."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True)
class Varied:
    """Describes what a sweep varies, and by what it judges.

    Attributes:
        metric: the objective, and whether more of it is better.
        parameters: key of a trial's configuration -> its {"values": [...]}, or its {"min", "max",
            "log", "integer"}. A config group is the key `choices.<group>`.
    """

    metric: str
    maximize: bool
    parameters: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Remarked:
    """Holds what people have noted about a trial, a line each.

    Attributes:
        state: how the trial has ended.
    """

    trial: str
    state: str
    text: str


@dataclass(frozen=True)
class SweepResults:
    """Holds what is shown of a sweep that has ended.

    Attributes:
        figures: those of summary.json.
        tables: name -> table. `importances` is drawn as bars, too: its first column names the
            parameter, the second is the share that is drawn.
        files: whole files to hand on, such as report.html; pages and pictures are shown.
        remarks: of people, about trials; shown as the notes of their runs.
    """

    figures: Mapping[str, Any]
    tables: Mapping[str, Table] = field(default_factory=dict)
    files: tuple[Path, ...] = ()
    remarks: tuple[Remarked, ...] = ()


class Tracker(Protocol):
    """Shows a sweep elsewhere. No method raises or prints, and only `close` waits."""

    def sweep_started(self, varied: Varied) -> None:
        """Tell what the sweep varies, before its first trial."""

    def trial_started(self, trial: str, config: Mapping[str, Any], reported: int) -> None:
        """Open a trial's run; its epochs up to `reported` were logged before.

        Beside the trial's configuration, `config` has `swept` (its swept values), `choices` (of
        config groups) and `differs` (a line: in what it is not the baseline).
        """

    def epoch(
        self,
        trial: str,
        epoch: int,
        metrics: Mapping[str, float],
        checkpoint: Path | None,
        best: bool,
    ) -> None:
        """Log one epoch (from 1); `best`: the best of this trial so far.

        `checkpoint` is a folder that must stay as it is until it is uploaded.
        """

    def trial_ended(self, trial: str, state: str, reason: str, summary: Mapping[str, Any]) -> None:
        """Close a trial's run with its final state (a `State` value) and why.

        `summary` holds its best value and epoch: after a resume only the caller knows them. And
        `member` and `machine`, where it has run.
        """

    def lacking(self, ended: Collection[str]) -> set[str]:
        """Return those of the trials that ended in earlier sessions that are not shown as a whole.

        A session may have been killed. The caller opens and closes them again.
        """

    def sweep_ended(self, results: SweepResults) -> None:
        """Show what came of the whole sweep."""

    def stop_requests(self) -> set[str]:
        """Return the trials that a person has asked to stop, until they have ended."""

    def project_url(self) -> str:
        """Return the address of what is shown; empty where it has none that is known."""

    def notes(self) -> list[str]:
        """Return the messages for the person since the last call, each once."""

    def close(self) -> None:
        """Hand over what is left, within a bounded time. Calling it again does nothing."""


class NullTracker:
    """Shows nothing (`track=none`)."""

    def __init__(self, name: str, uid: str, folder: str | Path) -> None:
        """Take what every tracker is built with."""

    def sweep_started(self, varied: Varied) -> None:
        """Do nothing."""

    def trial_started(self, trial: str, config: Mapping[str, Any], reported: int) -> None:
        """Do nothing."""

    def epoch(
        self,
        trial: str,
        epoch: int,
        metrics: Mapping[str, float],
        checkpoint: Path | None,
        best: bool,
    ) -> None:
        """Do nothing."""

    def trial_ended(self, trial: str, state: str, reason: str, summary: Mapping[str, Any]) -> None:
        """Do nothing."""

    def lacking(self, ended: Collection[str]) -> set[str]:
        """Return none."""
        return set()

    def sweep_ended(self, results: SweepResults) -> None:
        """Do nothing."""

    def stop_requests(self) -> set[str]:
        """Return none: nobody can ask."""
        return set()

    def project_url(self) -> str:
        """Return none."""
        return ""

    def notes(self) -> list[str]:
        """Return none."""
        return []

    def close(self) -> None:
        """Do nothing."""
