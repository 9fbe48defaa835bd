"""A disk of a machine's own, in memory, small enough to be filled to its last byte."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def small_disk(folder: Path, mb: int) -> Iterator[Path]:
    """Mount one at a folder within a `with` block."""
    folder.mkdir(mode=0o700)
    size = f"size={mb}m,mode=700"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "none", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False)


def fill(folder: Path, seconds: float) -> None:
    """Leave no byte free on the disk of a folder for so long, whatever is removed meanwhile."""
    ballast = folder / "ballast"
    try:
        with ballast.open("wb", buffering=0) as file:
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                for size in (2**20, 2**12, 1):
                    with suppress(OSError):
                        while file.write(bytes(size)):
                            pass
                time.sleep(0.02)
    finally:
        ballast.unlink()
