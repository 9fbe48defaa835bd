"""Note when the parts of a command begin, where `make bench BENCH=start` asks for it."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

#: Names the file that the notes go to; nothing is noted without it.
FILE = "SWEEPS_TIMELINE"


@dataclass(frozen=True)
class Mark:
    """Describes the beginning of a part.

    Attributes:
        part: what begins.
        at: seconds since the epoch.
    """

    part: str
    at: float


def mark(part: str) -> None:
    """Note that a part begins now; whatever began before it has ended."""
    if path := os.environ.get(FILE):
        with open(path, "a", encoding="utf-8") as file:
            file.write(f"{time.time()!r} {part}\n")


def read(path: Path) -> list[Mark]:
    """Read the notes of a command, in their order."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [Mark(part, float(at)) for at, part in (line.split(" ", 1) for line in lines)]
