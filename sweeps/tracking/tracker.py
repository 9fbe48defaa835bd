"""Define the contract of a tracker, which shows a sweep, and one that shows nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
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


class Tracker(Protocol):
    """Shows a sweep elsewhere. No method raises or prints, and only `close` waits."""

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

        `summary` holds its best value and epoch: after a resume only the caller knows them.
        """

    def lacking(self, ended: Collection[str]) -> set[str]:
        """Return those of the trials that ended in earlier sessions that are not shown as a whole.

        A session may have been killed. The caller opens and closes them again.
        """

    def sweep_ended(self, summary: Mapping[str, Any], trials: Table, importances: Table) -> None:
        """Show the whole sweep: its figures, its trials, and which parameters mattered.

        The first column of `importances` names the parameter, the others are shares.
        """

    def stop_requests(self) -> set[str]:
        """Return the trials that a person has asked to stop, until they have ended."""

    def notes(self) -> list[str]:
        """Return the messages for the person since the last call, each once."""

    def close(self) -> None:
        """Hand over what is left, within a bounded time. Calling it again does nothing."""


class NullTracker:
    """Shows nothing (`track=none`)."""

    def __init__(self, sweep: str, uid: str, folder: str | Path) -> None:
        """Take what every tracker is built with."""

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

    def sweep_ended(self, summary: Mapping[str, Any], trials: Table, importances: Table) -> None:
        """Do nothing."""

    def stop_requests(self) -> set[str]:
        """Return none: nobody can ask."""
        return set()

    def notes(self) -> list[str]:
        """Return none."""
        return []

    def close(self) -> None:
        """Do nothing."""
