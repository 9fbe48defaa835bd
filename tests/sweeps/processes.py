"""The commands a person gives, as processes of their own, watched and killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.sweeps.waiting import MOST_S, until

ROOT = Path(__file__).resolve().parents[2]

#: A search with decisions in it that takes seconds.
SEARCH = (
    "track=none",
    "space=null",
    "model.width=16,32,64",
    "model.dropout=interval(0.0,0.3)",
    "optimizer=adamw,sgd",
    "optimizer.lr=tag(log,interval(1e-3,1e-1))",
    "optimizer.momentum=interval(0.1,0.9)",
    "search=tpe",
    "search.n_startup_trials=3",
    "stop=asha",
    "data.fraction=0.5",
    "epochs=9",
    "budget.trials=7",
    "max_concurrent=1",
)


def start(
    module: str, *words: str, python: str = sys.executable, **environment: str
) -> subprocess.Popen[str]:
    """`python -m module words` in a session of its own, its output in one pipe."""
    return subprocess.Popen(
        [python, "-m", module, *words],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def finish(process: subprocess.Popen[str], timeout_s: float = MOST_S) -> tuple[int, str]:
    """Its exit code and all that it printed."""
    try:
        output, _ = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    return process.returncode, output


def wait_for_epochs(process: subprocess.Popen[str], log: Path, count: int) -> None:
    """Until the study has this many epochs on record."""
    until(lambda: log.exists() and log.read_bytes().count(b'"epoch:') >= count, running=process)


def saved(folder: Path) -> dict[str, int]:
    """Every whole checkpoint below a sweep, and when it was written (ns)."""
    return {
        str(path.parent.relative_to(folder)): path.stat().st_mtime_ns
        for path in (folder / "trials").glob("*/epoch_*/state.pt")
    }


#: What Ray calls a process in which Tune runs trials.
TRIAL = "ray::ImplicitFunc"


def command(process: int) -> str:
    """The command line of a process; empty if it has gone."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def descendants(process: int) -> list[int]:
    """All processes below one, by /proc."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(path.parent.name)] = int(fields[1])
    found, added = {process}, True
    while added:
        more = {child for child, parent in parents.items() if parent in found} - found
        added = bool(more)
        found |= more
    return sorted(found - {process})


def standing(process: int) -> set[int]:
    """The processes below a driver's or a machine's that are for trials, and have none yet.

    They have imported PyTorch.
    """
    found = set()
    for child in descendants(process):
        try:
            maps = Path(f"/proc/{child}/maps").read_text(encoding="utf-8")
            variables = Path(f"/proc/{child}/environ").read_bytes()
        except OSError:
            continue
        if command(child).startswith("ray::IDLE") and "libtorch_python" in maps:
            found |= {child} if b"PL_DISABLE_FORK=1" in variables else set()
    return found


def kill(process: subprocess.Popen[str]) -> None:
    """Kill a driver alone, and wait until its trials' processes, orphans now, have ended too.

    Ray's own agents, which write nothing of a sweep, end a minute later.
    """
    trials = [child for child in descendants(process.pid) if TRIAL in command(child)]
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    until(lambda: not any(TRIAL in command(child) for child in trials))
