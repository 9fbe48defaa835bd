"""Define what a layout of phoneme data gives the cache: utterances to read, and a signature."""

from __future__ import annotations

import hashlib
import io
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from trainers.errors import DataError, first_line

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.integer]

PARTS = ("train", "valid", "test")


@dataclass(frozen=True)
class Utterance:
    """Holds one utterance as it was read.

    Attributes:
        origin: file and name, for messages.
        frames: (T, D) float32.
        labels: (T,) integers, indices of classes; None if unlabelled.
    """

    origin: str
    frames: Floats
    labels: Ints | None


#: Reads one utterance. May be called from several threads at once.
Reader = Callable[[], Utterance]


@dataclass(frozen=True)
class Source:
    """Holds the readers of all utterances of a data set.

    Attributes:
        parts: train, valid and test -> a reader for each utterance, in the order of the data.
        classes: names of the labels; None if labels are mere numbers, and the largest one in
            training gives the number of classes.
    """

    parts: Mapping[str, Sequence[Reader]]
    classes: tuple[str, ...] | None


class Layout(Protocol):
    """Describes a layout of phoneme data on disk: finds its files, and reads them into a cache."""

    def glance(self) -> str:
        """Sign the files at next to no cost; the signature need not tell of every change.

        Raises:
            DataError: there is no data of this layout at all.
        """

    def require(self) -> None:
        """Look for every file, and read no frames.

        Raises:
            DataError: one is missing.
        """

    def signature(self) -> str:
        """Sign the files: the signature changes when anything that is read does."""

    def source(self) -> Source:
        """Find all utterances; each is read when its reader is called."""


def signature(root: Path, files: Sequence[Path]) -> str:
    """Sign files: the signature changes when one is added, removed, replaced or rewritten.

    Raises:
        DataError: there are no files.
    """
    if not files:
        raise DataError(
            f"{root} holds no data of this layout: set data.root=… to their folder, data=… to "
            "another layout, or train on generated data with data=synthetic_phonemes"
        )
    digest = hashlib.sha256()
    for path in files:
        status = path.stat()
        digest.update(
            f"{path.relative_to(root)}\0{status.st_size}\0{status.st_mtime_ns}\n".encode()
        )
    return digest.hexdigest()


def file_names(folder: Path, suffix: str) -> list[str]:
    """List the names of the files with a suffix in a folder, sorted, without the suffix.

    Raises:
        DataError: there is no such folder, or no such file in it.
    """
    try:
        with os.scandir(folder) as entries:
            names = sorted(e.name[: -len(suffix)] for e in entries if e.name.endswith(suffix))
    except (FileNotFoundError, NotADirectoryError):
        raise DataError(
            f"{folder} is not there: set data.root=… to the folder of the data set, or train on "
            "generated data with data=synthetic_phonemes"
        ) from None
    if not names:
        raise DataError(f"{folder} holds no {suffix} files: is it the folder of another data set?")
    return names


#: NumPy parses the header of a file by `ast`, which fails now and then where two threads of
#: Python 3.11 parse at once ("AST constructor recursion depth mismatch").
_PARSING = threading.Lock()


def array(path: Path) -> npt.NDArray[np.generic]:
    """Read an array from an .npy file, which may not hold objects.

    Raises:
        DataError: the file is missing, damaged, or holds something else.
    """
    try:
        stored = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path} is missing: restore the data set") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read ({first_line(error)}): restore it") from None
    try:
        with _PARSING:
            loaded = np.load(io.BytesIO(stored), allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        if not stored.startswith(b"\x93NUMPY"):  # numpy would take it for pickled objects
            raise DataError(f"{path} is no .npy file: restore it") from None
        if "Object arrays" in str(error):
            raise DataError(
                f"{path} holds Python objects, which are not loaded: the object arrays of older "
                "semesters are data=hw1p2_legacy"
            ) from None
        raise DataError(f"{path} is damaged ({first_line(error)}): restore it") from None
    if not isinstance(loaded, np.ndarray):
        raise DataError(f"{path} is no .npy file: restore it")
    return loaded


def checked_frames(origin: str, frames: npt.NDArray[np.generic]) -> Floats:
    """Check (T, D) frames, and convert them to float32.

    Raises:
        DataError: another shape or kind, no frames, or numbers that are not finite.
    """
    if frames.ndim != 2 or not np.issubdtype(frames.dtype, np.floating):
        raise DataError(
            f"{origin} must hold frames (T, D) of floats, and holds {frames.dtype} "
            f"{frames.shape}: restore it"
        )
    if not frames.size:
        raise DataError(f"{origin} has no frames ({frames.shape}): remove it, and its transcript")
    with np.errstate(over="ignore"):  # infinite then, and refused
        result = frames.astype(np.float32, copy=False)
    if not np.isfinite(result).all():
        row = int(np.argmin(np.isfinite(result).all(axis=1)))
        raise DataError(f"{origin}: frame {row} holds a number that is not finite: restore it")
    return result
