"""Remember that this machine has joined a head from this checkout, so that it does so once.

The lock of a file says so, which the kernel lets go however the process ends; what is in the file
says which process it is. A folder may be shared with other machines: the file is this one's.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import socket
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from sweeps.backend.known_head import FOLDER, make
from trainers.errors import ConfigError


@dataclass(frozen=True)
class Joined:
    """Describes a process that lends this machine.

    Attributes:
        head: host:port.
    """

    pid: int
    head: str
    member: str

    def __str__(self) -> str:
        return f"process {self.pid}, as {self.member} at {self.head}"


@contextlib.contextmanager
def once(head: str, member: str, folder: Path = FOLDER) -> Iterator[None]:
    """Be the process that lends this machine, within a `with` block.

    Raises:
        ConfigError: another one does, from this checkout.
    """
    make(folder)
    descriptor = os.open(_path(folder), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not _lock(descriptor):
            there = _read(descriptor)
            raise ConfigError(
                f"this machine has joined already ({there or 'by another process'}): make leave "
                "ends that"
            )
        _write(descriptor, json.dumps(asdict(Joined(os.getpid(), head, member))))
        yield
        _write(descriptor, "")
    finally:
        os.close(descriptor)


def joined(folder: Path = FOLDER) -> Joined | None:
    """Return the process that lends this machine from this checkout; None if none does."""
    try:
        descriptor = os.open(_path(folder), os.O_RDWR)
    except OSError:
        return None
    try:
        return None if _lock(descriptor) else _read(descriptor)
    finally:
        os.close(descriptor)


def _path(folder: Path) -> Path:
    return folder / f"joined-{re.sub('[^A-Za-z0-9.-]', '_', socket.gethostname())}.json"


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(descriptor: int) -> Joined | None:
    try:
        return Joined(**json.loads(os.pread(descriptor, 4096, 0)))
    except (ValueError, TypeError):  # it is just being written
        return None


def _write(descriptor: int, text: str) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, text.encode(), 0)
