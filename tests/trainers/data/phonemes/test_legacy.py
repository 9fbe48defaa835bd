"""The object arrays of older semesters: states for phonemes, loaded by pickle on request only."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.trainers.data.phonemes.loading import everything, loaded
from tests.trainers.data.phonemes.on_disk import write_legacy
from trainers.errors import DataError

Damage = Callable[[Path], object]


def test_legacy(tmp_path: Path) -> None:
    found = loaded(write_legacy(tmp_path / "data"), "hw1p2_legacy", context=0, cepstral="none")
    assert found.classes == tuple(map(str, range(346)))
    assert found.input_shape == (1, 13)
    assert int(everything(found.train)[1].max()) == 345
    assert not found.test.labelled


def test_a_label_too_large_for_the_cache_is_refused(tmp_path: Path) -> None:
    root = write_legacy(tmp_path / "data", states=2**15 + 1)
    with pytest.raises(DataError, match="has a label 32768, and labels may be up to 32767"):
        loaded(root, "hw1p2_legacy")


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda root: (root / "dev.npy").unlink(), "dev.npy is missing"),
        (lambda root: (root / "dev.npy").write_bytes(b"junk"), "dev.npy is damaged"),
        (
            lambda root: np.save(root / "dev_labels.npy", np.empty(2, object), allow_pickle=True),
            "dev.npy has 4 utterances and .*dev_labels.npy 2",
        ),
        (
            lambda root: np.save(root / "test.npy", np.empty(0, object), allow_pickle=True),
            "test.npy must hold an array of utterances",
        ),
        (
            lambda root: np.save(root / "dev.npy", np.float32(1)),
            "dev.npy must hold an array of utterances",
        ),
    ],
)
def test_malformed_object_arrays(damage: Damage, told: str, tmp_path: Path) -> None:
    root = write_legacy(tmp_path / "data")
    damage(root)
    with pytest.raises(DataError, match=told):
        loaded(root, "hw1p2_legacy")


def test_labels_of_the_test_part_are_used_where_there_are_any(tmp_path: Path) -> None:
    root = write_legacy(tmp_path / "data")
    for kind in ("", "_labels"):
        (root / f"test{kind}.npy").write_bytes((root / f"dev{kind}.npy").read_bytes())
    dataset = loaded(root, "hw1p2_legacy")
    assert dataset.test.labelled
    for tested, validated in zip(everything(dataset.test), everything(dataset.valid), strict=True):
        assert torch.equal(tested, validated)


@pytest.mark.parametrize("labels", [np.zeros(5), np.zeros((5, 1), np.int64), np.array(["a"])])
def test_labels_that_are_no_row_of_integers_are_refused(labels: np.ndarray, tmp_path: Path) -> None:
    root = write_legacy(tmp_path / "data")
    whole = np.load(root / "dev_labels.npy", allow_pickle=True)
    whole[2] = labels
    np.save(root / "dev_labels.npy", whole, allow_pickle=True)
    with pytest.raises(DataError, match=r"dev_labels\.npy, utterance 2, must hold a row of integ"):
        loaded(root, "hw1p2_legacy")


def test_a_file_that_was_rewritten_is_read_anew(tmp_path: Path) -> None:
    root = write_legacy(tmp_path / "data")
    before = loaded(root, "hw1p2_legacy").fingerprint
    whole = np.load(root / "train.npy", allow_pickle=True)
    whole[0] = whole[0][::-1]
    np.save(root / "train.npy", whole, allow_pickle=True)
    assert loaded(root, "hw1p2_legacy").fingerprint != before


def test_a_file_of_pickles_cannot_be_loaded_as_another_layout(tmp_path: Path) -> None:
    """Only who names the layout runs what the files say."""
    root = write_legacy(tmp_path / "data")
    with pytest.raises(DataError):
        loaded(root, "hw1p2")
