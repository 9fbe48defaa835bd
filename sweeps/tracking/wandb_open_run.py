"""Log to an open W&B run, its slow calls in a thread of their own."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeps.tracking import wandb_logs
from sweeps.tracking.tracker import LOAD

if TYPE_CHECKING:
    import wandb

REOPEN_S = 30.0  # a slow call waits for another run after its own was lost with wandb-core


class OpenRun:
    """Logs to a run, and makes the calls that wait for the server in a daemon thread.

    Logging an artifact asks the server, and finishing a run waits for its uploads. With a thread
    for each run, neither holds up the metrics of any.

    Args:
        run: the run; `replace` gives another one under the same id.
        config: what the run was opened with.
        logged: the last epoch known to be in W&B.
        core_was_lost: called with the error of a slow call; says whether wandb-core was lost.
    """

    def __init__(
        self,
        run: wandb.Run,
        name: str,
        job_type: str,
        config: Mapping[str, Any],
        logged: int,
        core_was_lost: Callable[[Exception], bool],
    ) -> None:
        self.run = run
        self.name = name
        self.job_type = job_type
        self.config = config
        self.logged = logged
        self.sent_again = False  # whether epochs were, without a word which of them is the best
        self._summary: dict[str, Any] = {}
        self._core_was_lost = core_was_lost
        self._calls: queue.SimpleQueue[Callable[[wandb.Run], object] | None] = queue.SimpleQueue()
        self._replaced = threading.Event()
        self._ending = False
        self._abandoned = False
        self._thread = threading.Thread(target=self._work, name=f"wandb-{name}", daemon=True)
        self._thread.start()

    def log(
        self, epoch: int, metrics: Mapping[str, float], best: bool, media: Mapping[str, Any]
    ) -> None:
        """Log an epoch; of the best one the summary keeps `best_epoch` and `best_<metric>`."""
        self.run.log({"epoch": epoch, **metrics, **media})
        self.logged = epoch
        self._summary.update({"epoch": epoch, **metrics})
        if best:
            best_metrics = {
                f"best_{name}": value
                for name, value in metrics.items()
                if not name.startswith(LOAD)
            }
            self.summarise({"best_epoch": epoch, **best_metrics})

    def summarise(self, summary: Mapping[str, Any]) -> None:
        """Write into the summary of the run, and of a run that replaces the run."""
        self._summary.update(summary)
        self.run.summary.update(dict(summary))

    def call_in_background(self, call: Callable[[wandb.Run], object]) -> None:
        """Make a slow call after those before; once more if the run is replaced meanwhile."""
        self._calls.put(call)

    def replace(self, run: wandb.Run) -> None:
        """Go on with another run, after wandb-core and the first were lost."""
        replaced, self._replaced = self._replaced, threading.Event()
        self.run = run
        run.summary.update(self._summary)
        replaced.set()

    def finish(self, exit_code: int) -> None:
        """Finish the run after its slow calls."""
        self._ending = True

        def finish(run: wandb.Run) -> None:
            log, online = Path(run.dir).with_name(f"run-{run.id}.wandb"), not run.offline
            try:
                run.finish(exit_code=exit_code)
            except Exception:
                self.stop_status_checks()  # which wandb has left at work
                raise
            wandb_logs.mark(log, sent=online)

        self._calls.put(finish)
        self._calls.put(None)

    def finished(self, timeout_s: float) -> bool:
        """Whether the run has been finished, waiting up to `timeout_s` seconds for it, or inf."""
        self._thread.join(min(max(0.0, timeout_s), threading.TIMEOUT_MAX))
        return not self._thread.is_alive()

    def stop_status_checks(self) -> None:
        """Stop wandb's own thread for this run: it prints a traceback when wandb-core dies."""
        with contextlib.suppress(Exception):
            self.run._run_status_checker.stop()  # type: ignore[union-attr]

    def abandon(self) -> None:
        """Make none of the slow calls that are left; one in progress ends with wandb-core."""
        self.stop_status_checks()
        self._abandoned = self._ending = True
        self._replaced.set()
        self._calls.put(None)

    def _work(self) -> None:
        while (call := self._calls.get()) is not None and not self._abandoned:
            replaced = self._replaced
            try:
                call(self.run)
            except Exception as error:
                # A run that is ending is not opened again: what it has written is on disk.
                lost = self._core_was_lost(error)
                if lost and not self._ending and replaced.wait(REOPEN_S):
                    if self._abandoned:
                        return
                    try:
                        call(self.run)
                    except Exception as second:
                        self._core_was_lost(second)
