"""Libriphone: lists of utterances, a tensor file each, and a validation part that is held out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.trainers.data.phonemes.loading import everything, loaded
from tests.trainers.data.phonemes.on_disk import write_libriphone
from trainers.errors import DataError

Damage = Callable[[Path], object]


def test_libriphone(tmp_path: Path) -> None:
    root = write_libriphone(tmp_path / "data")
    found = loaded(root, "libriphone", validation=0.3)
    whole = loaded(root, "libriphone", validation=0.1)
    assert found.input_shape == (3, 39)
    assert len(found.train) + len(found.valid) == len(whole.train) + len(whole.valid)
    assert len(found.valid) > len(whole.valid)
    assert not found.test.labelled
    assert len(found.classes) == 1 + max(
        int(everything(part)[1].max()) for part in (found.train, found.valid)
    )


def test_tensors_of_any_float_kind(tmp_path: Path) -> None:
    root = write_libriphone(tmp_path / "data")
    path = root / "feat/train/train-1.pt"
    before = loaded(root, "libriphone").fingerprint
    values = torch.load(path, weights_only=True)
    torch.save(values.clone().requires_grad_(), path)
    assert loaded(root, "libriphone").fingerprint == before
    torch.save(values.bfloat16(), path)
    assert loaded(root, "libriphone").fingerprint != before


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda root: (root / "train_split.txt").unlink(), "train_split.txt cannot be read"),
        (lambda root: (root / "train_labels.txt").write_text("train-0 1 2 x"), "line 1"),
        (lambda root: (root / "train_labels.txt").write_text("train-0 1 2"), "has no line for"),
        (lambda root: (root / "feat/train/train-1.pt").write_bytes(b"x"), "train-1.pt is damaged"),
        (lambda root: torch.save({"a": 1}, root / "feat/train/train-1.pt"), "must hold a tensor"),
        (
            lambda root: torch.save(torch.zeros(3, 39), root / "feat/train/train-1.pt"),
            r"train-1.pt has 3 frames and \d+ labels",
        ),
        (lambda root: (root / "train_split.txt").write_text("train-0\n"), "holds out all of them"),
    ],
)
def test_malformed_libriphone(damage: Damage, told: str, tmp_path: Path) -> None:
    root = write_libriphone(tmp_path / "data")
    damage(root)
    with pytest.raises(DataError, match=told):
        loaded(root, "libriphone")


def test_the_seed_alone_decides_what_validates(tmp_path: Path) -> None:
    root = write_libriphone(tmp_path / "data")
    first, same, other = (
        loaded(root, "libriphone", validation=0.3, split_seed=seed, cache=tmp_path / f"{number}")
        for number, seed in enumerate((1, 1, 2))
    )
    assert first.fingerprint == same.fingerprint
    assert first.fingerprint != other.fingerprint


def test_no_utterance_both_trains_and_validates(tmp_path: Path) -> None:
    root = write_libriphone(tmp_path / "data")
    dataset = loaded(root, "libriphone", validation=0.3, context=0, cepstral="none")
    lengths = {}
    for line in (root / "train_labels.txt").read_text().splitlines():
        name, *labels = line.split()
        lengths[name] = len(labels)
    assert len(dataset.train) + len(dataset.valid) == sum(lengths.values())
    trained, validated = (
        {tuple(row) for row in everything(part)[0].flatten(1).tolist()}
        for part in (dataset.train, dataset.valid)
    )
    assert trained & validated == set(), "frames of noise: no two are alike"


def test_labels_of_utterances_that_are_not_listed_are_passed_over(tmp_path: Path) -> None:
    root = write_libriphone(tmp_path / "data")
    before = loaded(root, "libriphone").fingerprint
    with (root / "train_labels.txt").open("a") as file:
        file.write("stranger 1 2 3\n")
    assert loaded(root, "libriphone").fingerprint == before
