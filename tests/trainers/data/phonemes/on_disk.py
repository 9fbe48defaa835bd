"""Small data sets in the layouts that people have, made of synthetic utterances."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from trainers.data.phonemes.hw1p2 import PHONEMES
from trainers.data.phonemes.synthetic import Language

PARTS = {"train-clean-100": (0, 6), "dev-clean": (1, 3), "test-clean": (2, 3)}


def write_hw1p2(root: Path, features: int = 5, s22: bool = False) -> Path:
    """The layout since S22; with `s22` in the spelling of that semester."""
    language = Language(features, seed=0)
    spelt = np.array([*PHONEMES, "[SOS]", "[EOS]"])
    if s22:
        spelt = np.array(["SIL", *PHONEMES[1:], "<sos>", "<eos>"])
    for name, (part, count) in PARTS.items():
        for kind in ("mfcc", "transcript"):
            (root / name / kind).mkdir(parents=True)
        for index in range(count):
            said = language.utterance(part, index)
            assert said.labels is not None
            np.save(root / name / "mfcc" / f"u{index}.npy", said.frames)
            if name != "test-clean":
                labels = np.concatenate([[40], said.labels, [41]])
                np.save(root / name / "transcript" / f"u{index}.npy", spelt[labels])
        if name == "test-clean":
            (root / name / "transcript").rmdir()
    return root


def write_legacy(root: Path, states: int = 346) -> Path:
    """The object arrays up to S21, with states instead of phonemes."""
    language = Language(13, seed=0)
    root.mkdir()
    for name, part in (("train", 0), ("dev", 1), ("test", 2)):
        said = [language.utterance(part, index) for index in range(4)]
        labels = [np.asarray(s.labels).astype(np.int64) * 8 for s in said]
        labels[0][0] = states - 1
        _save_objects(root / f"{name}.npy", [s.frames for s in said])
        if name != "test":
            _save_objects(root / f"{name}_labels.npy", labels)
    return root


def write_libriphone(root: Path) -> Path:
    """NTU's layout."""
    language = Language(39, seed=0)
    lines = []
    for name, part, count in (("train", 0, 10), ("test", 2, 3)):
        (root / "feat" / name).mkdir(parents=True)
        names = [f"{name}-{index}" for index in range(count)]
        (root / f"{name}_split.txt").write_text("\n".join(names) + "\n")
        for index, utterance in enumerate(names):
            said = language.utterance(part, index)
            torch.save(torch.from_numpy(said.frames), root / "feat" / name / f"{utterance}.pt")
            if name == "train":
                assert said.labels is not None
                lines.append(" ".join([utterance, *map(str, said.labels)]))
    (root / "train_labels.txt").write_text("\n".join(lines) + "\n")
    return root


def _save_objects(path: Path, arrays: list[np.ndarray]) -> None:
    whole = np.empty(len(arrays), dtype=object)
    whole[:] = arrays
    np.save(path, whole, allow_pickle=True)
