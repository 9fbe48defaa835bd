"""Who drives a sweep: on record in its study, so that a second driver can name the first."""

from __future__ import annotations

import os
import secrets
import socket
from dataclasses import asdict, dataclass
from typing import Any

#: The study's attribute in which the driver is on record.
OWNER = "driver"


@dataclass(frozen=True)
class Owner:
    """A driver; `token` tells it from another process that has had the same number."""

    host: str
    pid: int
    token: str

    @classmethod
    def me(cls) -> Owner:
        """This process."""
        return cls(socket.gethostname(), os.getpid(), secrets.token_hex(4))

    @classmethod
    def read(cls, record: Any) -> Owner | None:
        """From the study's attribute; None if it is not there."""
        return cls(**record) if isinstance(record, dict) else None

    @property
    def record(self) -> dict[str, Any]:
        """What is put on record."""
        return asdict(self)

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


class Taken(Exception):
    """Another driver has the study."""

    def __init__(self, owner: Owner | None) -> None:
        """Take note of who."""
        super().__init__(str(owner) if owner else "another process")
