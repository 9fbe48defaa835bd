"""Compare what the W&B server has of a sweep with what it should have."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sweeps.tracking.kept_checkpoints import LoggedCheckpoint
from sweeps.tracking.sync.arrived import Arrived
from sweeps.tracking.sync.due_runs import DueRun, DueRuns
from sweeps.tracking.tracker import SweepResults, Table
from sweeps.tracking.wandb_runs import REVIEW

#: Name of the run of the sweep itself.
SUMMARY = "summary"

_NOTHING = Arrived({}, False, False, {}, {}, frozenset(), "")


@dataclass(frozen=True)
class Lacking:
    """Describes what the server lacks of a run.

    Attributes:
        epochs: without a row.
        checkpoints: without a version, or whose version lacks an alias.
    """

    epochs: tuple[int, ...] = ()
    checkpoints: tuple[LoggedCheckpoint, ...] = ()


@dataclass(frozen=True)
class Balance:
    """Counts what is there of what should be.

    Attributes:
        kinds: what -> (how many are there, how many should be).
        twice: rows of epochs that have one already.
        unread: runs of which the server counts more rows than it gives.
        gone: checkpoints that are neither at the server nor on disk.
    """

    kinds: Mapping[str, tuple[int, int]]
    twice: int
    unread: int
    gone: int

    @property
    def whole(self) -> bool:
        """Whether all is there."""
        return all(there == due for there, due in self.kinds.values())


def lacking(due: DueRuns, arrived: Mapping[str, Arrived], wanted: str) -> dict[str, Lacking]:
    """Map each run that lacks something to that.

    Args:
        arrived: trial, or `summary` -> what the server has, of the runs it knows.
        wanted: all | best | none, as in `track.checkpoints`.
    """
    found = {}
    for trial, run in due.runs.items():
        has = arrived.get(trial, _NOTHING)
        rows = () if has.unread else tuple(n for n in run.epochs if not has.rows.get(n))
        checkpoints = tuple(one for one in run.checkpoints(wanted) if not _is_there(one, has))
        told = _is_ended(run, has) and _is_noted(run, has)
        if trial not in arrived or rows or checkpoints or not told:
            found[trial] = Lacking(rows, checkpoints)
    if due.summary and not _is_shown(due.summary, arrived.get(SUMMARY, _NOTHING)):
        found[SUMMARY] = Lacking()
    return found


def balance(due: DueRuns, arrived: Mapping[str, Arrived], wanted: str) -> Balance:
    """Count what is there of what should be; for the arguments see `lacking`."""
    there: Counter[str] = Counter()
    should: Counter[str] = Counter()
    twice = gone = 0
    for trial, run in due.runs.items():
        has = arrived.get(trial, _NOTHING)
        checkpoints = run.checkpoints(wanted)
        aliases = frozenset().union(*has.versions.values())
        lost = [epoch for epoch in run.gone(wanted) if f"epoch-{epoch}" not in aliases]
        should += Counter(
            runs=1,
            epochs=len(run.epochs),
            checkpoints=len(checkpoints) + len(lost),
            ends=run.ended,
            notes=bool(run.notes),
        )
        there += Counter(
            runs=trial in arrived,
            epochs=sum(has.rows.get(epoch, 0) > 0 for epoch in run.epochs),
            checkpoints=sum(_is_there(one, has) for one in checkpoints),
            ends=run.ended and _is_ended(run, has),
            notes=bool(run.notes) and _is_noted(run, has),
        )
        twice += sum(max(0, has.rows.get(epoch, 0) - 1) for epoch in run.epochs)
        gone += len(lost)
    if due.summary:
        shown = _is_shown(due.summary, arrived.get(SUMMARY, _NOTHING))
        should["summary"], there["summary"] = 1, int(shown)
    kinds = {kind: (there[kind], count) for kind, count in should.items() if count}
    unread = sum(has.unread for run, has in arrived.items() if run in due.runs)
    return Balance(kinds, twice, unread, gone)


def _is_there(one: LoggedCheckpoint, has: Arrived) -> bool:
    return set(one.aliases) <= has.versions.get(digest(one.folder), frozenset())


def _is_ended(due: DueRun, has: Arrived) -> bool:
    """Whether a run says how its trial has ended, if it has."""
    end = {"state": due.state, "reason": due.reason, **due.summary}
    return not due.ended or (has.finished and _holds(has.summary, end))


def _is_noted(due: DueRun, has: Arrived) -> bool:
    return set(due.notes.splitlines()) <= set(has.notes.splitlines())


def _is_shown(due: SweepResults, has: Arrived) -> bool:
    """Whether the run of the sweep has its figures, its tables and the files of the review."""
    tables = {f"tables/{n}": t for n, t in due.tables.items() if t.rows and t.columns}
    files = any(path.is_file() for path in due.files)
    return (
        has.finished
        and _holds(has.summary, due.figures)
        and all(_has_table(has, name, table) for name, table in tables.items())
        and (not files or any(name.startswith(REVIEW) for name in has.others))
    )


def _has_table(has: Arrived, name: str, table: Table) -> bool:
    shown = has.summary.get(name)
    size = {"nrows": len(table.rows), "ncols": len(table.columns)}
    uploaded = any(name.replace("/", "") in artifact for artifact in has.others)
    return uploaded and isinstance(shown, Mapping) and _holds(shown, size)


def _holds(has: Any, due: Any) -> bool:
    """Whether a value on the server is the one that is due: JSON has no nan, and W&B no None."""
    if isinstance(due, Mapping):
        if not isinstance(has, Mapping):
            return not due
        return all(_holds(has.get(key), value) for key, value in due.items())
    if due is None or (isinstance(due, float) and not math.isfinite(due)):
        return has is None or isinstance(has, str)
    if isinstance(due, list | tuple):
        return isinstance(has, list) and len(has) == len(due) and all(map(_holds, has, due))
    return bool(has == due)


@cache
def digest(folder: Path) -> str:
    """Compute the digest that W&B gives a version with this folder's files.

    A checkpoint never changes once it is there.
    """
    import wandb

    artifact = wandb.Artifact("checkpoint", type="checkpoint")
    for path in sorted(one for one in folder.rglob("*") if one.is_file()):
        name = path.relative_to(folder).as_posix()
        artifact.add_file(str(path), name, policy="immutable", skip_cache=True)
    return artifact.digest
