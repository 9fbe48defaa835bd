"""Where a study is kept: a journal file in the sweep's folder, held by one process at a time."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock

from trainers.errors import ConfigError


def hold(path: Path) -> int:
    """Hold the study for this process; the kernel lets go of it however the process ends.

    Returns:
        A descriptor; to close it is to let go.

    Raises:
        ConfigError: another process holds it.
    """
    descriptor = os.open(f"{path}.driver", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        owner = os.pread(descriptor, 32, 0).decode().strip() or "another process"
        os.close(descriptor)
        raise ConfigError(
            f"{path.parent} is in use by process {owner}: stop it first, or wait for its end"
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def look(path: Path) -> BaseStorage:
    """The journal as it stands now, to be read only: whoever writes it is not disturbed."""
    return JournalStorage(JournalFileBackend(str(path)))


def journal(path: Path) -> BaseStorage:
    """The journal, mended where a killed process left it: call it while you hold it."""
    if path.exists():
        Path(f"{path}.lock").unlink(missing_ok=True)
        content = path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.truncate(path, whole)
    return JournalStorage(JournalFileBackend(str(path), lock_obj=JournalFileSymlinkLock(str(path))))
