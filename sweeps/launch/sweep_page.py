"""Write a sweep's report.html at its end, and now and then while it runs.

While it runs a process of its own makes the page, below all others in priority: neither the
driver nor a trial waits for it, and it ends with the driver.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sweeps import ROOT
from sweeps.cli import doing
from sweeps.findings.finding import Findings
from sweeps.page import report_file
from sweeps.page.problems import problem
from sweeps.page.reviewed import Reviewed
from sweeps.report import summary_run
from sweeps.results_folder import Folder
from sweeps.tracking import SweepResults

#: Share of the time of a sweep that its pages may take, in seconds of one CPU.
SHARE = 0.02
#: Seconds of a CPU that a page is taken to need before one has been made.
_EXPECTED_S = 3.0
#: Seconds until the first page of a running sweep.
FIRST_S = _EXPECTED_S / SHARE

_COMMAND = ("nice", "-n", "19", sys.executable, "-m", "sweeps.page.background_page")
#: Libraries would otherwise compute on every CPU at once.
_ONE_CPU = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


@dataclass(frozen=True)
class WrittenReview:
    """Holds the review of a sweep that has ended, and where it is.

    Attributes:
        findings: empty if they could not be made.
        shown: what a tracker shows of the sweep; None if some of it could not be made.
        paths: what -> where it is.
        problems: a line for each part that could not be made.
    """

    findings: Findings
    shown: SweepResults | None
    paths: Mapping[str, str]
    problems: Sequence[str] = ()


def write_at_end(folder: Folder) -> WrittenReview:
    """Write the page and the sheet of a sweep that has ended, whose results are written already."""
    try:
        with doing("computing the findings, and making report.html and sheet.xlsx"):
            reviewed = report_file.review(folder)
            page = report_file.write([reviewed])
    except Exception as error:  # a sweep does not fail by what only shows it
        return WrittenReview(Findings(()), None, {}, (problem("report.html", error, folder),))
    shown = reviewed.attempt("what W&B shows of the sweep", lambda: _shown(reviewed), None)
    return WrittenReview(
        reviewed.findings or Findings(()),
        shown,
        {"the report": str(page), "the sheet": str(folder.path / "sheet.xlsx")},
        reviewed.problems,
    )


def _shown(reviewed: Reviewed) -> SweepResults | None:
    """Return what a tracker shows; None if there is not all of it: `make sync` sends it later."""
    if reviewed.findings is None or reviewed.sheet is None:
        return None
    return summary_run.results(reviewed.sweep, reviewed.findings, reviewed.sheet)


@contextlib.contextmanager
def refreshed(
    folder: Folder,
    command: Sequence[str] = _COMMAND,
    first_s: float = FIRST_S,
    share: float = SHARE,
) -> Iterator[None]:
    """Have the page of a sweep made again and again within a `with` block.

    Args:
        command: makes it; gets the folder as its last word, ends when its input does, and prints
            the seconds of a CPU that it took.
        first_s: seconds until the first.
        share: of the time that goes by, what the processes may take.
    """
    refresh = _Refresh([*command, str(folder.path.resolve())], first_s, share)
    thread = threading.Thread(target=refresh.run, name="page", daemon=True)
    thread.start()
    try:
        yield
    finally:
        refresh.end()
        thread.join()
        for cut in folder.path.glob(f".tmp_{report_file.NAME}_*"):
            cut.unlink(missing_ok=True)


class _Refresh:
    """Starts one process after the other, as seldom as it must be for their share of the time."""

    def __init__(self, command: Sequence[str], first_s: float, share: float) -> None:
        self._command = command
        self._first_s, self._share = first_s, share
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def run(self) -> None:
        """Make pages until it is over."""
        pause = self._first_s
        while not self._over.wait(pause):
            pause = self._took() / self._share

    def end(self) -> None:
        """Make no more pages; end the process that runs, if one does."""
        with self._lock:
            self._over.set()
            if self._process is not None:
                self._process.kill()

    def _took(self) -> float:
        """Make a page; returns the seconds of a CPU that it took."""
        began = time.monotonic()
        with self._lock:
            if self._over.is_set():
                return 0.0
            try:
                self._process = self._started()
            except OSError:  # no memory for it now
                return _EXPECTED_S
        with self._process as process:
            assert process.stdout is not None
            told = process.stdout.read()
        try:
            return float(told)
        except ValueError:  # it failed, or was ended
            return time.monotonic() - began

    def _started(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self._command,
            cwd=ROOT,
            env={**os.environ, **_ONE_CPU},
            stdin=subprocess.PIPE,  # ends with this process, however that ends
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,  # Ctrl-C is for the driver
        )
