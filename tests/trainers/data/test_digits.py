from __future__ import annotations

import importlib.util
import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import load_digits

from trainers.data import digits
from trainers.data.dataset import Dataset, Images
from trainers.errors import DataError


def load(fraction: float = 1.0, split_seed: int = 0, validation: float = 0.2) -> Dataset:
    return digits.load(None, fraction, split_seed, validation, "standardise")


def images(part: object) -> list[bytes]:
    assert isinstance(part, Images)
    return sorted(pixels.numpy().tobytes() for pixels in part.pixels)


def test_the_parts_are_the_whole() -> None:
    dataset = load()
    assert (len(dataset.train), len(dataset.valid), len(dataset.test)) == (1151, 287, 359)
    everything = images(dataset.train) + images(dataset.valid) + images(dataset.test)
    original = load_digits().images.astype(np.uint8)
    assert sorted(everything) == sorted(image.tobytes() for image in original)
    assert dataset.input_shape == (1, 8, 8)
    assert dataset.classes == tuple("0123456789")


def test_labels_go_with_their_images() -> None:
    bunch = load_digits()
    truth = {
        image.astype(np.uint8).tobytes(): int(label)
        for image, label in zip(bunch.images, bunch.target, strict=True)
    }
    for part in (load().train, load().valid, load().test):
        assert isinstance(part, Images)
        for pixels, label in zip(part.pixels, part.labels, strict=True):
            assert truth[pixels.numpy().tobytes()] == int(label)


def test_the_fraction_shortens_training_only_and_nests() -> None:
    whole, half, quarter = load(1.0), load(0.5), load(0.25)
    assert images(half.valid) == images(whole.valid)
    assert images(half.test) == images(whole.test)
    assert set(images(quarter.train)) < set(images(half.train)) < set(images(whole.train))
    assert len(half.train) == pytest.approx(575, abs=10)


def test_the_split_seed_moves_validation_and_never_the_test_part() -> None:
    first, second = load(split_seed=0), load(split_seed=1)
    assert images(first.test) == images(second.test)
    assert images(first.valid) != images(second.valid)
    assert first.fingerprint != second.fingerprint
    assert first.fingerprint == load().fingerprint


def test_statistics_are_of_the_training_part_in_use() -> None:
    dataset = load(0.25)
    assert isinstance(dataset.train, Images)
    assert isinstance(dataset.test, Images)
    pixels = dataset.train.pixels.double()
    assert dataset.test.scaling is not None
    assert dataset.test.scaling.center.item() == pytest.approx(pixels.mean().item())
    assert dataset.train.scaling is dataset.test.scaling


def test_without_scikit_learn_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DataError, match="make setup"):
        load()


@pytest.mark.machines
def test_scikit_learn_is_not_imported() -> None:
    told = "import sys; from trainers.data import digits; "
    told += "digits.load(None, 1.0, 0, 0.2, 'none'); print('sklearn' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]
