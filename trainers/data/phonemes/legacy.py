"""Load HW1P2 of up to S21 and F21: object arrays of utterances, which only pickle can read.

    <root>/{train,dev,test}.npy             object arrays of (T, D) frames
    <root>/{train,dev}_labels.npy           object arrays of (T,) states; test_labels.npy if any

Loading a pickle runs the code in it: only for files from people you trust.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from trainers.data.dataset import Dataset
from trainers.data.phonemes.cache import here as cached_here
from trainers.data.phonemes.cache import home, open_or_build
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
    """Load as `trainers.data.phonemes.hw1p2.load` does; classes are states, named by number."""
    place = _cached(root, cache, Recipe(cepstral, padding, dtype))
    return dataset(open_or_build(*place, thorough), fraction, split_seed, context, scaling)


def here(**keys: Any) -> bool:
    """Return whether the data has been read before; takes the keys of `load`.

    Raises:
        DataError: it has not, and a file is missing.
    """
    recipe = Recipe(keys["cepstral"], keys["padding"], keys["dtype"])
    return cached_here(*_cached(keys["root"], keys["cache"], recipe))


def _cached(root: str, cache: str | None, recipe: Recipe) -> tuple[Path, str, Recipe, _Layout]:
    place = Path(root)
    return home(place, cache), "legacy", recipe, _Layout(place)


@dataclass(frozen=True)
class _Layout:
    root: Path

    def glance(self) -> str:
        """Sign every file: there are six at most."""
        return self.signature()

    def require(self) -> None:
        """Look for every file; only the test part may lack labels."""
        for stem in _FILES.values():
            for end in ("", "_labels"):
                path = self.root / f"{stem}{end}.npy"
                if not path.is_file() and path.stem != "test_labels":
                    raise _missing(path)

    def signature(self) -> str:
        """Sign every file."""
        names = [f"{stem}{end}.npy" for stem in _FILES.values() for end in ("", "_labels")]
        return signature(self.root, [p for p in (self.root / n for n in names) if p.exists()])

    def source(self) -> Source:
        """Find all utterances."""
        return Source({part: _part(self.root, stem) for part, stem in _FILES.items()}, None)


def _part(root: Path, stem: str) -> list[Reader]:
    """Make the readers of one part. The files are read whole: pickle has no other way."""
    frames_path, labels_path = root / f"{stem}.npy", root / f"{stem}_labels.npy"
    frames = _objects(frames_path)
    labels = _objects(labels_path) if stem != "test" or labels_path.exists() else None
    if labels is not None and len(labels) != len(frames):
        raise DataError(
            f"{frames_path} has {len(frames)} utterances and {labels_path} {len(labels)}: they "
            "must be of one data set"
        )

    def read(index: int) -> Utterance:
        origin = f"{frames_path}, utterance {index},"
        values = checked_frames(origin, np.asarray(frames[index]))
        if labels is None:
            return Utterance(origin, values, None)
        states = np.asarray(labels[index])
        if states.ndim != 1 or not np.issubdtype(states.dtype, np.integer):
            raise DataError(
                f"{labels_path}, utterance {index}, must hold a row of integers, and holds "
                f"{states.dtype} {states.shape}: restore it"
            )
        return Utterance(origin, values, states)

    return [partial(read, index) for index in range(len(frames))]


def _objects(path: Path) -> Any:
    """Read the utterances of one file."""
    try:
        loaded = np.load(path, allow_pickle=True)
    except FileNotFoundError:
        raise _missing(path) from None
    except Exception as error:  # a pickle may raise anything
        raise DataError(f"{path} is damaged ({first_line(error)}): restore it") from None
    if not isinstance(loaded, np.ndarray) or not loaded.ndim or not len(loaded):
        raise DataError(f"{path} must hold an array of utterances, and holds none: restore it")
    return loaded


def _missing(path: Path) -> DataError:
    return DataError(
        f"{path} is missing: set data.root=… to the folder of train.npy, dev.npy and test.npy "
        "(the folders of later semesters are data=hw1p2)"
    )
