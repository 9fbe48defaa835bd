from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from trainers.data.dataset import Bytes, Images, Ints, image_dataset, moments

shapes = st.tuples(st.integers(1, 9), st.integers(1, 3), st.integers(1, 5), st.integers(1, 5))


@given(arrays.arrays(np.uint8, shapes))
def test_moments_are_numpys(pixels: Bytes) -> None:
    mean, std = moments(pixels)
    assert mean == pytest.approx(pixels.mean(axis=(0, 2, 3)))
    exact = pixels.astype(np.float64).std(axis=(0, 2, 3))
    assert std == pytest.approx(np.where(exact == 0, 1, exact))


def part(count: int, seed: int, high: int = 256) -> tuple[Bytes, Ints]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, high, (count, 2, 3, 3), np.uint8), rng.integers(0, 4, count)


def test_moments_of_many_images_are_those_of_all() -> None:
    pixels, _ = part(2500, 0)  # more than are looked at together
    assert moments(pixels)[0] == pytest.approx(pixels.mean(axis=(0, 2, 3)))


def test_a_batch_is_normalised_by_the_training_part() -> None:
    train, valid, test = part(40, 1), part(10, 2, high=9), part(10, 3, high=3)
    dataset = image_dataset(train, valid, test, "abcd", "standardise")
    x, y = dataset.train.batch(torch.arange(40))
    assert x.dtype == torch.float32
    assert y.dtype == torch.int64
    assert x.mean((0, 2, 3)).abs().max() < 1e-6
    assert (x.std((0, 2, 3), unbiased=False) - 1).abs().max() < 1e-5
    for name, (pixels, labels) in (("valid", valid), ("test", test)):
        index = torch.tensor([7, 0, 7])
        x, y = getattr(dataset, name).batch(index)
        mean, std = (v[:, None, None] for v in moments(train[0]))
        assert x.numpy() == pytest.approx((pixels[index] - mean) / std, rel=1e-5, abs=1e-6)
        assert y.tolist() == labels[index].tolist()
    assert dataset.classes == ("a", "b", "c", "d")
    assert dataset.input_shape == (2, 3, 3)


def test_batches_leave_the_images_as_they_are() -> None:
    dataset = image_dataset(part(9, 1), part(3, 2), part(3, 3), "abcd", "standardise")
    assert isinstance(dataset.train, Images)
    before = dataset.train.pixels.clone()
    dataset.train.batch(torch.arange(9))[0].zero_()
    assert torch.equal(dataset.train.pixels, before)
    assert dataset.train.pixels.dtype == torch.uint8


def test_the_fingerprint_is_of_every_part() -> None:
    parts = [part(9, 1), part(3, 2), part(3, 3)]
    original = image_dataset(parts[0], parts[1], parts[2], "abcd", "standardise").fingerprint
    assert (
        original == image_dataset(parts[0], parts[1], parts[2], "abcd", "standardise").fingerprint
    )
    for which in range(3):
        for of in range(2):
            changed = [(pixels.copy(), labels.copy()) for pixels, labels in parts]
            changed[which][of].flat[0] ^= 1
            other = image_dataset(changed[0], changed[1], changed[2], "abcd", "standardise")
            assert other.fingerprint != original


def test_minmax_and_no_scaling() -> None:
    parts = part(9, 1), part(3, 2), part(3, 3)
    index = torch.arange(9)
    scaled = image_dataset(*parts, "abcd", "minmax").train.inputs(index)
    assert scaled.amin((0, 2, 3)).tolist() == [0.0] * scaled.shape[1]
    assert torch.allclose(scaled.amax((0, 2, 3)), torch.ones(scaled.shape[1]))
    plain = image_dataset(*parts, "abcd", "none").train.inputs(index)
    assert torch.equal(plain, torch.from_numpy(parts[0][0]).float())
