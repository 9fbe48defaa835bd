"""An open W&B run and the lane of its slow calls."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import wandb

REOPEN_S = 30.0  # a slow call waits for another run after its own was lost with wandb-core


class OpenRun:
    """A run, and a daemon thread for the calls to it that wait for the server.

    Logging an artifact asks the server and finishing a run waits for its uploads. On a thread
    for each run, neither holds up the metrics of any.

    Args:
        run: the run; `replace` gives another one under the same id.
        config: what it was opened with.
        logged: the last epoch known to be in W&B.
        failed: called with the error of a slow call; says whether the run was lost with its core.
    """

    def __init__(
        self,
        run: wandb.Run,
        name: str,
        job_type: str,
        config: Mapping[str, Any],
        logged: int,
        failed: Callable[[Exception], bool],
    ) -> None:
        self.run = run
        self.name = name
        self.job_type = job_type
        self.config = config
        self.logged = logged
        self._failed = failed
        self._calls: queue.SimpleQueue[Callable[[wandb.Run], None] | None] = queue.SimpleQueue()
        self._replaced = threading.Event()
        self._ending = False
        self._thread = threading.Thread(target=self._work, name=f"wandb-{name}", daemon=True)
        self._thread.start()

    def soon(self, call: Callable[[wandb.Run], None]) -> None:
        """Make a slow call after those before it; once more if the run is replaced meanwhile."""
        self._calls.put(call)

    def replace(self, run: wandb.Run) -> None:
        """Go on with another run, after wandb-core and the first were lost."""
        replaced, self._replaced = self._replaced, threading.Event()
        self.run = run
        replaced.set()

    def finish(self, exit_code: int) -> None:
        """Finish the run after its slow calls."""
        self._ending = True
        self._calls.put(lambda run: run.finish(exit_code=exit_code))
        self._calls.put(None)

    def finished(self, timeout_s: float) -> bool:
        """Whether the run has been finished, waiting up to `timeout_s` seconds for it."""
        self._thread.join(max(0.0, timeout_s))
        return not self._thread.is_alive()

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            replaced = self._replaced
            try:
                call(self.run)
            except Exception as error:
                # A run that is ending is not opened again: what it has written is on disk.
                lost = self._failed(error)
                if lost and not self._ending and replaced.wait(REOPEN_S):
                    try:
                        call(self.run)
                    except Exception as again:
                        self._failed(again)
