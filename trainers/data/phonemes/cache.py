"""Phoneme data as three arrays a part, on disk: built once, then mapped into memory by everybody.

<cache>/<name>/meta.json             what it was built from, and how large everything is
<cache>/<name>/train.frames          (R, D) float16 or float32: utterances between rows of zeros
<cache>/<name>/train.labels          (R,) uint8 or int16; 0 where there is no frame
<cache>/<name>/train.utterances      (U, 2) int64: first row, number of frames
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import mmap
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainers.data.phonemes.cache_writer import VERSION, write_cache
from trainers.data.phonemes.recipe import DTYPES, Recipe
from trainers.data.phonemes.source import PARTS, Layout
from trainers.errors import DataError


@dataclass(frozen=True)
class Part:
    """One part, mapped into memory.

    Attributes:
        frames: (R, D) float16 or float32.
        labels: (R,) uint8 or int16; None where there are none.
        utterances: (U, 2) int64: first row, number of frames.
    """

    frames: Tensor
    labels: Tensor | None
    utterances: Tensor


@dataclass(frozen=True)
class Cache:
    """An open cache; `fingerprint` is of all rows and labels."""

    parts: dict[str, Part]
    classes: tuple[str, ...]
    fingerprint: str


def open_or_build(folder: Path, name: str, recipe: Recipe, layout: Layout, thorough: bool) -> Cache:
    """The cache of a layout, built first if it is not there, damaged, or of other files.

    Safe to be called by several processes at once: one builds, the others wait.

    Args:
        folder: of all caches.
        name: of the layout and what part of it is used.
        thorough: look at every file, not only at the folders unless one of those has changed.

    Raises:
        DataError: what the layout refuses; or the folder cannot be written.
    """
    told = f"{name}-{recipe.cepstral}-{recipe.padding}-{recipe.dtype}"
    place = folder / re.sub(r"[^\w.-]+", "_", told)
    layout.glance()  # before a folder is made: not in a place where there are no data
    if (found := _current(place, layout, thorough)) is not None:
        return found
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / f".{place.name}.lock").open("w")
    except OSError as error:
        raise DataError(
            f"the cache of the data cannot be written to {folder} ({error.strerror}): name another "
            "folder with data.cache=…"
        ) from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (found := _current(place, layout, thorough)) is not None:
            return found
        for left in folder.glob(f".{place.name}.*.tmp"):
            shutil.rmtree(left, ignore_errors=True)
        fresh = folder / f".{place.name}.{os.getpid()}.tmp"
        try:
            fresh.mkdir()
            write_cache(fresh, recipe, layout)
        except OSError as error:
            shutil.rmtree(fresh, ignore_errors=True)
            raise DataError(
                f"the cache of the data cannot be written to {folder} ({error.strerror}): make "
                "room, or name another folder with data.cache=…"
            ) from None
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
        old = folder / f".{place.name}.old.tmp"
        with contextlib.suppress(FileNotFoundError):
            place.rename(old)
        fresh.rename(place)
        shutil.rmtree(old, ignore_errors=True)
        found = _open(place)
    assert found is not None, place
    return found


def here(root: str | None, cache: str | None, **others: object) -> bool:
    """Whether these data have been read before, so that opening them takes no time.

    Args:
        root: of the data, in which caches are unless a folder for them is given.
        others: what else a data set of phonemes is made of.
    """
    folder = home(Path(root), cache) if root else Path(cache or ".caviar")
    return any(folder.glob("*/meta.json"))


def home(root: Path, cache: str | None) -> Path:
    """The folder of the caches of the data in `root`: in it, or in a folder for those of all."""
    if cache is None:
        return root / ".caviar"
    told = root.resolve()
    return Path(cache) / f"{told.name}-{hashlib.sha256(str(told).encode()).hexdigest()[:8]}"


def _current(place: Path, layout: Layout, thorough: bool) -> Cache | None:
    """The cache, if it is whole and of the files as they are."""
    meta = _meta(place)
    if meta is None:
        return None
    if (thorough or meta["glance"] != layout.glance()) and meta["signature"] != layout.signature():
        return None
    return _open(place)


def _meta(place: Path) -> dict[str, Any] | None:
    try:
        meta: dict[str, Any] = json.loads((place / "meta.json").read_text())
        whole = meta["version"] == VERSION and all(
            (place / name).stat().st_size == size for name, size in meta["bytes"].items()
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return meta if whole else None


def _open(place: Path) -> Cache | None:
    meta = _meta(place)
    if meta is None:
        return None
    parts = {}
    for part in PARTS:
        about = meta["parts"][part]
        rows, labelled = about["rows"], about["labelled"]
        frames = _mapped(place / f"{part}.frames", DTYPES[meta["dtype"]])
        labels = _mapped(place / f"{part}.labels", getattr(torch, meta["labels"]))
        utterances = _mapped(place / f"{part}.utterances", torch.int64).view(-1, 2)
        parts[part] = Part(frames.view(rows, -1), labels if labelled else None, utterances)
    return Cache(parts, tuple(meta["classes"]), meta["fingerprint"])


def _mapped(path: Path, dtype: torch.dtype) -> Tensor:
    """A file as a tensor that is read when it is looked at, from pages that processes share."""
    with path.open("rb") as file:
        # A private mapping: torch wants memory that could be written, and nobody writes.
        pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    return torch.frombuffer(pages, dtype=dtype)
