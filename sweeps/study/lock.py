"""Let one driver at a time have a study, and name it to a second one."""

from __future__ import annotations

import fcntl
import os
import secrets
import socket
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trainers.errors import ConfigError

#: The study's attribute in which the driver is on record.
OWNER = "driver"


@dataclass(frozen=True)
class Owner:
    """Names a driver; `token` tells it from another process that has had the same number."""

    host: str
    pid: int
    token: str

    @classmethod
    def me(cls) -> Owner:
        """Name this process."""
        return cls(socket.gethostname(), os.getpid(), secrets.token_hex(4))

    @classmethod
    def read(cls, record: Any) -> Owner | None:
        """Read the study's attribute; None if it is not there."""
        return cls(**record) if isinstance(record, dict) else None

    @property
    def record(self) -> dict[str, Any]:
        """Return what is put on record."""
        return asdict(self)

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


class Taken(Exception):
    """Raised when another driver has the study."""

    def __init__(self, owner: Owner | None) -> None:
        """Name the driver; None: it is not known."""
        super().__init__(str(owner) if owner else "another process")


def hold(path: Path, what: str, me: Owner) -> int:
    """Hold a lock for this process; the kernel lets go of it however the process ends.

    It is a lock of `flock`. Between machines it holds on NFS (version 4, or 3 with its lock
    daemon) and not on all other network file systems; where it does not, two machines are not
    kept apart.

    Returns:
        A descriptor; to close it is to let go.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.pread(descriptor, 256, 0).decode(errors="replace").strip()
        os.close(descriptor)
        raise ConfigError(
            f"{what} is in use by {text or 'another process'}: stop it first, or wait for its end"
        ) from None
    except BaseException:
        os.close(descriptor)
        raise
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{me}\n".encode(), 0)
    return descriptor
