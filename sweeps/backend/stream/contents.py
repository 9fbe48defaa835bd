"""Say which files of a trial's folder are sent from machine to machine; no others are taken.

    epoch_007/state.pt    epoch_007/epoch.json    metrics.csv    log    histograms/epoch_007.json

A checkpoint that was set aside (`.refused_epoch_007_…`) is one, too. The further runs of seed
repeats have the same files below runs/2, runs/3 and so on.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_RUN = r"(?:runs/[1-9][0-9]{0,5}/)?"
_CHECKPOINT = r"(?:epoch_[0-9]{3,9}|\.refused_epoch_[0-9]{3,9}_[0-9a-f]{8})"
_FOLDER = re.compile(_RUN + _CHECKPOINT)
_FILE = re.compile(
    rf"{_RUN}(?:{_CHECKPOINT}/(?:state\.pt|epoch\.json)|metrics\.csv|log"
    r"|histograms/epoch_[0-9]{3,9}\.json)"
)


@dataclass(frozen=True)
class Stamp:
    """Identifies one state of a file, as far as its folder tells."""

    size: int
    changed_ns: int
    inode: int


@dataclass(frozen=True)
class Piece:
    """Describes a large file, whose bytes are sent before.

    Attributes:
        sha256: of all its bytes, in hexadecimal.
    """

    size: int
    sha256: str


@dataclass(frozen=True)
class Delivery:
    """Describes what has changed in a trial's folder since the last delivery.

    Attributes:
        number: counts the deliveries of one sender, from 1.
        before: the newest epoch that the folder had after the last one; 0 if none.
        small: file -> its bytes.
        large: file -> what it must be.
        removed: folders of checkpoints that are no longer kept.
    """

    number: int
    before: int
    small: Mapping[str, bytes]
    large: Mapping[str, Piece]
    removed: tuple[str, ...]

    @property
    def size(self) -> int:
        """Return its bytes."""
        return sum(map(len, self.small.values())) + sum(one.size for one in self.large.values())


def is_file(name: str) -> bool:
    """Whether a file of this name, relative to a trial's folder, is one that is sent."""
    return _FILE.fullmatch(name) is not None


def is_checkpoint(name: str) -> bool:
    """Whether a folder of this name, relative to a trial's folder, is one of a checkpoint."""
    return _FOLDER.fullmatch(name) is not None


def folder_of(name: str) -> str:
    """Return the checkpoint's folder that a file lies in; empty if it lies in none."""
    folder = name.rpartition("/")[0]
    return folder if is_checkpoint(folder) else ""


def runs(folder: Path) -> list[str]:
    """List the runs that a trial's folder has, as prefixes of names: "", "runs/2/" and so on."""
    further = sorted(
        (
            entry.name
            for entry in _entries(folder / "runs")
            if entry.name.isdecimal() and entry.is_dir(follow_symlinks=False)
        ),
        key=int,
    )
    return ["", *(f"runs/{number}/" for number in further)]


def loose_files(folder: Path) -> dict[str, Stamp]:
    """Find the files that lie in no checkpoint: name -> stamp. Links are passed over."""
    found: dict[str, Stamp] = {}
    for run in runs(folder):
        for prefix in (run, f"{run}histograms/"):
            for entry in _entries(folder / prefix):
                name = f"{prefix}{entry.name}"
                if is_file(name) and entry.is_file(follow_symlinks=False):
                    facts = entry.stat(follow_symlinks=False)
                    found[name] = Stamp(facts.st_size, facts.st_mtime_ns, facts.st_ino)
    return found


def checkpoints(folder: Path) -> dict[str, Stamp]:
    """Find the folders of checkpoints, each moved to its place whole: name -> stamp.

    The stamp is that of its record: the folder itself changes once its state is dropped.
    """
    return {
        f"{run}{entry.name}": _stamp_of_record(Path(entry.path))
        for run in runs(folder)
        for entry in _entries(folder / run)
        if is_checkpoint(f"{run}{entry.name}") and entry.is_dir(follow_symlinks=False)
    }


def _stamp_of_record(checkpoint: Path) -> Stamp:
    try:
        facts = os.lstat(checkpoint / "epoch.json")
    except OSError:  # a damaged one
        facts = os.lstat(checkpoint)
    return Stamp(facts.st_size, facts.st_mtime_ns, facts.st_ino)


def files_of(folder: Path, checkpoint: str) -> dict[str, int]:
    """Find the files of a checkpoint: name -> size."""
    return {
        name: entry.stat(follow_symlinks=False).st_size
        for entry in _entries(folder / checkpoint)
        if is_file(name := f"{checkpoint}/{entry.name}") and entry.is_file(follow_symlinks=False)
    }


def is_state(name: str) -> bool:
    """Whether a file is the one of a checkpoint that may be large: it is sent in pieces."""
    return name.endswith("/state.pt")


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except (FileNotFoundError, NotADirectoryError):
        return []
