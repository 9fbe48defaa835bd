"""Cache phoneme data on disk: three arrays a part, built once, mapped into every process.

<cache>/<name>/meta.json             signature of the data, and the size of each file
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
class MappedPart:
    """Holds one part, mapped into memory.

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
    """Holds an open cache; `fingerprint` changes when a row or a label does."""

    parts: dict[str, MappedPart]
    classes: tuple[str, ...]
    fingerprint: str


def open_or_build(folder: Path, name: str, recipe: Recipe, layout: Layout, thorough: bool) -> Cache:
    """Open the cache of a layout, built first if it is missing, damaged, or of other files.

    Several processes may call this at once: one builds, the others wait.

    Args:
        folder: folder of all caches.
        name: name of the layout, and of the part of the data that is used.
        thorough: compare the signature of every file, and not only a glance at the folders.

    Raises:
        DataError: the layout refuses its files, or the folder cannot be written.
    """
    place = _place(folder, name, recipe)
    layout.glance()  # before a folder is made: not in a place where there are no data
    if (cache := _current(place, layout, thorough)) is not None:
        return cache
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
        if (cache := _current(place, layout, thorough)) is not None:
            return cache
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
        cache = _open(place)
    assert cache is not None, place
    return cache


def here(folder: Path, name: str, recipe: Recipe, layout: Layout) -> bool:
    """Return whether `open_or_build` would build nothing, so that it takes no time.

    Raises:
        DataError: a file of the layout is missing.
    """
    layout.glance()
    if _current(_place(folder, name, recipe), layout, thorough=False) is not None:
        return True
    layout.require()
    return False


def home(root: Path, cache: str | None) -> Path:
    """Return the folder of the caches of the data in `root`: `root`/.caviar, or one in `cache`."""
    if cache is None:
        return root / ".caviar"
    path = root.resolve()
    return Path(cache) / f"{path.name}-{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"


def _place(folder: Path, name: str, recipe: Recipe) -> Path:
    full_name = f"{name}-{recipe.cepstral}-{recipe.padding}-{recipe.dtype}"
    return folder / re.sub(r"[^\w.-]+", "_", full_name)


def _current(place: Path, layout: Layout, thorough: bool) -> Cache | None:
    """Open the cache, if it is complete and of the files as they are."""
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
        parts[part] = MappedPart(frames.view(rows, -1), labels if labelled else None, utterances)
    return Cache(parts, tuple(meta["classes"]), meta["fingerprint"])


def _mapped(path: Path, dtype: torch.dtype) -> Tensor:
    """Map a file as a tensor, whose pages are read when used and shared by processes."""
    with path.open("rb") as file:
        # A private mapping: torch wants memory that could be written, and nobody writes.
        pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    return torch.frombuffer(pages, dtype=dtype)
