"""Save and read checkpoints: each is complete or absent, whatever is killed when.

<folder>/epoch_007/state.pt     what training needs to go on, for torch.load(weights_only=True)
<folder>/epoch_007/epoch.json   {"version", "epoch", "metrics", "bytes", "crc32", "owner"}

The owner is the id of the training that wrote it (a sweep's and a trial's): a checkpoint that came
from elsewhere is not gone on with. Those of older versions have none, and are taken.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import IO, Any

import torch

from trainers.config import Keep
from trainers.errors import CorruptCheckpoint, ForeignCheckpoint
from trainers.files import history
from trainers.files.checkpoint_folders import clean, move_to, remove, saved, set_aside, temporary
from trainers.files.training_state import write
from trainers.fit import Epoch

#: What lies in a folder is named and moved by checkpoint_folders.py.
__all__ = (
    "VERSION",
    "Checkpoint",
    "clean",
    "latest",
    "link",
    "load",
    "metrics",
    "prune",
    "remove",
    "save",
    "saved",
    "set_aside",
)

VERSION = 1


@dataclass(frozen=True)
class Checkpoint:
    """Holds a checkpoint that was read and is complete."""

    path: Path
    number: int
    metrics: dict[str, float]
    state: dict[str, Any]


def save(folder: Path, epoch: Epoch, owner: str = "") -> Path:
    """Write the checkpoint `folder`/epoch_NNN; return its path once it is safely on disk.

    An epoch that is there already (trained again after a resume) is replaced: moved aside, and
    moved back by `clean` if this is cut short.
    """
    folder.mkdir(parents=True, exist_ok=True)
    final = folder / f"epoch_{epoch.number:03d}"
    fresh = temporary(final)
    fresh.mkdir()
    with (fresh / "state.pt").open("wb") as file:
        written = write(epoch.state(), file)
        _flush(file)
    record = {
        "version": VERSION,
        "epoch": epoch.number,
        "metrics": epoch.metrics,
        "bytes": written.bytes,
        "crc32": written.crc32,
        "owner": owner,
    }
    _write_record(fresh, record)
    move_to(final, fresh)
    return final


def _write_record(path: Path, record: Mapping[str, Any]) -> None:
    """Write the epoch.json of a checkpoint, safely on disk.

    The names of its files become durable with the one of the checkpoint: journals keep their order.
    Should a disk not, the checkpoint is found damaged, and its epoch trained again.
    """
    with (path / "epoch.json").open("w") as text:
        json.dump(record, text, indent=1)
        _flush(text)


def load(path: Path) -> dict[str, Any]:
    """Load the state in a checkpoint, its tensors on the CPU.

    Raises:
        CorruptCheckpoint: something is missing, or is not what was written.
        ForeignCheckpoint: a later version of this program wrote it.
    """
    return _read(path, "").state


def metrics(path: Path, owner: str = "") -> dict[str, float]:
    """Read the metrics of a checkpoint's epoch, and not its state. Raises as `latest` finds."""
    return _record(path, owner)[0]


def latest(folder: Path, owner: str = "") -> tuple[Checkpoint | None, list[CorruptCheckpoint]]:
    """Find the newest checkpoint that is complete, and the newer ones that are of no use.

    Args:
        owner: id of the training that must have written it; empty: any.
    """
    corrupt: list[CorruptCheckpoint] = []
    for path in reversed(saved(folder).values()):
        try:
            return _read(path, owner), corrupt
        except CorruptCheckpoint as error:
            corrupt.append(error)
    return None, corrupt


def prune(folder: Path, keep: Keep, best: int) -> None:
    """Remove the checkpoints not to `keep`: with best_and_last, all but `best` and the newest."""
    if keep is Keep.all:
        return
    by_number = saved(folder)
    for number, path in by_number.items():
        if number not in (best, max(by_number)):
            remove(path)


def link(path: Path, target: Path, owner: str = "") -> None:
    """Copy a checkpoint by hard links, which take no disk; without hard links, copy its files.

    Args:
        owner: id of the training that it is for; empty: it stays that of the one copied.
    """
    shutil.copytree(path, target, copy_function=_link)
    with contextlib.suppress(CorruptCheckpoint):  # a damaged one is so in its copy, too
        record = _record(path, "")[1]
        if owner:
            (target / "epoch.json").unlink()  # not the file of the other one
            _write_record(target, {**record, "owner": owner})


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _record(path: Path, owner: str) -> tuple[dict[str, float], Mapping[str, Any]]:
    """Read (metrics, record) from epoch.json."""
    try:
        record = json.loads((path / "epoch.json").read_text())
        version = int(record["version"])
        if version > VERSION:
            raise ForeignCheckpoint(
                path, f"it has version {version}, and this program reads up to {VERSION}: update it"
            )
        if owner and record.get("owner") not in (None, "", owner):
            raise ForeignCheckpoint(path, f"it is of another training ({record['owner']})")
        values = {str(name): history.number(value) for name, value in record["metrics"].items()}
        if int(record["epoch"]) != int(path.name.removeprefix("epoch_")):
            raise CorruptCheckpoint(path, f"epoch.json is of epoch {record['epoch']}")
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise CorruptCheckpoint(path, f"epoch.json cannot be read ({error})") from error
    return values, record


def _read(path: Path, owner: str) -> Checkpoint:
    values, record = _record(path, owner)
    size, crc = 0, 0
    try:
        with (path / "state.pt").open("rb") as file:
            for block in _blocks(file):
                size += len(block)
                crc = zlib.crc32(block, crc)
            if size != record.get("bytes"):
                raise CorruptCheckpoint(
                    path, f"state.pt has {size} bytes, not {record.get('bytes')}"
                )
            if crc != record.get("crc32"):
                raise CorruptCheckpoint(path, "state.pt has changed since it was written (crc32)")
            file.seek(0)
            state = torch.load(file, map_location="cpu", weights_only=True)
    except OSError as error:
        raise CorruptCheckpoint(path, f"state.pt cannot be read ({error.strerror})") from error
    except (RuntimeError, ValueError, EOFError, KeyError, UnpicklingError) as error:
        raise CorruptCheckpoint(path, "state.pt is not a state") from error
    return Checkpoint(path, int(record["epoch"]), values, state)


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    while block := file.read(1 << 20):
        yield block


def _flush(file: IO[Any]) -> None:
    file.flush()
    os.fsync(file.fileno())
