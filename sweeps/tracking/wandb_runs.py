"""Log to wandb: one run a trial, one more for the sweep. Used from one thread only."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from sweeps.formatting import command
from sweeps.tracking import wandb_logs
from sweeps.tracking.kept_checkpoints import LoggedCheckpoint
from sweeps.tracking.run_id import NAME_LENGTH, checkpoints_name
from sweeps.tracking.run_tags import ended_tags
from sweeps.tracking.tracker import Remarked, SweepResults, Varied
from sweeps.tracking.wandb_connection import Connection, WandbSettings
from sweeps.tracking.wandb_media import (
    merged_notes,
    shown_files,
    wandb_histogram,
    wandb_table,
)
from sweeps.tracking.wandb_open_run import OpenRun
from trainers.files import history
from trainers.files.histograms import Histogram

if TYPE_CHECKING:
    import wandb

TEARDOWN_S = 1.0  # kept back from the deadline for wandb-core to end
SUCCESS = ("complete", "stopped", "paused")
INTERRUPTED = 255  # the exit code wandb itself gives a run ended by Ctrl-C


def exit_code_of(state: str) -> int:
    """Return the exit code with which the run of a trial ends, by which W&B shows its state."""
    return INTERRUPTED if state == "interrupted" else 0 if state in SUCCESS else 1


#: What the name of the artifact with the files of the review begins with.
REVIEW = "review-"


class Runs:
    """Logs trials to their runs, inside `with`; `attempt` guards every call.

    Attributes:
        connection: opens the runs, and holds those that are open.
        deadline: time.monotonic() at which to give up; set by whoever closes.

    Args:
        settings: where the runs go.
        note: called with a message for the person.
        stop: called with the trial whose run was asked to stop; on another thread.
    """

    def __init__(
        self, settings: WandbSettings, note: Callable[[str], None], stop: Callable[[str], None]
    ) -> None:
        self.connection = Connection(settings, note, stop, self._reopened)
        self.deadline = float("inf")
        self._settings = settings
        self._note = note
        self._environ: dict[str, str | None] = {}  # as it was before
        self._checkpoint_of: dict[str, Callable[[int], Path | None]] = {}  # of the open trials

    def __enter__(self) -> Runs:
        """Reach W&B, its files in the sweep's folder."""
        files = self._settings.folder / "wandb"
        self._set_environ("WANDB_DATA_DIR", str(files / "data"))  # not in the home directory
        self._set_environ("WANDB_CACHE_DIR", str(files / "cache"))
        self._set_environ("WANDB_ERROR_REPORTING", "false")  # prints when it cannot report
        self.connection.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish what is open and end wandb-core, until the deadline."""
        connection = self.connection
        for trial in list(connection.open):
            self.attempt(partial(Runs.end, trial=trial, state="interrupted", reason="", summary={}))
        until = self.deadline - TEARDOWN_S
        runs = list(connection.finishing.values())
        late = [run for run in runs if not run.finished(until - time.monotonic())]
        if late and not connection.core.killed:
            self._note(f"W&B: not wholly uploaded in time: {len(late)} run(s)")
        if left := [*late, *connection.open.values()]:  # still open: wandb given up or killed
            connection.incomplete = True
            for run in left:
                run.abandon()
            connection.core.kill()
            for run in left:  # else they would go on without the settings that teardown takes away
                run.finished(self.deadline - time.monotonic())
        connection.core.teardown()
        for name, value in self._environ.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    def attempt(self, record: Callable[[Runs], None]) -> None:
        """Log a record; a dead wandb-core is started again, any other error noted once."""
        self.connection.attempt(lambda: record(self))

    def attach(self, varied: Varied) -> None:
        """Attach the runs to a W&B sweep, if that is asked for."""
        self.connection.attach(varied)

    def open(
        self,
        trial: str,
        config: Mapping[str, Any],
        reported: int,
        checkpoint_of: Callable[[int], Path | None] = lambda epoch: None,
    ) -> None:
        """Open the run of a trial, or go on with it, after the epoch `reported`.

        What W&B lacks of the epochs up to that one, as a driver was killed before they were sent or
        written, or the server was away, is sent now.

        Args:
            checkpoint_of: the checkpoint of such an epoch, if it is to be logged.
        """
        open_runs = self.connection.open
        if trial in open_runs:
            open_runs[trial].logged = max(open_runs[trial].logged, reported)
            return
        if ended := self.connection.finishing.get(trial):  # its id is in use until it is finished
            ended.finished(self._settings.init_timeout_s)
        whole = {**config, "trial": trial, "sweep": self._settings.sweep}
        run = open_runs[trial] = self.connection.open_run(trial, "trial", whole, reported)
        self._checkpoint_of[trial] = checkpoint_of
        if reported:
            self._send_again(run, reported)

    def _reopened(self, run: OpenRun) -> None:
        """Send what the core or the server that was lost had not handed over."""
        if run.logged:
            self._send_again(run, run.logged)

    def _send_again(self, run: OpenRun, reported: int) -> None:
        """Send what W&B lacks of the epochs up to `reported`; a run has a row for each."""
        trial, folder = run.name, self._settings.folder
        logs = wandb_logs.of_run(folder, run.run.id)
        earlier = [log for log in logs if log.parent != Path(run.run.dir).parent]
        cut_short = any(map(wandb_logs.is_cut_short, earlier))
        if not run.run.offline:
            there = run.run.starting_step
        elif cut_short:
            there = max((epoch for log in earlier for epoch in wandb_logs.epochs(log)), default=0)
        else:
            there = reported
        place = folder / "trials" / trial if (folder / "trials").is_dir() else folder
        rows = {n: row for n, row in history.read(place / "metrics.csv").items() if n <= reported}
        if not cut_short and not any(epoch > there for epoch in rows):
            return
        for epoch, metrics in rows.items():
            if epoch > there:
                run.log(epoch, metrics, False, {})
            # Uploads lag behind the rows, and W&B takes the same content for the same version.
            self._log_checkpoint(run, epoch, metrics, self._checkpoint_of[trial](epoch), False)
        run.sent_again = True
        for log in earlier:
            if not run.run.offline or log.parent.name.startswith("offline-"):
                wandb_logs.mark(log, sent=not run.run.offline)

    def _log_checkpoint(
        self,
        run: OpenRun,
        epoch: int,
        metrics: Mapping[str, float],
        checkpoint: Path | None,
        best: bool,
    ) -> None:
        if checkpoint is not None:
            aliases = ["latest", f"epoch-{epoch}", *(["best"] if best else [])]
            metadata = {"epoch": epoch, **metrics}
            run.call_in_background(partial(log_checkpoint, checkpoint, metadata, aliases))

    def log(
        self,
        trial: str,
        epoch: int,
        metrics: Mapping[str, float],
        checkpoint: Path | None,
        best: bool,
        histograms: Mapping[str, Histogram],
    ) -> None:
        """Log an epoch unless it was logged before."""
        run = self.connection.open.get(trial)
        if run is None or epoch <= run.logged:
            return
        media = {name: wandb_histogram(histogram) for name, histogram in histograms.items()}
        run.log(epoch, metrics, best, media)
        self._log_checkpoint(run, epoch, metrics, checkpoint, best)

    def end(
        self,
        trial: str,
        state: str,
        reason: str,
        summary: Mapping[str, Any],
        checkpoints: Sequence[LoggedCheckpoint] = (),
    ) -> None:
        """Write how a trial ended into its run, and finish the run in the background.

        Args:
            checkpoints: those that are left of the trial and have not been logged.
        """
        if trial not in self.connection.open:  # it has waited, and was not to go on
            self.open(trial, {}, 0)
        run = self.connection.open[trial]
        for one in checkpoints:
            metadata = dict(one.metadata)
            run.call_in_background(partial(log_checkpoint, one.folder, metadata, one.aliases))
        checkpoint_of, best = self._checkpoint_of[trial], summary.get("best_epoch")
        if run.sent_again and best is not None and (checkpoint := checkpoint_of(best)) is not None:
            # It may be one of those that were sent again: only the trial's end says which it is.
            self._log_checkpoint(run, best, {}, checkpoint, True)
            if (last := checkpoint_of(run.logged)) is not None:  # which is the latest again
                self._log_checkpoint(run, run.logged, {}, last, run.logged == best)
        run.summarise({**summary, "state": state, "reason": reason})
        place = (str(summary.get(key) or "") for key in ("member", "machine"))
        run.run.tags = ended_tags(run.run.tags or (), state, *place)
        code = exit_code_of(state)
        del self.connection.open[trial], self._checkpoint_of[trial]
        self._finish(run, code)

    def summarise(self, results: SweepResults) -> None:
        """Log the run of the sweep itself."""
        config = {"sweep": self._settings.sweep}
        run = self.connection.open_run("summary", "summary", config, 0)
        _ask_no_type(run.run)
        try:
            run.run.log(_media(results))
            run.summarise(results.figures)
            if files := [path for path in results.files if path.is_file()]:
                run.call_in_background(partial(_log_review, files))
        finally:
            self._finish(run, 0)

    def remark(self, remarked: Remarked) -> None:
        """Write what people have noted about a trial into the notes of its run, which has ended."""
        if ended := self.connection.finishing.get(remarked.trial):
            ended.finished(self._settings.init_timeout_s)
        known = {"trial": remarked.trial, "sweep": self._settings.sweep}
        run = self.connection.open_run(remarked.trial, "trial", known, 0)
        run.run.notes = merged_notes(run.run.notes, remarked.text)
        self._finish(run, exit_code_of(remarked.state))

    def note_upload_command(self) -> None:
        """Note how to send what is only on disk."""
        folder = self._settings.folder
        if not self.connection.incomplete and not wandb_logs.unsent(folder):
            return
        if (folder / "trials").is_dir():
            how = command("sync", folder.name, _shown(folder.parent))
        else:
            how = command("sync", train=folder.name, results=_shown(folder.parents[1]))
        self._note(f"W&B: upload later with: {how}")

    def _finish(self, run: OpenRun, exit_code: int) -> None:
        """Finish a run in the background, and forget those that are finished."""
        ended = self.connection.finishing.items()
        self.connection.finishing = {name: run for name, run in ended if not run.finished(0)}
        self.connection.finishing[run.name] = run
        run.finish(exit_code)

    def _set_environ(self, name: str, value: str) -> None:
        self._environ[name] = os.environ.get(name)
        os.environ[name] = value


def _media(results: SweepResults) -> dict[str, Any]:
    """Convert tables and files into what the run of the sweep shows."""
    import wandb

    media: dict[str, Any] = {
        f"tables/{name}": wandb_table(table)
        for name, table in results.tables.items()
        if table.rows and table.columns
    }
    importances = media.get("tables/importances")
    if importances is not None and len(importances.columns) > 1:
        parameter, share = importances.columns[:2]
        media["importance"] = wandb.plot.bar(importances, parameter, share, title="Importance")
    return media | shown_files(results.files)


def _ask_no_type(run: wandb.Run) -> None:
    """Let wandb not ask the server, for as long as that is away, to find a wrong type early."""
    run._assert_can_log_artifact = lambda artifact: None  # type: ignore[method-assign]


def log_checkpoint(
    folder: Path, metadata: Mapping[str, Any], aliases: list[str], run: wandb.Run
) -> wandb.Artifact:
    """Log a checkpoint's folder as a version of the run's artifact; it arrives later."""
    import wandb

    name = checkpoints_name(run.id)
    artifact = wandb.Artifact(name, type="checkpoint", metadata=dict(metadata))
    # Immutable files are uploaded from where they lie; any other policy copies them.
    artifact.add_dir(str(folder), policy="immutable", skip_cache=True)
    _ask_no_type(run)
    return run.log_artifact(artifact, aliases=aliases)


def _log_review(files: Sequence[Path], run: wandb.Run) -> None:
    """Log the files that the sweep is reviewed by, together, as a version of an artifact."""
    import wandb

    artifact = wandb.Artifact(f"{REVIEW}{run.id}"[:NAME_LENGTH], type="review")
    for path in files:
        # Copied: a later review is written in the place of these.
        artifact.add_file(str(path), name=path.name, skip_cache=True)
    _ask_no_type(run)
    run.log_artifact(artifact)


def _shown(path: Path) -> str:
    """Return a path as a person would type it."""
    with contextlib.suppress(ValueError):
        return str(path.relative_to(Path.cwd()))
    return str(path)
