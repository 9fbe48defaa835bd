"""Show a sweep in Weights & Biases: a daemon thread logs records from a queue."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from sweeps.redaction import redacted, redacted_text
from sweeps.tracking import wandb_logs
from sweeps.tracking.kept_checkpoints import KeptCheckpoints
from sweeps.tracking.run_id import run_id
from sweeps.tracking.tracker import SweepResults, Varied
from sweeps.tracking.wandb_connection import WandbSettings
from sweeps.tracking.wandb_runs import Runs
from trainers.config.hydra_grammar import written
from trainers.files import history
from trainers.files.histograms import load

QUEUE_RECORDS = 100_000  # bounds the driver's memory while W&B hangs; a sweep never gets near it
STOP_GRACE_S = 2.0  # for the thread to end once wandb-core has been killed


class WandbTracker:
    """Shows each trial as one W&B run, in the group named after the sweep.

    The runs are online when a key is known, else kept in `<folder>/wandb` to be uploaded later.
    Losing W&B never stops, slows or fails the sweep: a call only puts a record on a queue.

    Args:
        name: the sweep's name, the group of its runs.
        uid: random id of the study, the same after a resume; keeps run ids apart in a project.
        folder: the sweep's folder (`results/<sweep>`).
        project: W&B project.
        entity: W&B user or team; None for the key's default.
        mode: auto (online when a key is known), online or offline. `WANDB_MODE=disabled`
            in the environment turns W&B off whatever the mode.
        checkpoints: which checkpoint folders become versions of the trial's artifact: all that are
            kept, the best, or none. Each epoch's does as it comes where all are kept; else those
            that are left once the trial has ended, as others would be gone before they are
            uploaded. Records of older versions have true or false.
        histograms: log those of weights and gradients that the trial has kept (`histograms=true`).
        sweep: make a W&B sweep of it, too, whose page shows the runs; needs the server.
        init_timeout_s: seconds a server may take to accept a run.
        close_timeout_s: seconds `close` waits at most for what is left.
        warn_gb: looked at before the sweep begins (`sweeps.checked.volume`), and not here.

    Raises:
        ValueError: `mode` or `checkpoints` is none of the three, or a time is not above 0.
    """

    def __init__(
        self,
        name: str,
        uid: str,
        folder: str | Path,
        project: str = "caviar",
        entity: str | None = None,
        mode: str = "auto",
        checkpoints: str | bool = "all",
        histograms: bool = True,
        sweep: bool = False,
        init_timeout_s: float = 20.0,
        close_timeout_s: float = 60.0,
        warn_gb: float = 5.0,
    ) -> None:
        if mode not in ("auto", "online", "offline"):
            raise ValueError(
                f"track.mode must be auto, online or offline, not {written(mode)}; "
                "to log nothing, set track=none."
            )
        if checkpoints not in (True, False, "all", "best", "none"):
            raise ValueError(
                f"track.checkpoints must be all, best or none, not {written(checkpoints)}"
            )
        for key, seconds in (
            ("init_timeout_s", init_timeout_s),
            ("close_timeout_s", close_timeout_s),
        ):
            if not seconds > 0:
                raise ValueError(f"track.{key} must be above 0, not {seconds}")
        self._notes: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._noted: set[str] = set()
        self._name, self._uid = name, uid
        self._folder = Path(folder).absolute()
        self._running: set[str] = set()
        self._stops: set[str] = set()
        self._records: queue.Queue[Callable[[Runs], None] | None] = queue.Queue(QUEUE_RECORDS)
        self._dropped = 0
        self._closed = False
        self._close_timeout_s = close_timeout_s
        older = {"True": "all", "False": "none"}
        self._checkpoints = older.get(str(checkpoints), str(checkpoints))
        self._some_go: set[str] = set()  # trials of which not every checkpoint stays
        self._kept: dict[str, KeptCheckpoints] = {}
        self._histograms = histograms
        self._runs = Runs(
            WandbSettings(name, uid, self._folder, project, entity, mode, init_timeout_s, sweep),
            note=self._note,
            stop=self._stops.add,
        )
        self._thread = threading.Thread(target=self._work, name="wandb", daemon=True)
        if os.environ.get("WANDB_MODE") == "disabled":
            self._closed = True
            self._note("W&B: off (WANDB_MODE=disabled)")
        else:
            self._thread.start()

    def sweep_started(self, varied: Varied) -> None:
        """Attach the runs to a W&B sweep, if that is asked for."""
        self._put(lambda runs: runs.attach(varied))

    def trial_started(self, trial: str, config: Mapping[str, Any], reported: int) -> None:
        """Open a trial's run; its epochs up to `reported` were logged before."""
        clean = redacted(config)
        self._running.add(trial)
        if (config.get("checkpoint") or {}).get("keep", "all") != "all":
            self._some_go.add(trial)
        if reported and self._checkpoints != "none" and not self._as_it_comes(trial):
            place = self._folder / "trials" / trial
            kept = self._kept.setdefault(trial, KeptCheckpoints(place))
            for epoch, row in history.read(place / "metrics.csv").items():
                kept.note(epoch, row, best=False)
        self._put(lambda runs: runs.open(trial, clean, reported, self._checkpoint_of(trial)))

    def epoch(
        self,
        trial: str,
        epoch: int,
        metrics: Mapping[str, float],
        checkpoint: Path | None,
        best: bool,
    ) -> None:
        """Log one epoch, and its checkpoint folder as a version of the trial's artifact.

        With `histograms`, those that were saved beside the checkpoint too.
        """
        copy = dict(metrics)
        path = Path(checkpoint).absolute() if checkpoint else None
        if path is not None and self._checkpoints != "none" and not self._as_it_comes(trial):
            self._kept.setdefault(trial, KeptCheckpoints(path.parent)).note(epoch, copy, best)
        path = path if self._as_it_comes(trial) else None
        histograms = load(checkpoint.parent, epoch) if checkpoint and self._histograms else {}
        self._put(lambda runs: runs.log(trial, epoch, copy, path, best, histograms))

    def trial_ended(self, trial: str, state: str, reason: str, summary: Mapping[str, Any]) -> None:
        """Close a trial's run: exit code 0 when complete or stopped, else 1."""
        clean = redacted(summary)
        self._running.discard(trial)
        self._stops.discard(trial)
        kept = self._kept.pop(trial, None)
        if kept is not None and "best_epoch" in clean:
            kept.best = clean["best_epoch"]
        left = [] if kept is None else kept.left(only_best=self._checkpoints == "best")
        self._put(lambda runs: runs.end(trial, state, redacted_text(reason), clean, left))

    def lacking(self, ended: Collection[str]) -> set[str]:
        """Return the trials of whose runs there is no log on disk, or one that was cut short."""
        if self._closed:
            return set()
        whole = wandb_logs.whole(self._folder)
        return {one for one in ended if run_id(self._name, self._uid, one) not in whole}

    def sweep_ended(self, results: SweepResults) -> None:
        """Log the summary run: figures, tables, a bar chart of the importances, whole files."""
        clean = replace(results, figures=redacted(results.figures))
        self._put(lambda runs: runs.summarise(clean))
        for remarked in results.remarks:
            self._put(partial(Runs.remark, remarked=remarked))

    def stop_requests(self) -> set[str]:
        """Return the trials whose "Stop run" was pressed in W&B, until they have ended."""
        return self._stops & self._running

    def project_url(self) -> str:
        """Return the address of the project, once a run of this session was online."""
        return self._runs.connection.project_url

    def notes(self) -> list[str]:
        """Return the messages for the person since the last call, each once."""
        return [self._notes.get_nowait() for _ in range(self._notes.qsize())]

    def close(self) -> None:
        """Log the records that are left; after `close_timeout_s` give up, and note how many."""
        if self._closed:
            return
        self._closed = True
        core = self._runs.connection.core
        deadline = time.monotonic() + self._close_timeout_s
        self._runs.deadline = deadline
        try:
            self._records.put_nowait(None)
        except queue.Full:
            core.kill()
        self._thread.join(max(0.0, deadline - time.monotonic()))
        left = self._records.qsize() + self._dropped
        if self._thread.is_alive():
            # A thread still waiting for wandb-core is freed by its death; without it, the
            # interpreter's own exit would wait for the uploads that were given up here.
            core.kill()
            self._thread.join(STOP_GRACE_S)
            core.teardown()
        if left:
            self._runs.connection.incomplete = True
            self._note(
                f"W&B: {left} records were not handed over in {self._close_timeout_s:g} s "
                "and are in the study only"
            )
        self._runs.note_upload_command()

    def _checkpoint_of(self, trial: str) -> Callable[[int], Path | None]:
        """Return a function that finds the checkpoint of an epoch that is logged as it comes."""

        def find(epoch: int) -> Path | None:
            path = self._folder / "trials" / trial / f"epoch_{epoch:03d}"
            return path if self._as_it_comes(trial) and path.is_dir() else None

        return find

    def _as_it_comes(self, trial: str) -> bool:
        """Whether each checkpoint of a trial is logged with its epoch."""
        return self._checkpoints == "all" and trial not in self._some_go

    def _put(self, record: Callable[[Runs], None]) -> None:
        if self._closed:
            return
        try:
            self._records.put_nowait(record)
        except queue.Full:
            self._dropped += 1

    def _note(self, text: str) -> None:
        if text not in self._noted:
            self._noted.add(text)
            self._notes.put(redacted_text(text))

    def _work(self) -> None:
        """Make every call to wandb, from its import to its teardown; the thread's target."""
        with self._runs:
            while (record := self._records.get()) is not None:
                self._runs.attempt(record)
