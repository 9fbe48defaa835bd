"""Watch what the processes of a cluster take of processors and memory while a sweep runs."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sweeps.backend.machine_load import psutil_of_ray

#: Seconds between two looks.
_LOOK_S = 0.25
#: A process of the head -> what its command line has.
OF_HEAD: Mapping[str, str] = {
    "arbiter": "ray::Arbiter",
    "service": "cluster.service.server",
    "Ray's store": "gcs_server",
    "raylet": "raylet/raylet",
    "Ray's dashboard": "dashboard/dashboard.py",
}


@dataclass
class ProcessUsage:
    """Holds what a process was seen to take: moments of its processor time, and memory.

    Attributes:
        seen: (seconds of the clock, seconds of a processor), in order.
        memory_mb: the most that it had to itself.
    """

    seen: list[tuple[float, float]] = field(default_factory=list)
    memory_mb: float = 0.0

    def cpu_s(self, since: float, until: float) -> float:
        """Return the seconds of a processor that it took between two moments."""
        within = [cpu for at, cpu in self.seen if since <= at <= until]
        return within[-1] - within[0] if within else 0.0


class UsageWatch:
    """Looks at processes on a thread, until it is ended."""

    def __init__(self, processes: Mapping[str, int]) -> None:
        """Begin.

        Args:
            processes: name -> number of the process.
        """
        self.taken = {name: ProcessUsage() for name in processes}
        self._psutil = psutil_of_ray()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, args=(dict(processes),), daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Look no more."""
        self._over.set()
        self._thread.join()

    def _watch(self, processes: Mapping[str, int]) -> None:
        known: dict[str, Any] = {}
        while not self._over.is_set():
            for name, pid in processes.items():
                with contextlib.suppress(self._psutil.Error):
                    process = known.setdefault(name, self._psutil.Process(pid))
                    times, memory = process.cpu_times(), process.memory_full_info()
                    taken = self.taken[name]
                    taken.seen.append((time.time(), float(times.user + times.system)))
                    taken.memory_mb = max(taken.memory_mb, memory.uss / 1e6)
            self._over.wait(_LOOK_S)


def processes_of(head: int) -> dict[str, int]:
    """Find the processes of a head: name -> number."""
    psutil = psutil_of_ray()
    commands = {}
    for one in psutil.Process(head).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            commands[one.pid] = " ".join(one.cmdline())
    found = {}
    for name, words in OF_HEAD.items():
        if (pid := next((p for p, said in commands.items() if words in said), None)) is not None:
            found[name] = pid
    return found
