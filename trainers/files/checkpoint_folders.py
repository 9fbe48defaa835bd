"""Name, replace and remove the folders of checkpoints without reading what is in them.

Needs no torch: whoever only moves checkpoints from place to place is small.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from pathlib import Path

_NAME = re.compile(r"epoch_(\d{3,})")
_OLD = re.compile(r"\.old_(epoch_\d{3,})_\w+")


def saved(folder: Path) -> dict[int, Path]:
    """List the checkpoints by epoch number, ascending, complete or damaged."""
    checkpoints = {
        int(match.group(1)): path
        for path in folder.glob("epoch_*")
        if (match := _NAME.fullmatch(path.name)) and path.is_dir()
    }
    return dict(sorted(checkpoints.items()))


def temporary(final: Path) -> Path:
    """Return the path of a folder to fill before it is moved to `final`; a kill may leave it."""
    return final.with_name(f".tmp_{final.name}_{secrets.token_hex(4)}")


def move_to(final: Path, filled: Path) -> None:
    """Move a filled folder to its place, and make the name durable.

    One that is there already is moved aside first, and moved back by `clean` if this is cut short.
    """
    if final.exists():
        old = final.with_name(f".old_{final.name}_{secrets.token_hex(4)}")
        final.rename(old)
        filled.rename(final)
        shutil.rmtree(old)
    else:
        filled.rename(final)
    sync(final.parent)


def clean(folder: Path) -> None:
    """Finish or undo what a kill left half done. Only for a process that has locked the folder."""
    for path in list(folder.glob(".old_*")):
        match = _OLD.fullmatch(path.name)
        if match and not (folder / match.group(1)).exists():
            path.rename(folder / match.group(1))
    halves = (".old_*", ".tmp_*", "histograms/.tmp_*")
    for path in [path for pattern in halves for path in folder.glob(pattern)]:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:  # a file that was to be replaced whole
            path.unlink(missing_ok=True)


def remove(path: Path) -> None:
    """Delete a checkpoint; killed half way, this leaves nothing that looks like one."""
    doomed = temporary(path)
    path.rename(doomed)
    shutil.rmtree(doomed)


def set_aside(path: Path) -> Path:
    """Rename a checkpoint that is of no use here, to be kept; returns its new path."""
    aside = path.with_name(f".refused_{path.name}_{secrets.token_hex(4)}")
    path.rename(aside)
    return aside


def sync(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
