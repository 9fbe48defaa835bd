"""Find the processes below one, and end those that a killed process has left behind."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from trainers.files.whole_file import write_whole

#: Seconds that what has been killed may take to be gone.
GONE_S = 20.0


def descendants(process: int) -> list[int]:
    """List the processes below one."""
    parents = _parents()
    found = {process}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return sorted(found - {process})


def adopt_orphans() -> None:
    """Become the parent of processes below whose parents end (Linux only), so as to find them."""
    set_child_subreaper = 36
    _control_process(set_child_subreaper, 1)


def die_with_parent() -> None:
    """Let this process end if its parent is killed (Linux only; elsewhere it runs on)."""
    set_parent_death_signal = 1
    _control_process(set_parent_death_signal, signal.SIGTERM)


def _control_process(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value)


def running(process: int, name: str) -> int:
    """Count the processes below one whose command begins with this."""
    return sum(_command(child).startswith(name) for child in descendants(process))


def kill(processes: Iterable[int]) -> None:
    """Kill processes, and wait until they are gone."""
    left = list(processes)
    for process in left:
        with contextlib.suppress(OSError):
            os.kill(process, signal.SIGKILL)
    until = time.monotonic() + GONE_S
    while any(started(process) for process in left) and time.monotonic() < until:
        time.sleep(0.05)


def remember(path: Path, top: int) -> None:
    """Write down which processes are at and below one, and that they are this one's to end."""
    known = {str(p): started(p) for p in (top, *descendants(top))}
    us = {str(os.getpid()): started(os.getpid())}
    with contextlib.suppress(OSError):  # a full disk: they end with us all the same
        write_whole(path, json.dumps({"by": us, "processes": known}) + "\n")


def end_left(path: Path) -> int:
    """End what is left of the processes that were written down, if nobody looks after them.

    Returns:
        How many there were.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        by, known = dict(content["by"]), dict(content["processes"])
    except (OSError, ValueError, TypeError, KeyError):
        return 0
    if _still(by):
        return 0
    left = _still(known)
    kill({*left, *(child for process in left for child in descendants(process))})
    path.unlink(missing_ok=True)
    return len(left)


def _still(known: Mapping[str, str]) -> list[int]:
    """List those that are still there: a number alone may be another process's by now."""
    return [
        int(p) for p, since in known.items() if p.isdigit() and since and started(int(p)) == since
    ]


def started(process: int) -> str:
    """Return when a process was started, as the system writes it; empty if it is gone."""
    try:
        fields = (
            Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(")")[2].split()
        )
        return "" if fields[0] in "ZX" else fields[19]
    except (OSError, IndexError):
        return (
            "" if Path("/proc/self").exists() else _ps("-o", "lstart=", "-p", str(process)).strip()
        )


def _command(process: int) -> str:
    """Return the command line of a process; empty if it is gone."""
    try:
        return (
            Path(f"/proc/{process}/cmdline")
            .read_bytes()
            .replace(b"\0", b" ")
            .decode("utf-8", "replace")
        )
    except OSError:
        return "" if Path("/proc/self").exists() else _ps("-o", "command=", "-p", str(process))


def _parents() -> dict[int, int]:
    """Map each process to its parent."""
    parents: dict[int, int] = {}
    if not Path("/proc/self").exists():
        for line in _ps("-axo", "pid=,ppid=").splitlines():
            child, parent = line.split()
            parents[int(child)] = int(parent)
        return parents
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            fields = path.read_text(errors="replace").rpartition(")")[2].split()
            parents[int(path.parent.name)] = int(fields[1])
    return parents


def _ps(*words: str) -> str:
    return subprocess.run(["ps", *words], capture_output=True, text=True, check=False).stdout
