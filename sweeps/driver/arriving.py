"""Show the tracker each epoch once its checkpoint is in the sweep's folder.

That of an epoch trained on a machine that does not reach the folder is on its way when the driver
hears of the epoch. A trial has one such epoch at most, and ends once it is here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sweeps.results_folder import Folder
from sweeps.tracking import LOAD, Tracker
from sweeps.trials import Place


@dataclass(frozen=True)
class _Epoch:
    """Holds what the tracker is shown; without metrics it has been shown before."""

    number: int
    metrics: Mapping[str, float]
    best: bool
    streams: bool = True


class ArrivingEpochs:
    """Keeps the epochs on record whose checkpoints are on their way."""

    def __init__(self, folder: Folder | None, tracker: Tracker) -> None:
        """Begin with none.

        Args:
            folder: of the sweep; None: nothing is kept of it.
        """
        self._folder, self._tracker = folder, tracker
        self._epochs: dict[str, _Epoch] = {}
        self._ends: dict[str, str] = {}  # trials that end after theirs -> the machine they are on

    def show(
        self, trial: str, number: int, metrics: Mapping[str, float], place: Place, best: bool
    ) -> None:
        """Show an epoch, or keep it until it has arrived.

        Args:
            best: whether it is the trial's best so far.
        """
        self.forget(trial)  # the one before has arrived, or this one would not have been told
        load = {f"{LOAD}{name}": value for name, value in place.load.items()}
        self._epochs[trial] = _Epoch(number, {**metrics, **load}, best, place.streams)
        if not place.streams or self.is_here(trial, number):
            self._show(trial)

    def told_again(self, trial: str, number: int, place: Place) -> None:
        """Note that a trial's last epoch, on record and shown before, is on its way once more."""
        if place.streams and trial not in self._epochs and not self.is_here(trial, number):
            self._epochs[trial] = _Epoch(number, {}, False)

    def look(self) -> None:
        """Show those that have arrived."""
        for trial, epoch in list(self._epochs.items()):
            if self.is_here(trial, epoch.number):
                self._show(trial)

    def is_here(self, trial: str, number: int) -> bool:
        """Whether the checkpoint of an epoch is in the sweep's folder."""
        return self._folder is None or self._path(trial, number).is_dir()

    def last_here(self, trial: str, last: int) -> int:
        """Return the last epoch that needs not be told again, of a trial with `last` on record.

        It is the one before where a kill took the last one on its way.
        """
        if self._folder is None or self.is_here(trial, last):
            return last
        # Whoever trains in its folder, or writes there what another machine sends, has locked it.
        trained = (self._folder.trials / trial / ".lock").exists()
        return last - 1 if last and trained else last

    def holds(self, trial: str, machine: str) -> bool:
        """Whether a trial that would end now does so later: its last epoch is still on its way."""
        if trial in self._epochs:
            self._ends[trial] = machine
        return trial in self._epochs

    def held_on(self, trial: str) -> str:
        """Return the machine on which a trial is, or was, held."""
        return self._ends.get(trial, "")

    def is_held(self, trial: str) -> bool:
        """Whether a trial is to end once its last epoch is here."""
        return trial in self._ends and trial in self._epochs

    def forget(self, trial: str) -> None:
        """Wait for a trial's epoch no more: if it is not here, it is shown without checkpoint."""
        if trial in self._epochs:
            self._show(trial)
        self._ends.pop(trial, None)

    def forget_all(self) -> None:
        """Wait for nothing more."""
        for trial in list(self._epochs):
            self.forget(trial)

    @property
    def any(self) -> bool:
        """Whether something is on its way."""
        return bool(self._epochs)

    def _show(self, trial: str) -> None:
        epoch = self._epochs.pop(trial)
        if epoch.metrics:
            here = not epoch.streams or self.is_here(trial, epoch.number)
            path = self._path(trial, epoch.number) if here and self._folder is not None else None
            self._tracker.epoch(trial, epoch.number, epoch.metrics, path, epoch.best)

    def _path(self, trial: str, number: int) -> Path:
        assert self._folder is not None
        return self._folder.checkpoint(trial, number)
