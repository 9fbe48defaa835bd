"""Tell a fault of the disk from one of a training, which does not fail by the first.

A full disk, one that has become read-only or unreadable, a folder that may no longer be written:
all of them pass, and what was to be written can be written then.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from pathlib import Path

#: Errors of the disk or of the folder, not of what is written.
_ERRORS = frozenset(
    (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EACCES, errno.ESTALE, errno.ENODEV)
)
#: Bytes that must fit for a folder to be written again, at least.
_LEAST = 1 << 20


def of_disk(error: BaseException) -> OSError | None:
    """Return the error of a disk that another error comes from; None if it comes from none."""
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        if isinstance(one, OSError) and one.errno in _ERRORS:
            return one
        one = one.__cause__ or one.__context__
    return None


def why_unwritable(folder: Path, room: int | None = None) -> str | None:
    """Describe why a folder cannot be written now; None if it can.

    Args:
        room: bytes that are written, and taken away again; None: as many as its newest
            checkpoint has.
    """
    need = _needed(folder) if room is None else room
    trial = folder / f".tmp_room_{secrets.token_hex(4)}"
    try:
        descriptor = os.open(trial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(descriptor, 0, need)
            else:
                os.write(descriptor, bytes(need))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        return f"{error.strerror} ({need / 2**20:.0f} MB are needed)"
    finally:
        with contextlib.suppress(OSError):
            trial.unlink()
    return None


def _needed(folder: Path) -> int:
    """Return the bytes of the newest checkpoint in a folder, or as many as a small one has."""
    with contextlib.suppress(OSError):
        states = sorted(folder.glob("epoch_*/state.pt"))
        if states:
            return max(_LEAST, 2 * states[-1].stat().st_size)
    return _LEAST
