"""Repair a damaged journal: keep every line that can be read, and the damaged file.

A trial's number is its place among the lines that begin trials. Where such a line was lost, and
later lines are of a trial that no line begins, another is put in its place.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from optuna.storages.journal._storage import JournalOperation
from optuna.trial import TrialState

from sweeps.study.codec import CONTINUES, epoch_key
from sweeps.study.codec import epochs_of as _epochs
from sweeps.study.journal_storage import JournalReplay
from trainers.files.whole_file import replacing

#: What reading a line may raise, if it is no line of a journal.
DAMAGE = (
    ArithmeticError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    AssertionError,
    IndexError,
    RecursionError,
)

_CREATE, _OF_TRIAL = int(JournalOperation.CREATE_TRIAL), range(5, 10)
_OPERATIONS = range(11)

#: Trial's number -> its epochs and their metrics, as its folder has them.
Epochs = Callable[[int], Mapping[int, Mapping[str, float]]]


@dataclass(frozen=True)
class Repaired:
    """Describes what became of a journal.

    Attributes:
        lines: number of its lines.
        lost: those that could not be read, by number (from 1).
        begun: trials whose first line was lost.
        refilled: epochs that were lost and found again in the trials' folders.
        original: the damaged file, kept; None: nothing was damaged.
    """

    lines: int
    lost: tuple[int, ...] = ()
    begun: tuple[int, ...] = ()
    refilled: int = 0
    original: Path | None = None


def first_damage(path: Path) -> tuple[int, str] | None:
    """Return the number of the first line that cannot be read, and why; None if all can."""
    replay = JournalReplay("")
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                return None  # being written, or cut short: that is mended without a word
            try:
                replay.apply_logs((_parsed(line),))
            except DAMAGE as error:
                return number, str(error).splitlines()[0][:80] if str(error) else "unknown"
    return None


def repair(path: Path, epochs_of: Epochs) -> Repaired:
    """Repair a journal that nobody else uses.

    Args:
        epochs_of: to fill the gaps that lost lines leave in a trial's epochs.
    """
    whole = _Whole()
    count = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            count = number
            whole.take(number, line)
    whole.end_empty_trials()
    refilled = whole.refill(epochs_of)
    if not whole.lost:
        return Repaired(count)
    original = _beside(path)
    os.link(path, original)
    with replacing(path) as fresh, fresh.open("wb") as file:
        for log in whole.kept:
            file.write(json.dumps(log, separators=(",", ":")).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return Repaired(count, tuple(whole.lost), tuple(whole.begun), refilled, original)


@dataclass
class _Whole:
    """Collects the lines that make a journal together."""

    kept: list[dict[str, Any]] = field(default_factory=list)
    lost: list[int] = field(default_factory=list)
    begun: list[int] = field(default_factory=list)
    _replay: JournalReplay = field(default_factory=lambda: JournalReplay(""))
    _trials: int = 0
    _study: int = 0
    _touched: set[int] = field(default_factory=set)

    def take(self, number: int, line: bytes) -> None:
        """Take a line, if it can be read and fits those before it."""
        try:
            log = _parsed(line)
            if log["op_code"] in _OF_TRIAL:
                trial = int(log["trial_id"])
                if trial >= self._trials and not self.lost:
                    raise ValueError("no line begins this trial")
                while self._trials <= trial:
                    self.begun.append(self._trials)
                    self._add(self._beginning(str(log["worker_id"])))
                self._touched.add(trial)
            self._add(log)
        except DAMAGE:
            self.lost.append(number)

    def end_empty_trials(self) -> None:
        """End the trials of which nothing is known but that they were, if lines were lost.

        So is one that went on with another trial, if which one that was is lost.
        """
        for trial in range(self._trials) if self.lost else ():
            epochs = _epochs(self._replay._trials[trial])
            later = trial in self.begun and bool(epochs) and 1 not in epochs
            if trial not in self._touched or later:
                reason = {"state": "abandoned", "reason": "its record was damaged"}
                self._add_of(trial, JournalOperation.SET_TRIAL_USER_ATTR, user_attr=reason)
                self._add_of(
                    trial,
                    JournalOperation.SET_TRIAL_STATE_VALUES,
                    state=int(TrialState.FAIL),
                    values=None,
                    datetime_complete=datetime.now().isoformat(timespec="microseconds"),
                )

    def refill(self, epochs_of: Epochs) -> int:
        """Fill gaps in the epochs of unfinished trials; returns how many were filled."""
        filled = 0
        for trial, known in self._replay._trials.items():
            numbers = set(_epochs(known))
            missing = set(range(1, max(numbers, default=0))) - numbers
            if not missing or known.state.is_finished():
                continue
            there = epochs_of(known.user_attrs.get(CONTINUES, trial))
            for number in sorted(missing & there.keys()):
                metrics = {epoch_key(number): dict(there[number])}
                self._add_of(trial, JournalOperation.SET_TRIAL_SYSTEM_ATTR, system_attr=metrics)
                filled += 1
        return filled

    def _add(self, log: dict[str, Any]) -> None:
        self._replay.apply_logs((log,))
        self.kept.append(log)
        if log["op_code"] == _CREATE:
            self._trials += 1
            self._study = int(log["study_id"])

    def _add_of(self, trial: int, operation: JournalOperation, **more: object) -> None:
        self._add({"op_code": int(operation), "worker_id": "repair", "trial_id": trial, **more})

    def _beginning(self, worker: str) -> dict[str, Any]:
        now = datetime.now().isoformat(timespec="microseconds")
        common = {"op_code": _CREATE, "worker_id": worker, "study_id": self._study}
        return {**common, "datetime_start": now}


def _parsed(line: bytes) -> dict[str, Any]:
    """Parse a line of a journal.

    Raises:
        ValueError: it is none.
    """
    log = json.loads(line)
    if not isinstance(log, dict) or not isinstance(log.get("worker_id"), str):
        raise ValueError("it is no record")
    if type(log.get("op_code")) is not int or log["op_code"] not in _OPERATIONS:
        raise ValueError(f"unknown operation {log.get('op_code')!r}")
    return log


def _beside(path: Path) -> Path:
    """Name the file that keeps what was damaged."""
    candidates: Iterator[Path] = (
        path.with_name(f"{path.name}.damaged{'' if n == 1 else f'-{n}'}") for n in range(1, 1000)
    )
    return next(candidate for candidate in candidates if not candidate.exists())
