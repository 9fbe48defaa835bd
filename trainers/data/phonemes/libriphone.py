"""Load Libriphone, of NTU's machine-learning course (2022, 2023): a tensor an utterance.

<root>/train_split.txt, test_split.txt     an utterance a line
<root>/train_labels.txt                    an utterance and its labels, integers, a line
<root>/feat/{train,test}/<utterance>.pt    (T, D) float tensors
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

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


def load(
    root: str,
    cache: str | None,
    validation: float,
    fraction: float,
    split_seed: int,
    cepstral: str,
    padding: str,
    context: int,
    dtype: str,
    scaling: str,
    thorough: bool = False,
) -> Dataset:
    """Load as `trainers.data.phonemes.hw1p2.load` does; classes are named by number.

    Args:
        validation: share of the training utterances that is held out, by `split_seed`.
    """
    recipe = Recipe(cepstral, padding, dtype)
    place = _cached(root, cache, validation, split_seed, recipe)
    return dataset(open_or_build(*place, thorough), fraction, split_seed, context, scaling)


def here(**keys: Any) -> bool:
    """Return whether the data has been read before; takes the keys of `load`.

    Raises:
        DataError: it has not, and a file is missing.
    """
    recipe = Recipe(keys["cepstral"], keys["padding"], keys["dtype"])
    place = (keys["root"], keys["cache"])
    return cached_here(*_cached(*place, keys["validation"], keys["split_seed"], recipe))


def _cached(
    root: str, cache: str | None, validation: float, split_seed: int, recipe: Recipe
) -> tuple[Path, str, Recipe, _Layout]:
    place = Path(root)
    name = f"libriphone-{validation}-{split_seed}"
    return home(place, cache), name, recipe, _Layout(place, validation, split_seed)


@dataclass(frozen=True)
class _Layout:
    root: Path
    validation: float
    split_seed: int

    def glance(self) -> str:
        """Sign the lists and folders."""
        return signature(self.root, [p for p in self._tops() if p.exists()])

    def require(self) -> None:
        """Look for every file, and read no frames."""
        self.source()

    def signature(self) -> str:
        """Sign every file."""
        files = [p for p in self._tops() if p.is_file()]
        for folder in (p for p in self._tops() if p.is_dir()):
            files += sorted(folder.glob("*.pt"))
        return signature(self.root, files)

    def source(self) -> Source:
        """Find all utterances."""
        named, tested = (_names(self.root / f"{part}_split.txt") for part in ("train", "test"))
        labels = _labels(self.root / "train_labels.txt")
        feat = self.root / "feat"
        order = np.random.default_rng(self.split_seed).permutation(len(named))
        held = set(order[: max(1, round(self.validation * len(named)))].tolist())
        if len(held) == len(named):
            raise DataError(
                f"{self.root / 'train_split.txt'} names {len(named)} utterances, and "
                f"data.validation={self.validation} holds out all of them: set it lower"
            )
        readers: dict[str, list[Reader]] = {"train": [], "valid": [], "test": []}
        for number, name in enumerate(named):
            if name not in labels:
                raise DataError(
                    f"{self.root / 'train_labels.txt'} has no line for {name} of train_split.txt: "
                    "restore them"
                )
            part = "valid" if number in held else "train"
            readers[part].append(partial(_read, feat / "train" / f"{name}.pt", labels[name]))
        readers["test"] = [partial(_read, feat / "test" / f"{name}.pt", None) for name in tested]
        return Source(readers, None)

    def _tops(self) -> list[Path]:
        lists = [self.root / f"{n}.txt" for n in ("train_split", "test_split", "train_labels")]
        return [*lists, self.root / "feat" / "train", self.root / "feat" / "test"]


def _names(path: Path) -> list[str]:
    names = _text(path).split()
    if not names:
        raise DataError(f"{path} names no utterance: restore it")
    return names


def _labels(path: Path) -> dict[str, np.ndarray]:
    labels = {}
    for number, line in enumerate(_text(path).splitlines(), 1):
        name, *numbers = line.split() or [""]
        try:
            labels[name] = np.array([int(one) for one in numbers], dtype=np.int16)
        except (ValueError, OverflowError):
            raise DataError(f"{path}, line {number}, must hold integers after the name") from None
    return labels


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise DataError(
            f"{path} cannot be read ({reason}): set data.root=… to the folder of train_split.txt"
        ) from None


def _read(path: Path, labels: np.ndarray | None) -> Utterance:
    try:
        values = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise DataError(f"{path} is missing: restore the data set") from None
    except Exception as error:  # whatever a damaged archive makes of itself
        raise DataError(f"{path} is damaged ({first_line(error)}): restore it") from None
    if not isinstance(values, torch.Tensor):
        raise DataError(f"{path} must hold a tensor, and holds {type(values).__name__}: restore it")
    if values.dtype == torch.bfloat16:  # which numpy has no name for
        values = values.float()
    return Utterance(str(path), checked_frames(str(path), values.detach().numpy()), labels)
