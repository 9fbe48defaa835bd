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
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor

from trainers.data.phonemes.source import PARTS, Floats, Reader, Source, Utterance
from trainers.errors import ConfigError, DataError

VERSION = 1

#: Rows of zeros between utterances, and so the most that a window may reach.
GAP = 64

CEPSTRAL = ("mean_variance", "mean", "none")
PADDING = ("utterance", "concatenation")
DTYPES = {"float16": torch.float16, "float32": torch.float32}

#: Utterances that are read ahead of the one that is written.
_AHEAD = 64


@dataclass(frozen=True)
class Recipe:
    """How utterances become rows.

    Attributes:
        cepstral: what each feature of an utterance is freed of: mean and variance over time, the
            mean, nothing.
        padding: whether rows of zeros keep utterances apart, or only the ends of the whole.
        dtype: of the rows.
    """

    cepstral: str
    padding: str
    dtype: str

    def __post_init__(self) -> None:
        for key, value, known in (
            ("cepstral", self.cepstral, CEPSTRAL),
            ("padding", self.padding, PADDING),
            ("dtype", self.dtype, tuple(DTYPES)),
        ):
            if value not in known:
                raise ConfigError(
                    f"data.{key} must be one of {', '.join(known)}, not {value!r}: set data.{key}=…"
                )

    def normalised(self, frames: Floats) -> Floats:
        """(T, D) float32 frames, normalised over time."""
        if self.cepstral == "none":
            return frames
        centred: Floats = frames - frames.mean(axis=0)
        if self.cepstral == "mean_variance":
            centred /= centred.std(axis=0) + 1e-8
        return centred


class Layout(Protocol):
    """Where the utterances come from."""

    def glance(self) -> str:
        """A signature that costs next to nothing. It need not tell of every change.

        Raises:
            DataError: there are no such data at all.
        """

    def signature(self) -> str:
        """Changes when anything that is read does."""

    def source(self) -> Source:
        """All utterances."""


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
            _build(fresh, recipe, layout)
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


def _build(folder: Path, recipe: Recipe, layout: Layout) -> None:
    """Write all files of a cache, meta.json last."""
    glance, seen = layout.glance(), layout.signature()
    source = layout.source()
    digest = hashlib.sha256()
    total = sum(len(source.parts[part]) for part in PARTS)
    about: dict[str, Any] = {}
    classes = source.classes
    features = 0
    label_type = np.dtype(np.uint8 if classes is not None and len(classes) <= 256 else np.int16)
    with _progress(total) as advance:
        for part in PARTS:
            writer = _Writer(folder, part, recipe, label_type, digest, features)
            with writer:
                for utterance in _read_ahead(source.parts[part]):
                    writer.add(utterance)
                    advance()
            features = writer.features
            if part != "test" and writer.unlabelled:
                raise DataError(f"{writer.unlabelled} has no labels, which only test data may lack")
            if classes is None and part == "train":
                classes = tuple(map(str, range(writer.largest + 1)))
            if classes is not None and writer.largest >= len(classes):
                raise DataError(
                    f"{writer.largest_where} has a label {writer.largest}, and the training part "
                    f"has labels up to {len(classes) - 1}: are they of one data set?"
                )
            about[part] = {"rows": writer.rows, "labelled": not writer.unlabelled}
    files = sorted(path for path in folder.iterdir())
    meta = {
        "version": VERSION,
        "glance": glance,
        "signature": seen,
        "dtype": recipe.dtype,
        "labels": str(label_type),
        "classes": classes,
        "parts": about,
        "bytes": {path.name: path.stat().st_size for path in files},
        "fingerprint": digest.hexdigest()[:16],
    }
    with (folder / "meta.json").open("w") as file:
        json.dump(meta, file, indent=1)
        file.flush()
        os.fsync(file.fileno())


