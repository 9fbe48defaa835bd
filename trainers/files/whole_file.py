"""Replace a file whole, or not at all: readers see the old one or the new one, never a part."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a path to write to, beside `path`, and move what is written there onto `path`.

    After an error `path` is as it was, and nothing is left beside it. A kill may leave a file
    whose name begins with `.tmp_`. Several processes may replace the same file: the last one wins.
    """
    fresh = path.with_name(f".tmp_{path.name}_{secrets.token_hex(4)}")
    try:
        yield fresh
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def write_whole(path: Path, text: str, mode: int | None = None) -> None:
    """Replace a file by this text, in UTF-8.

    Args:
        mode: permissions of the file, from its first moment on; None: as the umask has it.
    """
    with replacing(path) as fresh:
        if mode is not None:
            fresh.touch(mode=mode)
        fresh.write_text(text, encoding="utf-8")
