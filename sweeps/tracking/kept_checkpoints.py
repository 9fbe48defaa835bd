"""Find the checkpoints that are left of a trial once it has ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class LoggedCheckpoint:
    """Describes a checkpoint that becomes a version of an artifact."""

    folder: Path
    metadata: Mapping[str, Any]
    aliases: list[str]


@dataclass
class KeptCheckpoints:
    """Remembers the epochs of a trial, of whose checkpoints only some stay on disk.

    Attributes:
        folder: of the trial.
        best: its best epoch, as far as it is known.
    """

    folder: Path
    _metrics: dict[int, Mapping[str, float]] = field(default_factory=dict)
    best: int | None = None

    def note(self, epoch: int, metrics: Mapping[str, float], best: bool) -> None:
        """Note an epoch, and whether none has been better."""
        self._metrics[epoch] = metrics
        if best:
            self.best = epoch

    def left(self, only_best: bool) -> list[LoggedCheckpoint]:
        """List the checkpoints that are there, ascending."""
        there = {int(path.name[6:]): path for path in self.folder.glob("epoch_*") if path.is_dir()}
        if not there:
            return []
        # Of a trial that an earlier session has begun, the best epoch may be from then: it stays.
        best = self.best if self.best in there else min(there)
        last = max(there)
        return [
            LoggedCheckpoint(
                there[epoch],
                {"epoch": epoch, **self._metrics.get(epoch, {})},
                [
                    *(["latest"] if epoch == last else []),
                    f"epoch-{epoch}",
                    *(["best"] if epoch == best else []),
                ],
            )
            for epoch in sorted(there)
            if epoch == best or not only_best
        ]
