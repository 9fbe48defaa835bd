"""HW1P2 as it was up to S21 and in F21: object arrays of utterances, which only pickle can read.

    <root>/{train,dev,test}.npy             object arrays of (T, D) frames
    <root>/{train,dev}_labels.npy           object arrays of (T,) states; test_labels.npy if any

Loading a pickle runs what it says: for files from people you trust only.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from trainers.data.dataset import Dataset
from trainers.data.phonemes import cache
from trainers.data.phonemes.cache import here as here
from trainers.data.phonemes.frames import dataset
from trainers.data.phonemes.recipe import Recipe
from trainers.data.phonemes.source import (
    Reader,
    Source,
    Utterance,
    checked_frames,
    signature,
)
from trainers.errors import DataError, first_line

_FILES = {"train": "train", "valid": "dev", "test": "test"}


def load(
    root: str,
    cache: str | None,
    fraction: float,
    split_seed: int,
    cepstral: str,
    padding: str,
    context: int,
    dtype: str,
    scaling: str,
    thorough: bool = False,
) -> Dataset:
    """As `trainers.data.phonemes.hw1p2.load`; classes are states, named by their numbers."""
    found = _open(root, cache, Recipe(cepstral, padding, dtype), thorough)
    return dataset(found, fraction, split_seed, context, scaling)


def _open(root: str, folder: str | None, recipe: Recipe, thorough: bool) -> cache.Cache:
    place = Path(root)
    layout = _Layout(place)
    return cache.open_or_build(cache.home(place, folder), "legacy", recipe, layout, thorough)


@dataclass(frozen=True)
class _Layout:
    root: Path

    def glance(self) -> str:
        """The whole signature: there are six files at most."""
        return self.signature()

    def signature(self) -> str:
        """A signature of every file."""
        names = [f"{stem}{end}.npy" for stem in _FILES.values() for end in ("", "_labels")]
        return signature(self.root, [p for p in (self.root / n for n in names) if p.exists()])

    def source(self) -> Source:
        """All utterances."""
        return Source({part: _part(self.root, stem) for part, stem in _FILES.items()}, None)


def _part(root: Path, stem: str) -> list[Reader]:
    """What reads the utterances of one part. The files are read whole: pickle has no other way."""
    frames_path, labels_path = root / f"{stem}.npy", root / f"{stem}_labels.npy"
    frames = _objects(frames_path)
    labels = _objects(labels_path) if stem != "test" or labels_path.exists() else None
    if labels is not None and len(labels) != len(frames):
        raise DataError(
            f"{frames_path} has {len(frames)} utterances and {labels_path} {len(labels)}: they "
            "must be of one data set"
        )

    def read(index: int) -> Utterance:
        where = f"{frames_path}, utterance {index},"
        values = checked_frames(where, np.asarray(frames[index]))
        if labels is None:
            return Utterance(where, values, None)
        said = np.asarray(labels[index])
        if said.ndim != 1 or not np.issubdtype(said.dtype, np.integer):
            raise DataError(
                f"{labels_path}, utterance {index}, must hold a row of integers, and holds "
                f"{said.dtype} {said.shape}: restore it"
            )
        return Utterance(where, values, said)

    return [partial(read, index) for index in range(len(frames))]


def _objects(path: Path) -> Any:
    """The utterances of one file."""
    try:
        loaded = np.load(path, allow_pickle=True)
    except FileNotFoundError:
        raise DataError(
            f"{path} is missing: set data.root=… to the folder of train.npy, dev.npy and test.npy "
            "(the folders of later semesters are data=hw1p2)"
        ) from None
    except Exception as error:  # a pickle may raise anything
        raise DataError(f"{path} is damaged ({first_line(error)}): restore it") from None
    if not isinstance(loaded, np.ndarray) or not loaded.ndim or not len(loaded):
        raise DataError(f"{path} must hold an array of utterances, and holds none: restore it")
    return loaded
