"""Run the drivers of queued sweeps as jobs of Ray, on the head's machine."""

from __future__ import annotations

import contextlib
import shlex
import sys
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

from cluster.service.queue import JobState, Queued
from sweeps import ROOT

if TYPE_CHECKING:
    from ray.job_submission import JobSubmissionClient

#: Seconds that a driver which is told to end may take until its trials are saved.
STOP_S = 600
#: Exit codes above are a shell's, of signals; this one is our own, of Ctrl-C.
_OF_SIGNALS = 130


class RayJobs:
    """Starts, follows and ends drivers through Ray's job server, which listens on loopback."""

    def __init__(self, address: str, head: str) -> None:
        """Connect when asked.

        Args:
            address: of the job server, such as http://127.0.0.1:40001.
            head: tells a head's jobs from those of the one before, which Ray still calls running.
        """
        self._address, self._head = address, f"sweep-{head}-"
        self._client: JobSubmissionClient | None = None

    def begin(self, queued: Queued) -> str:
        """Start a driver, and return its id; no override is on its command line, nor in Ray's."""
        words = [sys.executable, "-m", "cluster.service.run_queued", queued.sweep]
        entrypoint = f"cd {shlex.quote(str(ROOT))} && exec {shlex.join(words)}"
        with _as_os_error():
            return str(
                self._connected().submit_job(
                    entrypoint=entrypoint, submission_id=f"{self._head}{uuid.uuid4().hex[:12]}"
                )
            )

    def state(self, job: str) -> JobState:
        """Look up how a driver does; one that is not known was lost."""
        if not job.startswith(self._head):
            return JobState(alive=False)
        with _as_os_error():
            known = {info.submission_id: info for info in self._connected().list_jobs()}
        info = known.get(job)
        if info is None:
            return JobState(alive=False)
        return JobState(not info.status.is_terminal(), _own_exit_code(info.driver_exit_code))

    def stop(self, job: str) -> None:
        """Send a driver SIGTERM, at which it saves its trials and ends."""
        with _as_os_error():
            self._connected().stop_job(job)

    def _connected(self) -> JobSubmissionClient:
        if self._client is None:
            from ray.job_submission import JobSubmissionClient

            self._client = JobSubmissionClient(self._address)
        return self._client


def _own_exit_code(code: int | None) -> int | None:
    """Return the exit code that a driver gave itself; None if a signal has killed it."""
    return None if code is None or code < 0 or code > _OF_SIGNALS else code


@contextlib.contextmanager
def _as_os_error() -> Iterator[None]:
    """Make one kind of error of Ray's many."""
    try:
        yield
    except Exception as error:  # RuntimeError, ConnectionError and those of requests
        raise OSError(f"Ray's job server does not answer: {error}") from error
