"""Gather what W&B should have of a sweep, from its record as a tracker is shown it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sweeps.redaction import redacted, redacted_text
from sweeps.tracking.kept_checkpoints import KeptCheckpoints, LoggedCheckpoint
from sweeps.tracking.tracker import NullTracker, SweepResults

#: The state of a run whose trial has not ended.
INTERRUPTED = "interrupted"


@dataclass
class DueRun:
    """Describes what the run of a trial should hold.

    Attributes:
        folder: of the trial.
        epochs: number -> metrics.
        best: the best epoch, if there is one.
        summary: what its end adds to the summary, beside `state` and `reason`.
        notes: people's remarks, a line each.
    """

    trial: str
    config: Mapping[str, Any]
    folder: Path
    epochs: dict[int, Mapping[str, float]] = field(default_factory=dict)
    best: int | None = None
    state: str = INTERRUPTED
    reason: str = ""
    summary: Mapping[str, Any] = field(default_factory=dict)
    notes: str = ""

    @property
    def ended(self) -> bool:
        """Whether the trial has ended: how an interrupted one stands may change."""
        return self.state != INTERRUPTED

    def checkpoints(self, wanted: str) -> list[LoggedCheckpoint]:
        """List the checkpoints that should be versions of the run's artifact, ascending.

        Args:
            wanted: all | best | none, as in `track.checkpoints`.
        """
        if wanted == "none":
            return []
        kept = KeptCheckpoints(self.folder)
        for epoch, metrics in self.epochs.items():
            kept.note(epoch, metrics, best=epoch == self.best)
        left = kept.left(only_best=wanted == "best")
        return [one for one in left if one.metadata["epoch"] in self.epochs]  # others go on later

    def gone(self, wanted: str) -> set[int]:
        """Return the epochs whose checkpoints should have been kept, and are on disk no more."""
        keep = (self.config.get("checkpoint") or {}).get("keep", "all")
        due = set(self.epochs) if wanted == "all" and keep == "all" else set()
        return due - {int(one.metadata["epoch"]) for one in self.checkpoints(wanted)}


class DueRuns(NullTracker):
    """Gathers what is shown of a sweep.

    Attributes:
        runs: trial -> what its run should hold.
        summary: None if the sweep has not ended.
    """

    def __init__(self, name: str, uid: str, folder: str | Path) -> None:
        """Take what every tracker is built with."""
        super().__init__(name, uid, folder)
        self.runs: dict[str, DueRun] = {}
        self.summary: SweepResults | None = None
        self._folder = Path(folder).absolute()

    def trial_started(self, trial: str, config: Mapping[str, Any], reported: int) -> None:
        """Begin a run."""
        self.runs[trial] = DueRun(trial, redacted(config), self._folder / "trials" / trial)

    def epoch(
        self,
        trial: str,
        epoch: int,
        metrics: Mapping[str, float],
        checkpoint: Path | None,
        best: bool,
    ) -> None:
        """Add an epoch."""
        run = self.runs[trial]
        run.epochs[epoch] = dict(metrics)
        if best:
            run.best = epoch

    def trial_ended(self, trial: str, state: str, reason: str, summary: Mapping[str, Any]) -> None:
        """Say how a trial has ended."""
        run = self.runs[trial]
        run.state, run.reason, run.summary = state, redacted_text(reason), redacted(summary)

    def sweep_ended(self, results: SweepResults) -> None:
        """Take the figures and tables of the whole sweep, and people's remarks on trials."""
        self.summary = replace(results, figures=redacted(results.figures))
        for remarked in results.remarks:
            if remarked.trial in self.runs:
                self.runs[remarked.trial].notes = remarked.text
