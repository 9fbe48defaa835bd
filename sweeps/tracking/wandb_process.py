"""Start wandb-core silently and kill it at will: the process that writes and uploads."""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sweeps.private_folder import folder_of_process

REAP_S = 1.0  # for a core that has ended or was killed to be gone
_STOPPED = 128  # exit code of a core that SIGTERM or SIGINT has ended


def scratch() -> Path:
    """Return this process's folder for files of wandb that nobody needs after it.

    Raises:
        ConfigError: it can be made nowhere.
    """
    return folder_of_process("caviar-wandb-")


class Core:
    """Runs the one wandb-core of this process; only `died` and `kill` are for other threads.

    Until the teardown the temporary files of this process are in `scratch`: a process that is
    killed leaves those of wandb, which nothing else would ever remove.

    wandb itself waits for its core without end, so it must be possible to kill it: what waits
    then gets an exception.
    """

    def __init__(self) -> None:
        self.killed = False
        self._process: subprocess.Popen[bytes] | None = None
        self._before: list[str | None] = []  # where temporary files were; empty: they still are

    def start(self) -> None:
        """Import wandb and start wandb-core, in place of the one before.

        Raises:
            ImportError: wandb is not installed.
            RuntimeError: `kill` was called.
            Exception: whatever wandb raises when its core does not start.
        """
        if not self._before:  # wandb makes folders as it is imported, and later ones
            self._before.append(tempfile.tempdir)
            tempfile.tempdir = str(scratch())
        import wandb
        from wandb.sdk.lib.service import service_process

        # wandb logs what it does, which the driver's handlers would print; it has files for that.
        logger = logging.getLogger("wandb")
        logger.propagate = False
        logger.addHandler(logging.NullHandler())
        if self._process:
            self._process.kill()
            self._reap()
        if self.killed:
            raise RuntimeError("wandb-core was killed")

        def quiet(*args: Any, **options: Any) -> subprocess.Popen[bytes]:
            own: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            own["env"] = {**os.environ, "TMPDIR": str(scratch())}  # a killed core leaves a folder
            self._process = subprocess.Popen(*args, **{**options, **own})
            return self._process

        # The core inherits the terminal, and a panic of it would be printed there. wandb has no
        # setting for that; only its own name for the module is replaced, only for this call.
        module: Any = service_process
        original = module.subprocess
        module.subprocess = SimpleNamespace(Popen=quiet, DEVNULL=subprocess.DEVNULL)
        try:
            wandb.setup(settings=wandb.Settings(silent=True))
        finally:
            module.subprocess = original
            # Children of the driver that use wandb must start a core of their own.
            os.environ.pop("WANDB_SERVICE", None)

    def died(self, within_s: float = 0.0) -> bool:
        """Whether wandb-core has died, or does within a time in which its death is noticed."""
        if self._process is None:
            return False
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(within_s)
        return self._process.poll() is not None

    def was_stopped(self) -> bool:
        """Whether a signal has ended wandb-core, as Ray sends one to all of a stopped job."""
        return self._process is not None and self._process.poll() == _STOPPED

    def kill(self) -> None:
        """Kill wandb-core, for good; what it has written stays on disk."""
        self.killed = True
        if self._process:
            self._process.kill()

    def teardown(self) -> None:
        """Let wandb end and forget wandb-core; otherwise wandb complains at exit."""
        if self._before:
            tempfile.tempdir = self._before.pop()
        self._reap()

    def _reap(self) -> None:
        if self._process is None:
            return
        import wandb

        # After a core that was killed wandb raises, or calls sys.exit with the core's status.
        with contextlib.suppress(Exception, SystemExit):
            wandb.teardown()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(REAP_S)
