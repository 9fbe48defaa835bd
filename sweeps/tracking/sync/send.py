"""Send W&B what it lacks of a sweep, once, and tell what is there of what should be.

The record is the truth: what the server has is asked for, never concluded from logs on disk.
"""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from sweeps.tracking import wandb_logs
from sweeps.tracking.kept_checkpoints import LoggedCheckpoint
from sweeps.tracking.run_id import run_id
from sweeps.tracking.sync.arrived import Arrived, WandbServer
from sweeps.tracking.sync.due_runs import DueRun, DueRuns
from sweeps.tracking.sync.lacking import SUMMARY, Balance, Lacking, balance, lacking
from sweeps.tracking.tracker import LOAD
from sweeps.tracking.wandb_connection import WandbSettings
from sweeps.tracking.wandb_media import merged_notes, wandb_histogram
from sweeps.tracking.wandb_open_run import OpenRun
from sweeps.tracking.wandb_runs import Runs, log_checkpoint
from trainers.errors import class_and_first_line
from trainers.files.histograms import load

if TYPE_CHECKING:
    import wandb

RUNS_AT_ONCE = 4  # runs under way: a server takes the versions of one artifact one by one
POLL_S = 0.1  # between looks at the runs under way
QUIET_S = 60.0  # without anything arrived: then the server is looked for
VERSION_S = 600  # for one checkpoint to arrive, beside the time for its bytes
SLOWEST = 50_000  # bytes a second
SETTLE_S = (1.0, 2.0, 4.0)  # between looks at a server that has yet to show what it took


class SyncObserver(Protocol):
    """Shows a person how far a sync is."""

    def begun(self, total: float) -> None:
        """Say that so much is to be sent, in MB and pieces."""

    def sent(self, part: float) -> None:
        """Say that so much of it has been."""

    def notify(self, message: str) -> None:
        """Show a message."""


@dataclass(frozen=True)
class Synced:
    """Describes what a sync has done.

    Attributes:
        before, after: what was there of what should be; `after` is None if the server did not
            answer any more.
        runs: how many runs were opened to send something.
        project_url: address of the project.
    """

    before: Balance
    after: Balance | None
    runs: int
    project_url: str


class ServerAway(Exception):
    """Raised when the server cannot be reached any more."""


