"""Reach W&B: wandb-core and the server, and what to do when one of them is away.

wandb-core, the process wandb starts, does the writing and uploading. It may be slow, unreachable
or killed at any moment, and wandb's own waits have no end, so each of them is bounded here.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sweeps.tracking import wandb_sweep
from sweeps.tracking.run_id import run_id
from sweeps.tracking.run_tags import opening_tags
from sweeps.tracking.tracker import DIFFERS, Varied
from sweeps.tracking.wandb_open_run import OpenRun
from sweeps.tracking.wandb_process import Core
from trainers.errors import class_and_first_line

if TYPE_CHECKING:
    import wandb

RESTARTS = 3  # of wandb-core in one sweep; whatever kills it more often will do so again
FINISH_TIMEOUT_S = 3600.0  # of one ended run's uploads; `close` does not wait as long
FLUSH_S = 1.0  # between writes of wandb-core to its log: what a SIGKILL can lose
NOTICE_S = 0.2  # in which the death of wandb-core shows after a call has failed

Mode = Literal["online", "offline"]


@dataclass(frozen=True)
class WandbSettings:
    """Names where the runs of a sweep go; most fields are arguments of `WandbTracker`."""

    sweep: str
    uid: str
    folder: Path
    project: str
    entity: str | None
    mode: str
    init_timeout_s: float
    attach: bool = False  # to a W&B sweep
    without_server: bool = True  # go on offline where the server does not take a run


class Connection:
    """Opens the runs of a sweep at W&B, or on disk while the server is away.

    Attributes:
        core: the process that writes and uploads.
        works: whether calls are made at all: wandb is installed, and its core stays alive.
        incomplete: whether some run is on disk and not, or not wholly, at W&B.
        project_url: where the runs are shown; empty until one was online.
        open: name -> a run that is logged to; opened again after its core or server was lost.
        finishing: name -> an ended run whose uploads go on.

    Args:
        settings: where the runs go.
        note: called with a message for the person.
        stop: called with the trial whose run was asked to stop; on another thread.
        reopened: called with each run that was opened again, as its core or server was lost.
    """

    def __init__(
        self,
        settings: WandbSettings,
        note: Callable[[str], None],
        stop: Callable[[str], None],
        reopened: Callable[[OpenRun], None],
    ) -> None:
        self.core = Core()
        self.works = False
        self.incomplete = False
        self.project_url = ""
        self.open: dict[str, OpenRun] = {}
        self.finishing: dict[str, OpenRun] = {}
        self._settings = settings
        self._note = note
        self._stop = stop
        self._reopened = reopened
        self._mode: Mode = "offline"
        self._restarts = 0
        self._noted_errors: set[str] = set()  # names of their classes
        self._sweep_id: str | None = None  # W&B's, of the trials' runs

    def start(self) -> None:
        """Import wandb, start wandb-core and find out whether a key is known."""
        try:
            (self._settings.folder / "wandb").mkdir(parents=True, exist_ok=True)
            self.core.start()
            if self._goes_online():
                self._mode = "online"
            self.works = True
        except ImportError as error:
            self._note(f"W&B: not logging, wandb cannot be imported ({error}); run: make setup")
        except Exception as error:
            self._note(f"W&B: not logging, it cannot be started ({class_and_first_line(error)})")

    def attach(self, varied: Varied) -> None:
        """Attach the runs that are opened from now on to a W&B sweep, if that is asked for."""
        settings = self._settings
        if not settings.attach or not self.works:
            return
        if self._mode == "offline":
            self._note(
                "W&B: track.sweep=true needs the server: offline, the runs belong to no W&B sweep"
            )
            return
        try:
            self._sweep_id = wandb_sweep.attached(
                settings.folder / "wandb" / "sweep.json",
                settings.project,
                settings.entity,
                settings.sweep,
                varied,
                settings.init_timeout_s,
            )
        except Exception as error:
            if self.core.died(NOTICE_S):
                raise
            self._note(
                "W&B: the runs belong to no W&B sweep, the server did not take it "
                f"({class_and_first_line(error)})"
            )

    def attempt(self, call: Callable[[], None]) -> None:
        """Make a call; a dead wandb-core is started again, any other error noted once."""
        for _ in range(2):
            if self.core.killed or not self.works:
                return
            try:
                if self.core.died():
                    self._restart()
                call()
                return
            except Exception as error:
                if not self._core_was_lost(error):
                    return

    def open_run(self, name: str, job_type: str, config: Mapping[str, Any], logged: int) -> OpenRun:
        """Open a run, or reopen one of an earlier session.

        Args:
            name: the trial's id, or `summary`.
            job_type: trial or summary.
            logged: the last epoch known to be in W&B.
        """
        run = self._init(name, job_type, config)
        return OpenRun(run, name, job_type, config, logged, self._core_was_lost)

    def _init(self, name: str, job_type: str, config: Mapping[str, Any]) -> wandb.Run:
        """Open a run; if the server does not take it, offline, and all others with it."""
        try:
            return self._init_in(self._mode, name, job_type, config)
        except Exception as error:
            stays = self._mode == "offline" or not self._settings.without_server
            if stays or self.core.died(NOTICE_S):
                raise
            self._leave_server(error)
            self._reopen()
            return self._init_in(self._mode, name, job_type, config)

    def _leave_server(self, error: Exception) -> None:
        """Open all further runs offline."""
        self._mode = "offline"
        self._note(
            "W&B: offline from here on, the server did not take the run "
            f"({class_and_first_line(error)})"
        )
        if self.open:
            time.sleep(2 * FLUSH_S)  # what the open runs have logged gets to the disk

    def _reopen(self) -> None:
        """Start wandb-core again, and the open runs with it.

        Also the way to leave a server: the core keeps the id of a run that it could not open.
        """
        self.incomplete = True
        while True:
            for run in (*self.open.values(), *self.finishing.values()):
                run.stop_status_checks()
            self.core.start()
            try:
                for run in self.open.values():
                    run.replace(self._init_in(self._mode, run.name, run.job_type, run.config))
                    self._reopened(run)
                return
            except Exception as error:
                if self._mode == "offline" or not self._settings.without_server:
                    raise
                self._leave_server(error)

    def _init_in(
        self, mode: Mode, name: str, job_type: str, config: Mapping[str, Any]
    ) -> wandb.Run:
        import wandb

        settings = self._settings
        run = wandb.init(
            dir=str(settings.folder),
            project=settings.project,
            entity=settings.entity,
            id=run_id(settings.sweep, settings.uid, name),
            name=_title(name, job_type, config),
            group=settings.sweep,
            job_type=job_type,
            config=dict(config),
            mode=mode,
            reinit="create_new",
            resume="allow",
            settings=wandb.Settings(
                silent=True,
                console="off",
                init_timeout=settings.init_timeout_s,
                sweep_id=self._sweep_id if job_type == "trial" and mode == "online" else None,
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
            ),
        )
        # A run that goes on may have tags of a person's.
        tags = (*(run.tags or ()), *opening_tags(config, settings.folder))
        if tags:
            run.tags = tuple(dict.fromkeys(tags))
        if job_type == "trial":
            run.define_metric("epoch")
            run.define_metric("*", step_metric="epoch")
        if mode == "offline":
            self.incomplete = True
        elif run.project_url:
            self.project_url = run.project_url
            self._note(f"W&B: {run.project_url}")
        return run

    def _goes_online(self) -> bool:
        """Whether the runs go to a server: not if offline is asked for, or without a key."""
        import wandb

        mode = self._settings.mode
        if mode == "offline" or (mode == "auto" and os.environ.get("WANDB_MODE") == "offline"):
            return False
        if has_key(str(wandb.setup().settings.base_url)):
            return True
        self._note("W&B: offline, no API key is known")
        return False

    def _core_was_lost(self, error: Exception) -> bool:
        """Whether a call failed because wandb-core died; else note its error, once a class."""
        if self.core.died(NOTICE_S):
            self.incomplete = True
            return True
        kind = type(error).__name__
        if kind not in self._noted_errors and not self.core.killed:
            self._noted_errors.add(kind)
            self._note(f"W&B: a record could not be logged ({class_and_first_line(error)})")
        return False

    def _restart(self) -> None:
        """Start a wandb-core that died again, if it does not keep dying."""
        if self._restarts == RESTARTS:
            self.works = False
            self._note("W&B: wandb-core keeps dying; no longer logging")
            return
        self._restarts += 1
        if not self.core.was_stopped():  # then the sweep is, which a person has asked for
            self._note("W&B: wandb-core died and was started again")
        self._reopen()


def _title(name: str, job_type: str, config: Mapping[str, Any]) -> str | None:
    """Name a run as it is shown: the trial's id, and in what it is not the baseline.

    None where nothing is known of the trial: a run that goes on keeps its name.
    """
    if job_type == "trial" and not config.keys() - {"trial", "sweep"}:
        return None
    return " ".join(filter(None, (name, config.get(DIFFERS))))


def has_key(base_url: str) -> bool:
    """Whether wandb has a key for a server: in the environment, or as `wandb login` keeps it.

    Only wandb knows where that is: a key of api.wandb.ai, as it was once called, is one of
    api.forge.coreweave.com.
    """
    if os.environ.get("WANDB_API_KEY") or os.environ.get("WANDB_IDENTITY_TOKEN_FILE"):
        return True
    import wandb
    from wandb.errors import AuthenticationError
    from wandb.sdk.lib.wbauth.wbnetrc import read_netrc_auth

    if wandb.setup().settings.api_key:
        return True
    try:
        return read_netrc_auth(host=base_url) is not None
    except AuthenticationError:  # there is one, in no form that a key has: wandb says so
        return True
