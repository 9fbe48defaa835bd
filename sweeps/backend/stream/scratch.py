"""Give a process that trains a private folder on its machine; remove what others left.

It lies in the machine's temporary folder, or where CAVIAR_SCRATCH says. Its owner keeps it locked:
the lock of a process that was killed is free, whoever it was and in whatever container.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

_PREFIX, _UNLOCKED = "caviar-scratch-", ".caviar-scratch-"
#: Seconds after which one that was not even locked is of no process that is alive.
_STALE_S = 3600.0
_LOCK = ".lock"


def place() -> Path:
    """Return the folder in which scratch folders lie."""
    return Path(os.environ.get("CAVIAR_SCRATCH") or tempfile.gettempdir())


def make(session: str) -> tuple[Path, int]:
    """Make a scratch folder, once those of killed processes are gone.

    Args:
        session: hexadecimal digits of the session that trains.

    Returns:
        The folder, and the descriptor that keeps it locked.

    Raises:
        OSError: it cannot be made, such as for a full disk.
    """
    remove_left()
    parent = place()
    parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=_UNLOCKED, dir=parent))  # of mode 700
    try:
        lock = os.open(fresh / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = parent / f"{_PREFIX}{session}-{fresh.name.removeprefix(_UNLOCKED)}"
        fresh.rename(folder)
    except OSError:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    return folder, lock


def remove_left(session: str = "", wait_s: float = 0.0) -> int:
    """Remove the scratch folders of processes of this user that are no more.

    Args:
        session: those of this one are waited for, as its processes may be about to end.
        wait_s: seconds to wait.

    Returns:
        How many of the session's are still in use.
    """
    until = time.monotonic() + wait_s
    while True:
        used = sum(not _removed(folder) for folder in _mine(f"{_PREFIX}{session}*"))
        if session:
            for folder in _mine(f"{_PREFIX}*"):
                _removed(folder)
        if not used or time.monotonic() >= until:
            break
        time.sleep(0.1)
    for folder in _mine(f"{_UNLOCKED}*"):
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime > _STALE_S:
                shutil.rmtree(folder, ignore_errors=True)
    return used if session else 0


def _removed(folder: Path) -> bool:
    """Remove a scratch folder unless its owner lives; returns whether it is gone."""
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        shutil.rmtree(folder, ignore_errors=True)  # a removal that was cut short
        return True
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
        return True
    except BlockingIOError:
        return False
    finally:
        os.close(lock)


def _mine(pattern: str) -> Iterator[Path]:
    """Find the folders of this user by name; a link is none."""
    with contextlib.suppress(OSError):
        for path in list(place().glob(pattern)):
            with contextlib.suppress(OSError):
                facts = path.lstat()
                if stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.getuid():
                    yield path
