"""HW1P2 is read as it lies on disk, and refused where it contradicts itself."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.trainers.data.phonemes.loading import everything, loaded
from tests.trainers.data.phonemes.on_disk import write_hw1p2
from trainers.data.phonemes import hw1p2
from trainers.data.phonemes.hw1p2 import PHONEMES
from trainers.data.phonemes.synthetic import Language
from trainers.errors import ConfigError, DataError


@pytest.mark.parametrize("s22", [False, True])
def test_hw1p2_as_it_lies_on_disk(s22: bool, tmp_path: Path) -> None:
    found = loaded(write_hw1p2(tmp_path / "data", s22=s22), cepstral="none", context=0)
    language = Language(5, seed=0)
    for number, (part, count) in enumerate(((found.train, 6), (found.valid, 3))):
        said = [language.utterance(number, index) for index in range(count)]
        x, y = everything(part)
        frames = np.concatenate([s.frames for s in said]).astype(np.float16).astype(np.float32)
        assert torch.equal(x[:, 0], torch.from_numpy(frames))
        assert y.tolist() == np.concatenate([s.labels for s in said]).tolist()
    assert found.classes == ("SIL" if s22 else "[SIL]", *PHONEMES[1:])
    assert found.input_shape == (1, 5)
    assert not found.test.labelled
    with pytest.raises(DataError, match="no labels"):
        found.test.batch(torch.arange(2))
    assert found.test.inputs(torch.arange(2)).shape == (2, 1, 5)


def test_both_training_folders_or_one(tmp_path: Path) -> None:
    root = write_hw1p2(tmp_path / "data")
    alone = loaded(root)
    shutil.copytree(root / "train-clean-100", root / "train-clean-360")
    assert len(loaded(root).train) == 2 * len(alone.train)
    assert len(loaded(root, train="train-clean-100").train) == len(alone.train)


@pytest.mark.parametrize("place", ["test-clean", "."])
def test_the_order_of_s22_is_that_of_its_list(place: str, tmp_path: Path) -> None:
    root = write_hw1p2(tmp_path / "data")
    usual = loaded(root, context=0, cepstral="none").test
    (root / place / "test_order.csv").write_text("index,file\n0,u2.npy\n1,u0.npy\n2,u1.npy\n")
    listed = loaded(root, context=0, cepstral="none", cache=tmp_path / "other").test
    lengths = [len(np.load(root / "test-clean" / "mfcc" / f"u{i}.npy")) for i in range(3)]
    everyone = torch.arange(len(usual))
    first, second, third = torch.split(usual.inputs(everyone), lengths)
    assert torch.equal(listed.inputs(everyone), torch.cat([third, first, second]))


def test_labels_of_the_test_part_are_used_where_there_are_any(tmp_path: Path) -> None:
    root = write_hw1p2(tmp_path / "data")
    shutil.rmtree(root / "test-clean")
    shutil.copytree(root / "dev-clean", root / "test-clean")
    found = loaded(root)
    assert torch.equal(everything(found.test)[1], everything(found.valid)[1])


def test_real_data() -> None:
    root = os.environ.get("DATA_ROOT")
    if not root or not (Path(root) / "arctic-hw1p2").is_dir():
        pytest.skip("DATA_ROOT has no arctic-hw1p2/: real phoneme data are needed")
    import tempfile

    with tempfile.TemporaryDirectory() as cache:
        found = loaded(Path(root) / "arctic-hw1p2", cache=cache, context=7)
        sizes = [len(part) for part in (found.train, found.valid, found.test)]
        assert sizes == [225_754, 22_018, 22_537]
        labels = everything(found.valid)[1]
        assert float((labels == 0).float().mean()) == pytest.approx(0.507, abs=0.001)


Damage = Callable[[Path], object]


def _replace(name: str, array: np.ndarray) -> Damage:
    return lambda root: np.save(root / name, array)


def _nan(root: Path) -> None:
    path = root / "train-clean-100/mfcc/u2.npy"
    frames = np.load(path)
    frames[7, 1] = np.nan
    np.save(path, frames)


def _cut(root: Path) -> None:
    path = root / "dev-clean/mfcc/u1.npy"
    path.write_bytes(path.read_bytes()[:-10])


def _pickled(root: Path) -> None:
    path = root / "train-clean-100/mfcc/u0.npy"
    np.save(path, np.array([np.zeros((3, 5))], dtype=object), allow_pickle=True)


MALFORMED: list[tuple[Damage, str, list[str]]] = [
    (_nan, "train-clean-100/mfcc/u2.npy", ["frame 7", "not finite"]),
    (_cut, "dev-clean/mfcc/u1.npy", ["damaged", "restore"]),
    (_pickled, "train-clean-100/mfcc/u0.npy", ["objects", "data=hw1p2_legacy"]),
    (
        lambda root: (root / "dev-clean/transcript/u1.npy").unlink(),
        "dev-clean/mfcc/u1.npy",
        ["no transcript beside it", "3 files of frames", "2 transcripts"],
    ),
    (
        _replace("train-clean-100/transcript/u1.npy", np.array(["[SOS]", "AA", "[EOS]"])),
        "train-clean-100/transcript/u1.npy",
        ["3 entries", "two more"],
    ),
    (
        _replace("train-clean-100/mfcc/u4.npy", np.zeros((4, 7), np.float32)),
        "train-clean-100/",
        ["u4.npy"],
    ),
    (
        _replace("dev-clean/mfcc/u0.npy", np.zeros(9, np.float32)),
        "dev-clean/mfcc/u0.npy",
        ["(T, D)", "(9,)"],
    ),
    (
        _replace("dev-clean/mfcc/u0.npy", np.zeros((0, 5), np.float32)),
        "dev-clean/mfcc/u0.npy",
        ["no frames"],
    ),
    (
        _replace("dev-clean/mfcc/u0.npy", np.zeros((9, 5), np.int16)),
        "dev-clean/mfcc/u0.npy",
        ["floats", "int16"],
    ),
    (
        lambda root: (root / "dev-clean/mfcc/u0.npy").write_text("not an array"),
        "dev-clean/mfcc/u0.npy",
        ["is no .npy file", "restore"],
    ),
    (
        _replace("dev-clean/transcript/u0.npy", np.arange(20)),
        "dev-clean/transcript/u0.npy",
        ["phoneme names", "int64"],
    ),
    (lambda root: shutil.rmtree(root / "dev-clean"), "dev-clean/mfcc", ["is not there"]),
    (lambda root: shutil.rmtree(root / "train-clean-100"), "", ["no folder train-clean-*"]),
    (
        lambda root: (root / "test_order.csv").write_text("file\nu0.npy\n"),
        "test_order.csv",
        ["names 1 files", "holds 3"],
    ),
    (
        lambda root: (root / "test_order.csv").write_text("name\nu0.npy\n"),
        "test_order.csv",
        ["a column file"],
    ),
    (
        _replace("train-clean-100/mfcc/u1.npy", np.full((9, 5), 1e300)),
        "train-clean-100/mfcc/u1.npy",
        ["frame 0", "not finite"],
    ),
]


@pytest.mark.parametrize(("damage", "where", "told"), MALFORMED, ids=range(len(MALFORMED)))
def test_a_malformed_data_set_is_refused_by_name(
    damage: Damage, where: str, told: list[str], tmp_path: Path
) -> None:
    root = write_hw1p2(tmp_path / "data")
    damage(root)
    with pytest.raises(DataError) as refused:
        loaded(root)
    message = str(refused.value)
    assert str(root / where) in message
    assert [words for words in told if words not in message] == [], message
    assert len(message.splitlines()) <= 2
    assert [p.name for p in (root / ".caviar").glob("*") if not p.name.endswith(".lock")] == []


def test_another_number_of_features_is_refused(tmp_path: Path) -> None:
    root = write_hw1p2(tmp_path / "data")
    path = root / "dev-clean/mfcc/u0.npy"
    np.save(path, np.zeros((len(np.load(path)), 7), np.float32))
    with pytest.raises(DataError, match=r"dev-clean/mfcc/u0.npy has 7 features.*before it 5"):
        loaded(root)


@pytest.mark.parametrize("name", ["XX", "[SOS]", ""])
def test_an_unknown_phoneme_is_refused(name: str, tmp_path: Path) -> None:
    root = write_hw1p2(tmp_path / "data")
    path = root / "train-clean-100/transcript/u3.npy"
    said = np.load(path)
    said[4] = name
    np.save(path, said)
    with pytest.raises(DataError) as refused:
        loaded(root)
    assert f"{path}: entry 4 is {name!r}" in str(refused.value)


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("context", 65, "data.context must be from 0 to 64, not 65"),
        ("context", -1, "data.context must be from 0 to 64, not -1"),
        ("cepstral", "var", "data.cepstral must be one of"),
        ("padding", "same", "data.padding must be one of"),
        ("dtype", "float64", "data.dtype must be one of"),
        ("scaling", "log", "data.scaling must be one of"),
        ("train", "/train-clean-100", "data.train must be a pattern of folders in data.root"),
        ("train", "''", "data.train must be a pattern of folders in data.root"),
    ],
)
def test_settings_are_refused(key: str, value: Any, told: str, tmp_path: Path) -> None:
    root = write_hw1p2(tmp_path / "data")
    with pytest.raises(ConfigError, match=told):
        loaded(root, **{key: value})


@given(indices=st.lists(st.integers(0, len(PHONEMES) - 1), min_size=1, max_size=60))
def test_every_phoneme_has_the_index_of_the_submissions(indices: list[int]) -> None:
    names = np.array([PHONEMES[i] for i in indices])
    assert hw1p2._indices(Path("u.npy"), names).tolist() == indices
    s22 = np.array(["SIL" if i == 0 else PHONEMES[i] for i in indices])
    assert hw1p2._indices(Path("u.npy"), s22).tolist() == indices


def test_frames_without_a_transcript_and_the_reverse_are_named(tmp_path: Path) -> None:
    root = write_hw1p2(tmp_path / "data")
    (root / "train-clean-100/mfcc/u3.npy").unlink()
    with pytest.raises(DataError, match=r"transcript/u3\.npy has no mfcc beside it"):
        loaded(root)


def test_of_two_lists_of_the_test_part_the_one_within_it_counts(tmp_path: Path) -> None:
    root = write_hw1p2(tmp_path / "data")
    within = "file\nu2.npy\nu0.npy\nu1.npy\n"
    (root / "test-clean" / "test_order.csv").write_text(within)
    first = loaded(root, cache=tmp_path / "first").fingerprint
    (root / "test_order.csv").write_text("file\nu0.npy\nu1.npy\nu2.npy\n")
    assert loaded(root, cache=tmp_path / "second").fingerprint == first
    (root / "test-clean" / "test_order.csv").unlink()
    assert loaded(root, cache=tmp_path / "third").fingerprint != first