class _Writer:
    """Writes one part, utterance by utterance."""

    def __init__(
        self,
        folder: Path,
        part: str,
        recipe: Recipe,
        label_type: np.dtype[Any],
        digest: Any,
        features: int,
    ) -> None:
        self.recipe, self.label_type, self.digest, self.features = (
            recipe,
            label_type,
            digest,
            features,
        )
        self.rows, self.largest = 0, -1
        self.largest_where = self.unlabelled = ""
        self._spans: list[tuple[int, int]] = []
        self._paths = {kind: folder / f"{part}.{kind}" for kind in ("frames", "labels")}
        self._spans_path = folder / f"{part}.utterances"
        self._files: dict[str, IO[bytes]] = {}

    def __enter__(self) -> _Writer:
        self._files = {kind: path.open("wb") for kind, path in self._paths.items()}
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if error is None:
            self._zeros()
            spans = np.array(self._spans, dtype=np.int64)
            self.digest.update(spans.tobytes())
            self._spans_path.write_bytes(spans.tobytes())
        for file in self._files.values():
            if error is None:
                file.flush()
                os.fsync(file.fileno())
            file.close()

    def add(self, utterance: Utterance) -> None:
        """Write the next one, after rows of zeros if it is to be kept apart."""
        frames, labels = utterance.frames, utterance.labels
        self.features = self.features or frames.shape[1]
        if frames.shape[1] != self.features:
            raise DataError(
                f"{utterance.where} has {frames.shape[1]} features a frame, and the files before "
                f"it {self.features}: are they of one data set?"
            )
        with np.errstate(over="ignore", invalid="ignore"):  # they are told of below
            rows = self.recipe.normalised(frames).astype(self.recipe.dtype)
        if not np.isfinite(rows).all():
            remedy = "set data.dtype=float32" if self.recipe.dtype == "float16" else "restore it"
            raise DataError(
                f"{utterance.where} has numbers too large for {self.recipe.dtype}: {remedy}"
            )
        if labels is None:
            self.unlabelled = utterance.where
            labels = np.zeros(len(frames), dtype=self.label_type)
        elif len(labels) != len(frames):
            raise DataError(
                f"{utterance.where} has {len(frames)} frames and {len(labels)} labels: restore it"
            )
        elif int(labels.min()) < 0:
            raise DataError(f"{utterance.where} has a label {int(labels.min())}, below 0")
        elif int(labels.max()) > (most := np.iinfo(self.label_type).max):
            raise DataError(
                f"{utterance.where} has a label {int(labels.max())}, and labels may be up to {most}"
            )
        elif int(labels.max()) > self.largest:
            self.largest, self.largest_where = int(labels.max()), utterance.where
        if not self.rows or self.recipe.padding == "utterance":
            self._zeros()
        self._spans.append((self.rows, len(rows)))
        self._write(rows, labels.astype(self.label_type))

    def _zeros(self) -> None:
        features = max(self.features, 1)
        self._write(
            np.zeros((GAP, features), dtype=self.recipe.dtype),
            np.zeros(GAP, dtype=self.label_type),
        )

    def _write(self, rows: np.ndarray, labels: np.ndarray) -> None:
        for kind, values in (("frames", rows), ("labels", labels)):
            data = np.ascontiguousarray(values).data
            self.digest.update(data)
            self._files[kind].write(data)
        self.rows += len(rows)


def _read_ahead(readers: Sequence[Reader]) -> Iterator[Utterance]:
    """Utterances in order, a few of them read by other threads while one is written."""
    with ThreadPoolExecutor(max_workers=4) as pool:
        waiting: deque[Future[Utterance]] = deque()
        try:
            for reader in readers:
                waiting.append(pool.submit(reader))
                if len(waiting) >= _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


@contextlib.contextmanager
def _progress(total: int) -> Iterator[Any]:
    """Gives what is called after each utterance; a bar in a terminal, once for each data set."""
    console = Console(stderr=True)
    with Progress(
        TextColumn("reading the data, this once:"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("utterances"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    ) as progress:
        task = progress.add_task("", total=total)
        yield lambda: progress.advance(task)
