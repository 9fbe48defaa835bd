from __future__ import annotations

import gzip
import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from trainers.data import mnist
from trainers.data.dataset import Bytes, Dataset, Images
from trainers.errors import DataError

SIZES = {"train": 200, "t10k": 40}


def idx(array: Bytes) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def arrays(part: str) -> tuple[Bytes, Bytes]:
    """Images whose first pixel is their label, and labels."""
    rng = np.random.default_rng(SIZES[part])
    labels = (np.arange(SIZES[part]) % 10).astype(np.uint8)
    images = rng.integers(0, 256, (SIZES[part], 28, 28), np.uint8)
    images[:, 0, 0] = labels
    return images, labels


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small data set in the four files."""
    folder = tmp_path / "mnist"
    folder.mkdir()
    for part in SIZES:
        for name, array in zip(("images-idx3", "labels-idx1"), arrays(part), strict=True):
            (folder / f"{part}-{name}-ubyte.gz").write_bytes(gzip.compress(idx(array)))
    return folder


@pytest.fixture(autouse=True)
def no_mirrors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mnist, "MIRRORS", ("http://127.0.0.1:9/",))


def load(root: Path, fraction: float = 1.0) -> Dataset:
    return mnist.load(
        str(root), fraction=fraction, split_seed=0, validation=0.1, scaling="standardise"
    )


def test_parts_and_labels(root: Path) -> None:
    dataset = load(root)
    assert (len(dataset.train), len(dataset.valid), len(dataset.test)) == (180, 20, 40)
    assert dataset.input_shape == (1, 28, 28)
    for part in (dataset.train, dataset.valid, dataset.test):
        assert isinstance(part, Images)
        assert torch.equal(part.pixels[:, 0, 0, 0].long(), part.labels)
    assert isinstance(dataset.test, Images)
    assert np.array_equal(dataset.test.pixels[:, 0].numpy(), arrays("t10k")[0])


def test_files_without_compression_do_as_well(root: Path) -> None:
    expected = load(root).fingerprint
    for path in root.glob("*.gz"):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    assert load(root).fingerprint == expected


def test_the_fraction_leaves_validation_and_test_whole(root: Path) -> None:
    dataset = load(root, fraction=0.5)
    assert (len(dataset.train), len(dataset.valid), len(dataset.test)) == (90, 20, 40)


def test_missing_and_offline_names_every_remedy(root: Path) -> None:
    (root / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError) as failure:
        load(root)
    message = str(failure.value)
    for part in (str(root), "t10k-labels-idx1-ubyte.gz", "127.0.0.1:9", "place", "data=digits"):
        assert part in message
    assert "train-images" not in message
    assert len(message.splitlines()) == 1


def test_prepare_fetches_what_is_missing_and_load_fetches_nothing(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sums = {
        path.name.removesuffix(".gz"): hashlib.md5(path.read_bytes()).hexdigest()
        for path in root.glob("*.gz")
    }
    monkeypatch.setattr(mnist, "FILES", sums)
    monkeypatch.setattr(mnist, "MIRRORS", (root.as_uri() + "/",))
    copy = tmp_path / "copy"
    mnist.prepare(str(copy), 1.0, 0, 0.1, "standardise")
    assert sorted(p.name for p in copy.iterdir()) == sorted(p.name for p in root.iterdir())
    monkeypatch.setattr(mnist, "MIRRORS", ())
    assert load(copy).fingerprint == load(root).fingerprint


def overwrite(root: Path, name: str, array: Bytes) -> None:
    (root / f"{name}-ubyte.gz").write_bytes(gzip.compress(idx(array)))


def test_refuses_files_that_disagree(root: Path) -> None:
    overwrite(root, "train-labels-idx1", arrays("train")[1][:-1])
    with pytest.raises(DataError, match=r"200 images and .* 199 labels"):
        load(root)


def test_refuses_labels_in_place_of_images(root: Path) -> None:
    overwrite(root, "train-images-idx3", arrays("train")[1])
    with pytest.raises(DataError, match="must hold images in 3 dimension"):
        load(root)


def test_refuses_an_empty_file(root: Path) -> None:
    overwrite(root, "t10k-images-idx3", arrays("t10k")[0][:0])
    with pytest.raises(DataError, match=r"t10k-images.* holds 0x28x28"):
        load(root)


def test_refuses_labels_that_are_no_digits(root: Path) -> None:
    overwrite(root, "train-labels-idx1", arrays("train")[1] + 1)
    with pytest.raises(DataError, match="has a label 10"):
        load(root)


def test_refuses_parts_of_different_shapes(root: Path) -> None:
    overwrite(root, "t10k-images-idx3", arrays("t10k")[0][:, :20])
    with pytest.raises(DataError, match="different data sets"):
        load(root)


def test_refuses_a_cut_off_file_and_names_it(root: Path) -> None:
    path = root / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz is not a whole gzip"):
        load(root)


def test_the_real_files(mnist_root: Path) -> None:
    for name, md5 in mnist.FILES.items():
        assert hashlib.md5((mnist_root / f"{name}.gz").read_bytes()).hexdigest() == md5
    dataset = load(mnist_root)
    assert (len(dataset.train), len(dataset.valid), len(dataset.test)) == (54001, 5999, 10000)
    assert isinstance(dataset.train, Images)
    assert dataset.train.scaling is not None
    assert dataset.train.scaling.center.item() / 255 == pytest.approx(0.1307, abs=3e-4)
    assert 1 / dataset.train.scaling.scale.item() / 255 == pytest.approx(0.3081, abs=3e-4)
    counts = torch.bincount(dataset.valid.labels) if isinstance(dataset.valid, Images) else None
    assert counts is not None
    assert counts.tolist() == [592, 674, 596, 613, 584, 542, 592, 626, 585, 595]
