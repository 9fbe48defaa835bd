"""Check a machine's cores, memory, disk, and what the system lets a process have of them."""

from __future__ import annotations

import os
import resource
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from cluster.checks.check import Check, fail, ok, warn
from cluster.machine.admission import ENOUGH_DISK
from sweeps.backend.machine_load import psutil_of_ray
from sweeps.private_folder import private_folder
from trainers.errors import ConfigError

_GB = 1e9
#: Bytes of memory with which a trial and Ray beside it run, and with which they run well.
_LEAST_MEMORY, _GOOD_MEMORY = 1.0 * _GB, 3.0 * _GB
#: Bytes of memory between processes that Ray asks for.
_GOOD_SHARED = 0.5 * _GB
#: Files that a process may have open: Ray alone takes some hundreds.
_LEAST_FILES, _GOOD_FILES = 512, 4096


def cores(cgroup: Path = Path("/sys/fs/cgroup")) -> Check:
    """Check how many cores this process may use, of those that the machine has."""
    there = os.cpu_count() or 1
    may = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else there
    quota = _quota(cgroup)
    if quota is not None and quota < may - 0.01:
        most = max(1, int(quota))
        return warn(
            "cores",
            f"{there}, of which the container may use {quota:.1f}",
            f"lend no more than that: make join CPUS={most}",
        )
    if may < there:
        return warn(
            "cores", f"{there}, of which this process may use {may}", f"make join CPUS={may}"
        )
    return ok("cores", str(there))


def memory(meminfo: Path = Path("/proc/meminfo"), cgroup: Path = Path("/sys/fs/cgroup")) -> Check:
    """Check that trials have memory."""
    total, free = _memory(meminfo)
    limit, used = _number(cgroup / "memory.max"), _number(cgroup / "memory.current")
    if limit is not None and used is not None and limit < total:
        total, free = limit, min(free, limit - used)
    found = f"{free / _GB:.1f} of {total / _GB:.1f} GB are free"
    if free < _LEAST_MEMORY:
        return fail("memory", found, "end what takes it, or lend a larger machine")
    if free < _GOOD_MEMORY:
        return warn("memory", found, "lend few cores (make join CPUS=1): a trial takes some 0.5 GB")
    return ok("memory", found)


def disk() -> Check:
    """Check that the folder for temporary files can be written, and has room."""
    try:
        with private_folder("caviar-doctor-") as folder:
            place = folder.parent
            free = shutil.disk_usage(folder).free
    except ConfigError as error:
        return fail("disk", str(error), "see there")
    found = f"{free / _GB:.1f} GB are free in {place}"
    if free < ENOUGH_DISK:
        return warn("disk", found, "free some: trials wait, rather than fail, where there is none")
    return ok("disk", found)


def shared_memory(folder: Path = Path("/dev/shm")) -> Check:
    """Check that Ray's processes can share memory."""
    if not folder.is_dir():
        return ok("shared memory", f"no {folder}: Ray takes files in {tempfile.gettempdir()}")
    free = shutil.disk_usage(folder).free
    found = f"{free / _GB:.1f} GB are free in {folder}"
    if free < _GOOD_SHARED:
        return warn("shared memory", found, "in Docker, docker run --shm-size=2g: Ray is slow else")
    return ok("shared memory", found)


def open_files() -> Check:
    """Check how many files a process may have open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = "any number" if hard == resource.RLIM_INFINITY else str(hard)
    found = "any number" if soft == resource.RLIM_INFINITY else f"{soft}, at most {most}"
    remedy = "ulimit -n 65536 before make join; in Docker, docker run --ulimit nofile=65536"
    if soft != resource.RLIM_INFINITY and soft < _LEAST_FILES:
        return fail("open files", found, remedy)
    if soft != resource.RLIM_INFINITY and soft < _GOOD_FILES:
        return warn("open files", found, remedy)
    return ok("open files", found)


def _quota(cgroup: Path) -> float | None:
    """Return the cores that a container may use, by either version of cgroups; None: all."""
    with suppress(OSError, ValueError, ZeroDivisionError):
        share, _, period = (cgroup / "cpu.max").read_text().partition(" ")
        return None if share == "max" else int(share) / int(period)
    with suppress(OSError, ValueError, ZeroDivisionError):
        share = (cgroup / "cpu" / "cpu.cfs_quota_us").read_text()
        period = (cgroup / "cpu" / "cpu.cfs_period_us").read_text()
        return None if int(share) < 0 else int(share) / int(period)
    return None


def _number(path: Path) -> float | None:
    with suppress(OSError, ValueError):
        return float(path.read_text())
    return None


def _memory(meminfo: Path) -> tuple[float, float]:
    """Return the bytes that there are, and those that are free."""
    with suppress(OSError, KeyError, ValueError, IndexError):
        lines = dict(line.split(":", 1) for line in meminfo.read_text().splitlines())
        total, free = (float(lines[name].split()[0]) for name in ("MemTotal", "MemAvailable"))
        return total * 1024, free * 1024
    found = psutil_of_ray().virtual_memory()
    return float(found.total), float(found.available)
