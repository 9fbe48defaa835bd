"""The calls to wandb: one run a trial, one more for the sweep. Used from one thread only.

wandb-core, the process wandb starts, does the writing and uploading. It may be slow, unreachable
or killed at any moment, and wandb's own waits have no end, so each of them is bounded here.
"""

from __future__ import annotations

import contextlib
import netrc
import os
import re
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from sweeps.tracking.tracker import Table
from sweeps.tracking.wandb_media import wandb_histogram, wandb_table
from sweeps.tracking.wandb_open_run import OpenRun
from sweeps.tracking.wandb_process import Core
from trainers.errors import class_and_first_line
from trainers.files.histograms import Histogram

if TYPE_CHECKING:
    import wandb

RESTARTS = 3  # of wandb-core in one sweep; whatever kills it more often will do so again
FINISH_TIMEOUT_S = 3600.0  # of one ended run's uploads; `close` does not wait as long
FLUSH_S = 1.0  # between writes of wandb-core to its log: what a SIGKILL can lose
NOTICE_S = 0.2  # in which the death of wandb-core shows after a call has failed
TEARDOWN_S = 1.0  # kept back from the deadline for wandb-core to end
NAME_LENGTH = 128  # of a W&B artifact
EMPTY_LOG = 7  # bytes of the header of a run's .wandb file
STALE_S = 10.0  # after which an empty log is no run being opened by someone else
SUCCESS = ("complete", "stopped", "paused")
INTERRUPTED = 255  # the exit code wandb itself gives a run ended by Ctrl-C

Mode = Literal["online", "offline"]


@dataclass(frozen=True)
class Place:
    """Where the runs of a sweep go; the fields are arguments of `WandbTracker`."""

    sweep: str
    uid: str
    folder: Path
    project: str
    entity: str | None
    mode: str
    init_timeout_s: float

    def run_id(self, name: str) -> str:
        """The id of a trial's run: unique in a project, the same after a resume."""
        tail = f"-{self.uid}-{name}"
        sweep = self.sweep[: NAME_LENGTH - len("ckpt-") - len(tail)]
        return re.sub(r"[^A-Za-z0-9._-]", "-", sweep + tail)


