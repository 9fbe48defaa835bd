"""What a process takes is seen as it is, between two moments."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from sweeps.bench.cluster.usage import ProcessUsage, UsageWatch, processes_of
from tests.sweeps.waiting import until


def test_only_what_lies_between_counts() -> None:
    usage = ProcessUsage(seen=[(1.0, 5.0), (2.0, 6.0), (3.0, 6.5), (4.0, 9.0)])
    assert usage.cpu_s(2.0, 3.5) == 0.5
    assert usage.cpu_s(5.0, 6.0) == 0.0


def test_a_process_is_watched_and_one_that_has_gone_is_left_out() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    watch = UsageWatch({"us": os.getpid(), "gone": gone.pid})
    began = time.process_time()
    until(lambda: time.process_time() - began > 0.5 and len(watch.taken["us"].seen) > 2)
    watch.end()
    (first, *_, last) = watch.taken["us"].seen
    assert last[1] > first[1]
    assert watch.taken["us"].memory_mb > 10
    assert not watch.taken["gone"].seen


def test_processes_are_found_by_what_their_command_line_has() -> None:
    code = "import time; time.sleep(600)"
    process = subprocess.Popen([sys.executable, "-c", code, "cluster.service.server"])
    try:
        until(lambda: processes_of(os.getpid()) == {"service": process.pid})
    finally:
        process.kill()
        process.wait()
