"""Write a cache of phoneme data: normalise and check each utterance, and sum up the files.

`trainers.data.phonemes.cache` lists the files, and decides when they are written.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from trainers.data.phonemes.recipe import GAP, Recipe
from trainers.data.phonemes.source import PARTS, Layout, Reader, Utterance
from trainers.errors import DataError

#: Version of the format; a cache of another version is built anew.
VERSION = 1

#: Utterances that are read ahead of the one that is written.
_AHEAD = 64


def write_cache(folder: Path, recipe: Recipe, layout: Layout) -> None:
    """Write all files of a cache, meta.json last."""
    glance, signature = layout.glance(), layout.signature()
    source = layout.source()
    digest = hashlib.sha256()
    total = sum(len(source.parts[part]) for part in PARTS)
    about: dict[str, Any] = {}
    classes = source.classes
    features = 0
    label_type = np.dtype(np.uint8 if classes is not None and len(classes) <= 256 else np.int16)
    with _progress(total) as advance:
        for part in PARTS:
            writer = PartWriter(folder, part, recipe, label_type, digest, features)
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
                    f"{writer.origin_of_largest} has a label {writer.largest}, and the training "
                    f"part has labels up to {len(classes) - 1}: are they of one data set?"
                )
            about[part] = {"rows": writer.rows, "labelled": not writer.unlabelled}
    files = sorted(path for path in folder.iterdir())
    meta = {
        "version": VERSION,
        "glance": glance,
        "signature": signature,
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


class PartWriter:
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
        self.origin_of_largest = self.unlabelled = ""
        self._spans: list[tuple[int, int]] = []
        self._paths = {kind: folder / f"{part}.{kind}" for kind in ("frames", "labels")}
        self._spans_path = folder / f"{part}.utterances"
        self._files: dict[str, IO[bytes]] = {}

    def __enter__(self) -> PartWriter:
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
        """Write the next utterance, after rows of zeros if the recipe keeps utterances apart."""
        frames, labels = utterance.frames, utterance.labels
        self.features = self.features or frames.shape[1]
        if frames.shape[1] != self.features:
            raise DataError(
                f"{utterance.origin} has {frames.shape[1]} features a frame, and the files before "
                f"it {self.features}: are they of one data set?"
            )
        with np.errstate(over="ignore", invalid="ignore"):  # refused below
            rows = self.recipe.normalised(frames).astype(self.recipe.dtype)
        if not np.isfinite(rows).all():
            remedy = "set data.dtype=float32" if self.recipe.dtype == "float16" else "restore it"
            raise DataError(
                f"{utterance.origin} has numbers too large for {self.recipe.dtype}: {remedy}"
            )
        if labels is None:
            self.unlabelled = utterance.origin
            labels = np.zeros(len(frames), dtype=self.label_type)
        elif len(labels) != len(frames):
            raise DataError(
                f"{utterance.origin} has {len(frames)} frames and {len(labels)} labels: restore it"
            )
        elif int(labels.min()) < 0:
            raise DataError(f"{utterance.origin} has a label {int(labels.min())}, below 0")
        elif int(labels.max()) > (most := np.iinfo(self.label_type).max):
            raise DataError(
                f"{utterance.origin} has a label {int(labels.max())}, and labels may be up to "
                f"{most}"
            )
        elif int(labels.max()) > self.largest:
            self.largest, self.origin_of_largest = int(labels.max()), utterance.origin
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
    """Yield utterances in order, while other threads read the next few."""
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
    """Show a bar in a terminal; yield the function to call after each utterance."""
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
