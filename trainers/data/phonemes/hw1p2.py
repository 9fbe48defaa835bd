"""Load HW1P2 of CMU 11-785 since S22: a folder a part, two .npy files an utterance.

<root>/train-clean-100/{mfcc,transcript}/*.npy     also train-clean-360
<root>/dev-clean/{mfcc,transcript}/*.npy           the validation part
<root>/test-clean/mfcc/*.npy                       transcripts, if any, are used for testing
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from trainers.config.hydra_grammar import written
from trainers.data.dataset import Dataset
from trainers.data.phonemes.cache import here as cached_here
from trainers.data.phonemes.cache import home, open_or_build
from trainers.data.phonemes.frames import dataset
from trainers.data.phonemes.recipe import Recipe
from trainers.data.phonemes.source import (
    Ints,
    Reader,
    Source,
    Utterance,
    array,
    checked_frames,
    file_names,
    signature,
)
from trainers.errors import ConfigError, DataError

#: In the order that submissions have had since S22. The silence is SIL in S22 and F22.
_NAMES = (
    "[SIL] AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH "
    "UW V W Y Z ZH"
)
PHONEMES = tuple(_NAMES.split())
_SPELLINGS = {"SIL": "[SIL]"}
_ENDS = ("[SOS]", "[EOS]", "<sos>", "<eos>")


def load(
    root: str,
    cache: str | None,
    train: str,
    fraction: float,
    split_seed: int,
    cepstral: str,
    padding: str,
    context: int,
    dtype: str,
    scaling: str,
    thorough: bool = False,
) -> Dataset:
    """Load windows of 2 x context + 1 frames around each frame, and the frame's phoneme.

    Args:
        root: folder of the parts.
        cache: folder of the caches of all data sets; None for `<root>/.caviar`.
        train: glob of the folders to train on.
        fraction: share of the training utterances that is used.
        split_seed: decides which utterances `fraction` leaves.
        cepstral: normalisation of each utterance over time: mean_variance, mean or none.
        padding: what a window sees beyond the ends: zeros beyond those of the utterance, or
            (concatenation) the neighbouring utterances.
        context: frames on either side.
        dtype: number format of the cache: float16 or float32.
        scaling: scaling of each feature over the training part: standardise, minmax or none.
        thorough: check whether any file has changed since the cache was built, not only folders.

    Raises:
        DataError: a file is missing, damaged, or disagrees with another.
        ConfigError: a setting that is none of these.
    """
    place = _cached(root, cache, train, Recipe(cepstral, padding, dtype))
    return dataset(open_or_build(*place, thorough), fraction, split_seed, context, scaling)


def here(**keys: Any) -> bool:
    """Return whether the data has been read before; takes the keys of `load`.

    Raises:
        DataError: it has not, and a file is missing.
    """
    recipe = Recipe(keys["cepstral"], keys["padding"], keys["dtype"])
    return cached_here(*_cached(keys["root"], keys["cache"], keys["train"], recipe))


def _cached(
    root: str, cache: str | None, train: str, recipe: Recipe
) -> tuple[Path, str, Recipe, _Layout]:
    """Tell what is cached, and where: what functions of `cache` take."""
    place = Path(root)
    return home(place, cache), f"hw1p2-{train}", recipe, _Layout(place, train)


@dataclass(frozen=True)
class _Layout:
    root: Path
    train: str

    def folders(self) -> dict[str, list[Path]]:
        """Find the folders of each part: train, valid, test."""
        try:
            train = sorted(path for path in self.root.glob(self.train) if path.is_dir())
        except (ValueError, NotImplementedError):  # an empty one, an absolute one
            raise ConfigError(
                f"data.train must be a pattern of folders in data.root, not "
                f"{written(self.train)}: set data.train=train-clean-*"
            ) from None
        if not train:
            raise DataError(
                f"{self.root} has no folder {self.train}: set data.root=… to the folder of the "
                "parts (data.train=… to train on others), or train on generated data with "
                "data=synthetic_phonemes"
            )
        return {
            "train": train,
            "valid": [self.root / "dev-clean"],
            "test": [self.root / "test-clean"],
        }

    def glance(self) -> str:
        """Sign the folders, which costs nothing and shows most changes."""
        leaves = [path for path in self._leaves() if path.exists()]
        return signature(self.root, [*leaves, *_orders(self.root / "test-clean")])

    def require(self) -> None:
        """Look for every file, and read no frames."""
        self.source()

    def signature(self) -> str:
        """Sign every file."""
        files: list[Path] = []
        for folder in self._leaves():
            if folder.is_dir():
                files += [folder / f"{name}.npy" for name in file_names(folder, ".npy")]
        files += _orders(self.root / "test-clean")
        return signature(self.root, files)

    def source(self) -> Source:
        """Find all utterances."""
        parts: dict[str, Sequence[Reader]] = {
            part: [reader for folder in folders for reader in _readers(folder, part)]
            for part, folders in self.folders().items()
        }
        return Source(parts, (_silence(self.folders()["train"][0]), *PHONEMES[1:]))

    def _leaves(self) -> Iterator[Path]:
        for folders in self.folders().values():
            for folder in folders:
                yield from (folder / "mfcc", folder / "transcript")


def _readers(folder: Path, part: str) -> list[Reader]:
    names = file_names(folder / "mfcc", ".npy")
    transcripts = folder / "transcript"
    if part == "test":
        names = _ordered(folder, names)
        if not transcripts.is_dir():
            return [partial(_read, folder / "mfcc" / f"{name}.npy", None) for name in names]
    with_frames, with_transcript = set(names), set(file_names(transcripts, ".npy"))
    for name in sorted(with_frames ^ with_transcript)[:1]:
        pair = ("mfcc", "transcript")
        there, gone = pair if name in with_frames else pair[::-1]
        raise DataError(
            f"{folder / there / name}.npy has no {gone} beside it ({len(with_frames)} files of "
            f"frames, {len(with_transcript)} transcripts): restore the data set"
        )
    return [
        partial(_read, folder / "mfcc" / f"{name}.npy", transcripts / f"{name}.npy")
        for name in names
    ]


def _orders(folder: Path) -> list[Path]:
    """Find the files that order the test utterances; the first one counts."""
    places = (folder / "test_order.csv", folder.parent / "test_order.csv")
    return [path for path in places if path.is_file()]


def _ordered(folder: Path, names: list[str]) -> list[str]:
    """Order names as in a submission: by test_order.csv if there is one (S22), else sorted."""
    for path in _orders(folder):
        with path.open(newline="", encoding="utf-8") as file:
            rows = csv.DictReader(file)
            order = [str(row.get("file")).removesuffix(".npy") for row in rows]
        if "file" not in (rows.fieldnames or ()):
            raise DataError(f"{path} must have a column file, with names of utterances: restore it")
        if sorted(order) != sorted(names):
            raise DataError(
                f"{path} names {len(order)} files, and {folder / 'mfcc'} holds {len(names)}; "
                "they must be the same: restore one"
            )
        return order
    return names


def _read(frames: Path, transcript: Path | None) -> Utterance:
    values = checked_frames(str(frames), array(frames))
    if transcript is None:
        return Utterance(str(frames), values, None)
    spoken = array(transcript)
    if spoken.ndim != 1 or spoken.dtype.kind != "U":
        raise DataError(
            f"{transcript} must hold a row of phoneme names, and holds {spoken.dtype} "
            f"{spoken.shape}: restore it"
        )
    if len(spoken) != len(values) + 2:
        raise DataError(
            f"{transcript} has {len(spoken)} entries and {frames} {len(values)} frames: there must "
            "be two more, for start and end; restore them"
        )
    return Utterance(str(frames), values, _indices(transcript, spoken[1:-1]))


_SORTED = np.sort(np.array([*PHONEMES, *_SPELLINGS]))
_INDEX = np.array([PHONEMES.index(_SPELLINGS.get(str(n), str(n))) for n in _SORTED], dtype=np.uint8)


def _indices(path: Path, names: np.ndarray) -> Ints:
    """Convert phoneme names to indices, (T,) uint8."""
    place = np.minimum(np.searchsorted(_SORTED, names), len(_SORTED) - 1)
    unknown = _SORTED[place] != names
    if unknown.any():
        row = int(np.argmax(unknown))
        what = "a mark of start or end" if str(names[row]) in _ENDS else "no phoneme of the course"
        raise DataError(
            f"{path}: entry {row + 1} is {str(names[row])!r}, {what}; it must be one of "
            f"{' '.join(PHONEMES)}"
        )
    return _INDEX[place]


def _silence(folder: Path) -> str:
    """Find the spelling of silence in the data."""
    for name in file_names(folder / "transcript", ".npy"):
        spoken = array(folder / "transcript" / f"{name}.npy")
        for spelling in ("[SIL]", "SIL"):
            if spelling in spoken:
                return spelling
    return "[SIL]"