class Runs:
    """The open runs of a sweep, inside `with`; `attempt` guards every call.

    Args:
        place: where the runs go.
        note: called with what a person should be told.
        stop: called with the trial whose run was asked to stop; on another thread.
    """

    def __init__(
        self, place: Place, note: Callable[[str], None], stop: Callable[[str], None]
    ) -> None:
        self.core = Core()
        self.deadline = float("inf")  # time.monotonic() at which to give up; set by `close`
        self._place = place
        self._note = note
        self._stop = stop
        self._mode: Mode = "offline"
        self._works = False
        self._restarts = 0
        self._open: dict[str, OpenRun] = {}
        self._finishing: dict[str, OpenRun] = {}
        self._kept = False  # some run is on disk and not, or not wholly, at W&B
        self._refusals: set[str] = set()
        self._environ: dict[str, str | None] = {}

    def __enter__(self) -> Runs:
        """Import wandb, start wandb-core and find out whether a key is known."""
        data = self._place.folder / "wandb"
        self._set_environ("WANDB_DATA_DIR", str(data / "data"))  # else they fill the home directory
        self._set_environ("WANDB_CACHE_DIR", str(data / "cache"))
        self._set_environ("WANDB_ERROR_REPORTING", "false")  # prints when it cannot report
        try:
            data.mkdir(parents=True, exist_ok=True)
            self.core.start()
            self._choose_mode()
            self._works = True
        except ImportError as error:
            self._note(f"W&B: not logging, wandb cannot be imported ({error}); run: make setup")
        except Exception as error:
            self._note(f"W&B: not logging, it cannot be started ({class_and_first_line(error)})")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish what is open and end wandb-core, until the deadline."""
        for trial in list(self._open):
            self.attempt(partial(Runs.end, trial=trial, state="interrupted", reason="", summary={}))
        until = self.deadline - TEARDOWN_S
        runs = list(self._finishing.values())
        late = [run for run in runs if not run.finished(until - time.monotonic())]
        if late and not self.core.killed:
            self._note(f"W&B: not wholly uploaded in time: {len(late)} run(s)")
        if left := [*late, *self._open.values()]:  # still open: wandb was given up or killed
            self._kept = True
            for run in left:
                run.abandon()
            self.core.kill()
            for run in left:  # else they would go on without the settings that teardown takes away
                run.finished(self.deadline - time.monotonic())
        self.core.teardown()
        for name, value in self._environ.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    def attempt(self, record: Callable[[Runs], None]) -> None:
        """Call `record`; a dead wandb-core is started again, any other error noted once."""
        for _ in range(2):
            if self.core.killed or not self._works:
                return
            try:
                if self.core.died():
                    self._restart()
                record(self)
                return
            except Exception as error:
                if not self._lost(error):
                    return

    def open(self, trial: str, config: Mapping[str, Any], reported: int) -> None:
        """Open the run of a trial, or go on with it, after the epoch `reported`."""
        if trial in self._open:
            self._open[trial].logged = max(self._open[trial].logged, reported)
            return
        if earlier := self._finishing.get(trial):  # its id is in use until it is finished
            earlier.finished(self._place.init_timeout_s)
        whole = {**config, "trial": trial, "sweep": self._place.sweep}
        self._open[trial] = self._opened(trial, "trial", whole, reported)

    def log(
        self,
        trial: str,
        epoch: int,
        metrics: Mapping[str, float],
        checkpoint: Path | None,
        best: bool,
        drawn: Mapping[str, Histogram],
    ) -> None:
        """Log an epoch unless it was logged before."""
        live = self._open.get(trial)
        if live is None or epoch <= live.logged:
            return
        live.log(epoch, metrics, best, {name: wandb_histogram(h) for name, h in drawn.items()})
        if checkpoint is not None:
            aliases = ["latest", f"epoch-{epoch}", *(["best"] if best else [])]
            about = {"epoch": epoch, **metrics}
            live.soon(partial(self._log_checkpoint, trial, checkpoint, about, aliases))

    def end(self, trial: str, state: str, reason: str, summary: Mapping[str, Any]) -> None:
        """Write how a trial ended into its run, and finish the run in the background."""
        if trial not in self._open:  # it has waited, and was not to go on
            self.open(trial, {}, 0)
        live = self._open[trial]
        live.summarise({**summary, "state": state, "reason": reason})
        if state == "stopped":
            live.run.tags = (*(live.run.tags or ()), "early-stopped")
        code = INTERRUPTED if state == "interrupted" else 0 if state in SUCCESS else 1
        ended = self._finishing.items()
        self._finishing = {name: run for name, run in ended if not run.finished(0)}
        self._finishing[trial] = self._open.pop(trial)
        live.finish(code)

    def summarise(self, summary: Mapping[str, Any], trials: Table, importances: Table) -> None:
        """Log the run of the sweep itself."""
        import wandb

        live = self._opened("summary", "summary", {"sweep": self._place.sweep}, 0)
        shown: dict[str, Any] = {"tables/trials": wandb_table(trials)}
        if importances.rows and len(importances.columns) > 1:
            parameter, share = importances.columns[:2]
            table = wandb_table(importances)
            shown["tables/importances"] = table
            shown["importance"] = wandb.plot.bar(table, parameter, share, title="Importance")
        live.run.log(shown)
        live.summarise(summary)
        self._finishing["summary"] = live
        live.finish(0)

    def farewell(self) -> None:
        """Say how to upload what is only on disk."""
        if not self._kept:
            return
        folder = self._place.folder / "wandb"
        for log in folder.glob("*run-2*/run-*.wandb"):
            # An empty log, left by a kill, would make `wandb sync` give up all the others.
            with contextlib.suppress(OSError):
                if log.stat().st_size <= EMPTY_LOG and time.time() - log.stat().st_mtime > STALE_S:
                    shutil.rmtree(log.parent)
        command = Path(sys.executable).with_name("wandb")
        wandb = _shown(command) if command.exists() else "wandb"
        runs = f"{shlex.quote(_shown(folder))}/*run-2*"
        self._note(f"W&B: upload later with: {wandb} sync --include-online {runs}")

    def _opened(self, name: str, job_type: str, config: dict[str, Any], logged: int) -> OpenRun:
        run = self._init(name, job_type, config)
        return OpenRun(run, name, job_type, config, logged, self._lost)

    def _init(self, name: str, job_type: str, config: Mapping[str, Any]) -> wandb.Run:
        """Open a run; if the server does not take it, offline, and all others with it."""
        try:
            return self._init_in(self._mode, name, job_type, config)
        except Exception as error:
            if self._mode == "offline" or self.core.died(NOTICE_S):
                raise
            self._leave_server(error)
            self._reopen()
            return self._init_in(self._mode, name, job_type, config)

    def _leave_server(self, error: Exception) -> None:
        self._mode = "offline"
        self._note(
            "W&B: offline from here on, the server did not take the run "
            f"({class_and_first_line(error)})"
        )
        if self._open:
            time.sleep(2 * FLUSH_S)  # what the open runs have logged gets to the disk

    def _reopen(self) -> None:
        """Start wandb-core again, and the open runs with it.

        Also the way to leave a server: the core keeps the id of a run that it could not open.
        """
        self._kept = True
        while True:
            for live in (*self._open.values(), *self._finishing.values()):
                live.let_go()
            self.core.start()
            try:
                for live in self._open.values():
                    live.replace(self._init_in(self._mode, live.name, live.job_type, live.config))
                return
            except Exception as error:
                if self._mode == "offline":
                    raise
                self._leave_server(error)

    def _init_in(
        self,
        mode: Literal["online", "offline"],
        name: str,
        job_type: str,
        config: Mapping[str, Any],
    ) -> wandb.Run:
        import wandb

        settings = wandb.Settings(
            silent=True,
            console="off",
            init_timeout=self._place.init_timeout_s,
            finish_timeout=FINISH_TIMEOUT_S,
            finish_timeout_raises=True,
            stop_fn=lambda: self._stop(name),  # else "Stop run" interrupts the driver
            x_transaction_log_flush_interval=FLUSH_S,  # all a SIGKILL can lose
            x_disable_stats=True,  # the driver's machine is not where the trials run
            x_disable_meta=True,  # holds the command line, and passwords given on it
            x_save_requirements=False,
            disable_git=True,
            disable_code=True,
            save_code=False,
        )
        run = wandb.init(
            dir=str(self._place.folder),
            project=self._place.project,
            entity=self._place.entity,
            id=self._place.run_id(name),
            name=name,
            group=self._place.sweep,
            job_type=job_type,
            config=dict(config),
            mode=mode,
            reinit="create_new",
            resume="allow",
            settings=settings,
        )
        if job_type == "trial":
            run.define_metric("epoch")
            run.define_metric("*", step_metric="epoch")
        if mode == "offline":
            self._kept = True
        elif run.project_url:
            self._note(f"W&B: {run.project_url}")
        return run

    def _log_checkpoint(
        self,
        trial: str,
        folder: Path,
        about: dict[str, Any],
        aliases: list[str],
        run: wandb.Run,
    ) -> None:
        import wandb

        name = f"ckpt-{self._place.run_id(trial)}"
        artifact = wandb.Artifact(name, type="checkpoint", metadata=about)
        # Immutable files are uploaded from where they lie; any other policy copies them.
        artifact.add_dir(str(folder), policy="immutable", skip_cache=True)
        run.log_artifact(artifact, aliases=aliases)

    def _choose_mode(self) -> None:
        import wandb

        wanted = self._place.mode
        if wanted == "offline" or (wanted == "auto" and os.environ.get("WANDB_MODE") == "offline"):
            return
        if _key_known(str(wandb.setup().settings.base_url)):
            self._mode = "online"
        else:
            self._note("W&B: offline, no API key is known")

    def _set_environ(self, name: str, value: str) -> None:
        self._environ[name] = os.environ.get(name)
        os.environ[name] = value

    def _lost(self, error: Exception) -> bool:
        """Whether a call failed because wandb-core died; else its error is noted, once a kind."""
        if self.core.died(NOTICE_S):
            self._kept = True
            return True
        kind = type(error).__name__
        if kind not in self._refusals and not self.core.killed:
            self._refusals.add(kind)
            self._note(f"W&B: a record could not be logged ({class_and_first_line(error)})")
        return False

    def _restart(self) -> None:
        """Start a wandb-core that died again, if it does not keep dying."""
        if self._restarts == RESTARTS:
            self._works = False
            self._note("W&B: wandb-core keeps dying; no longer logging")
            return
        self._restarts += 1
        self._note("W&B: wandb-core died and was started again; a second of logs may be missing")
        self._reopen()


def _key_known(base_url: str) -> bool:
    """Whether there is a W&B key in the environment or in the file `wandb login` writes."""
    if os.environ.get("WANDB_API_KEY") or os.environ.get("WANDB_IDENTITY_TOKEN_FILE"):
        return True
    host = urlsplit(base_url).netloc
    with contextlib.suppress(OSError, netrc.NetrcParseError):
        return netrc.netrc(os.environ.get("NETRC")).authenticators(host) is not None
    return False


def _shown(path: Path) -> str:
    """A path as a person would type it."""
    with contextlib.suppress(ValueError):
        return str(path.relative_to(Path.cwd()))
    return str(path)
