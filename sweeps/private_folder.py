"""Make folders for temporary files that nobody else reads, where paths of sockets fit."""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from trainers.errors import ConfigError
from trainers.files.disk_faults import why_unwritable

#: Bytes that a socket's path may have, without the longest that lies in such a folder:
#: /caviar-ray-4194304/ray/session_2026-11-29_01-34-59_014570_4194304/sockets/plasma_store
_LONGEST = 107 - 87

#: Bytes that must be free: Ray's files take some 4 MB, and without room it waits for minutes.
_ROOM = 16 * 2**20


@contextlib.contextmanager
def private_folder(prefix: str) -> Iterator[Path]:
    """Make a folder of this process, for a `with` block; remove those of killed processes.

    Args:
        prefix: first part of its name, before the number of the process.

    Raises:
        ConfigError: it can be made nowhere.
    """
    folder, lock = _make(prefix)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def folder_of_process(prefix: str) -> Path:
    """Return the folder that this process keeps to its end; remove those of killed processes.

    Args:
        prefix: as for `private_folder`.

    Raises:
        ConfigError: it can be made nowhere.
    """
    return _kept(prefix, os.getpid())


@cache
def _kept(prefix: str, process: int) -> Path:
    """Make the folder once; a fork is another process, and makes its own."""
    folder, _ = _make(prefix)  # locked for as long as the process lives
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _make(prefix: str) -> tuple[Path, int]:
    """Make the folder in the first place that has room and can be written; return its lock too."""
    faults = []
    for place in _places():
        _remove_left(place, prefix)
        folder = place / f"{prefix}{os.getpid()}"
        if not _locked(folder):
            shutil.rmtree(folder, ignore_errors=True)
        fault = _fault(folder)
        if fault is None:
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            fcntl.flock(lock, fcntl.LOCK_EX)
            return folder, lock
        faults.append(f"{place}: {fault}")
    raise ConfigError(
        f"there is no place for temporary files ({'; '.join(faults)}): free some room, or set "
        f"TMPDIR to a folder that can be written, with a path of at most {_LONGEST} characters"
    )


def _fault(folder: Path) -> str | None:
    """Make a folder, and say why it cannot be used; None if it can."""
    if len(os.fsencode(folder.parent)) > _LONGEST:
        return "its path is too long"
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        return error.strerror
    if fault := why_unwritable(folder, _ROOM):
        folder.rmdir()
    return fault


def _places() -> list[Path]:
    """List where temporary files may lie; TMPDIR is not the first, as its path is often long."""
    given = os.environ.get("TMPDIR") or "/tmp"
    places = ("/tmp", os.path.abspath(given), "/var/tmp", "/dev/shm")
    return [Path(place) for place in dict.fromkeys(places)]


def _remove_left(base: Path, prefix: str) -> None:
    """Remove what killed processes of this user have left."""
    with contextlib.suppress(OSError):
        for left in [*base.glob(f"{prefix}*")]:
            number = left.name.removeprefix(prefix)
            gone = number.isdigit() and not _runs(int(number)) and not _locked(left)
            if gone and _mine(left):
                shutil.rmtree(left, ignore_errors=True)


def _locked(folder: Path) -> bool:
    """Whether a process has locked its folder, perhaps in a container whose numbers are others."""
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return False
    except OSError:
        return True
    finally:
        os.close(lock)


def _runs(process: int) -> bool:
    """Whether there is a process with this number."""
    try:
        os.kill(process, 0)
    except PermissionError:  # somebody else's
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True


def _mine(path: Path) -> bool:
    try:
        return path.stat().st_uid == os.getuid()
    except FileNotFoundError:
        return False