class Sync:
    """Sends what the server lacks of a sweep, a few runs at a time.

    Args:
        due: what should be there.
        settings: where the runs go; their folder is one for wandb's own files.
        checkpoints: all | best | none, as in `track.checkpoints`.
        results: the sweep's folder, with the logs that wandb has kept.
    """

    def __init__(
        self,
        due: DueRuns,
        settings: WandbSettings,
        checkpoints: str,
        results: Path,
        observer: SyncObserver,
    ) -> None:
        self._due = due
        self._settings = settings
        self._checkpoints = checkpoints
        self._results = results
        self._observer = observer
        self._id = partial(run_id, settings.sweep, settings.uid)
        self._runs = Runs(settings, note=lambda text: None, stop=lambda trial: None)
        self._failures: list[str] = []
        self._last_sent = 0.0

    def __call__(self) -> Synced:
        """Ask, send and ask again.

        Raises:
            ConfigError: no key, a wrong one, or no server.
        """
        with self._runs as runs:
            try:
                server = WandbServer(self._settings)
                arrived = self._ask(server)
                left = self._lacking(arrived)
                before = self._balance(arrived)
                self._send(server, left, arrived)
                after = self._settled(server) if left else before
                if after is not None and after.whole:
                    self._mark_sent()
                return Synced(before, after, len(left), server.project_url)
            except BaseException:
                runs.deadline = time.monotonic()
                runs.connection.core.kill()
                raise

    def _ask(self, server: WandbServer) -> dict[str, Arrived]:
        names = [*self._due.runs, *([SUMMARY] if self._due.summary else [])]
        ids = {self._id(name): name for name in names}
        return {ids[run]: has for run, has in server.arrived([*ids]).items()}

    def _lacking(self, arrived: Mapping[str, Arrived]) -> dict[str, Lacking]:
        return lacking(self._due, arrived, self._checkpoints)

    def _balance(self, arrived: Mapping[str, Arrived]) -> Balance:
        return balance(self._due, arrived, self._checkpoints)

    def _settled(self, server: WandbServer) -> Balance | None:
        """Ask what is there now, again for a while if it is not all."""
        found: Balance | None = None
        for pause in (*SETTLE_S, 0.0):
            with contextlib.suppress(Exception):
                found = self._balance(self._ask(server))
            if found is None or found.whole or self._failures:
                break
            time.sleep(pause)
        return found

    def _send(
        self, server: WandbServer, left: Mapping[str, Lacking], arrived: Mapping[str, Arrived]
    ) -> None:
        """Send what is lacking, a few runs at a time."""
        self._observer.begun(sum(map(_size, left.values())))
        self._last_sent = time.monotonic()
        waiting = deque(left)
        under_way: dict[str, OpenRun] = {}
        quiet = False
        while waiting or under_way:
            while waiting and len(under_way) < RUNS_AT_ONCE and not self._failures:
                name = waiting.popleft()
                if (run := self._begin(name, left[name], arrived.get(name))) is not None:
                    under_way[name] = run
            if self._failures:
                waiting.clear()
            for name in [name for name, run in under_way.items() if run.finished(0)]:
                del under_way[name]
                self._sent(1.0)
            if under_way:
                next(iter(under_way.values())).finished(POLL_S)
            if time.monotonic() - self._last_sent < QUIET_S:
                quiet = False
            elif not quiet:
                quiet = True
                if not server.answers():
                    raise ServerAway(server.url)
                self._observer.notify(
                    f"nothing has arrived for {QUIET_S:.0f} s; still trying (Ctrl-C ends it, and "
                    "loses nothing)"
                )
        for failure in self._failures:
            self._observer.notify(failure)

    def _begin(self, name: str, left: Lacking, has: Arrived | None) -> OpenRun | None:
        """Open a run, and hand over what it lacks; None, and a failure noted, if it cannot be."""
        try:
            if name == SUMMARY:
                assert self._due.summary is not None
                self._runs.summarise(self._due.summary)
            else:
                self._hand_over(self._due.runs[name], left, has)
        except Exception as error:
            self._failures.append(f"{name} could not be sent ({class_and_first_line(error)})")
            return None
        return self._runs.connection.finishing[name]

    def _hand_over(self, due: DueRun, left: Lacking, has: Arrived | None) -> None:
        runs = self._runs
        runs.open(due.trial, due.config, 0)
        run = runs.connection.open[due.trial]
        # A run that the server did not name may have rows all the same: then none is sent.
        fresh = has is not None or not run.run.resumed
        logged = self._logged(due) if left.epochs and fresh else {}
        for epoch in left.epochs if fresh else ():
            load_there = {k: v for k, v in logged.get(epoch, {}).items() if k.startswith(LOAD)}
            drawn = load(due.folder, epoch)
            media = {name: wandb_histogram(one) for name, one in drawn.items()}
            run.log(epoch, {**due.epochs[epoch], **load_there}, epoch == due.best, media)
        for one in left.checkpoints:
            run.call_in_background(partial(self._send_checkpoint, one))
        run.summarise(_at(due, due.best, "best_") | _at(due, max(due.epochs, default=None), ""))
        if due.notes:
            run.run.notes = merged_notes(run.run.notes, due.notes)
        runs.end(due.trial, due.state, due.reason, due.summary)

    def _logged(self, due: DueRun) -> dict[int, dict[str, float]]:
        """Read the rows that wandb has kept on disk: the load of a machine is nowhere else."""
        logs = wandb_logs.of_run(self._results, self._id(due.trial))
        found: dict[int, dict[str, float]] = {}
        for log in logs:
            if log.stat().st_size > wandb_logs.EMPTY_LOG:
                found.update(wandb_logs.rows(log))
        return found

    def _send_checkpoint(self, one: LoggedCheckpoint, run: wandb.Run) -> None:
        """Send a checkpoint, and wait until it is there."""
        size = _bytes(one)
        logged = log_checkpoint(one.folder, one.metadata, one.aliases, run)
        logged.wait(int(VERSION_S + size / SLOWEST))
        self._sent(1.0 + size / 1e6)

    def _sent(self, part: float) -> None:
        self._last_sent = time.monotonic()
        self._observer.sent(part)

    def _mark_sent(self) -> None:
        """Mark the logs of the runs as sent, for the next session of the sweep and `wandb sync`."""
        for name in (*self._due.runs, SUMMARY):
            for log in wandb_logs.of_run(self._results, self._id(name)):
                with contextlib.suppress(OSError):
                    wandb_logs.mark(log, sent=True)


def _at(due: DueRun, epoch: int | None, prefix: str) -> dict[str, float]:
    """Write an epoch and its metrics for the summary: rows may come in another order."""
    if epoch is None:
        return {}
    return {f"{prefix}epoch": epoch, **{f"{prefix}{k}": v for k, v in due.epochs[epoch].items()}}


def _size(left: Lacking) -> float:
    """Return how much is to be sent of a run, in MB and pieces."""
    return 1.0 + sum(1.0 + _bytes(one) / 1e6 for one in left.checkpoints)


def _bytes(one: LoggedCheckpoint) -> int:
    return sum(path.stat().st_size for path in one.folder.rglob("*") if path.is_file())
