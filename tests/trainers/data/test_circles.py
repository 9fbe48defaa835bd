"""Two circles of points: where they lie, which of them a fraction keeps, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from trainers.data import circles
from trainers.data.dataset import Dataset
from trainers.errors import ConfigError


def load(
    fraction: float = 1.0, split_seed: int = 0, samples: int = 200, noise: float = 0.0
) -> Dataset:
    return circles.load(None, fraction, split_seed, samples, noise)


def everything(part: object) -> tuple[np.ndarray, np.ndarray]:
    assert isinstance(part, circles.Points)
    x, y = part.batch(torch.arange(len(part)))
    return x.numpy(), y.numpy()


def test_without_noise_every_point_is_on_its_circle() -> None:
    dataset = load()
    assert dataset.input_shape == (2,)
    for part in (dataset.train, dataset.valid, dataset.test):
        places, labels = everything(part)
        radii = np.linalg.norm(places, axis=1)
        np.testing.assert_allclose(radii[labels == 0], 1.0, atol=1e-5)
        np.testing.assert_allclose(radii[labels == 1], 0.8, atol=1e-5)
        assert np.bincount(labels).tolist() == [100, 100]
    assert dataset.classes == ("outer", "inner")


def test_noise_is_about_as_large_as_it_says() -> None:
    places, labels = everything(load(samples=4000, noise=0.1).train)
    spread = (np.linalg.norm(places, axis=1) - np.where(labels == 0, 1.0, 0.8)).std()
    assert 0.09 < spread < 0.11


def test_parts_and_seeds_have_points_of_their_own() -> None:
    parts = [
        everything(part)[0].tobytes()
        for seed in (0, 1)
        for dataset in [load(split_seed=seed, noise=0.1)]
        for part in (dataset.train, dataset.valid, dataset.test)
    ]
    assert len(set(parts)) == 6


def test_the_same_keys_give_the_same_points() -> None:
    one, other = load(noise=0.1), load(noise=0.1)
    assert one.fingerprint == other.fingerprint
    for mine, theirs in zip(everything(one.train), everything(other.train), strict=True):
        assert (mine == theirs).all()
    prints = {load(split_seed=1, noise=0.1).fingerprint, load(0.5, noise=0.1).fingerprint}
    assert one.fingerprint not in prints
    assert len(prints) == 2


def test_a_fraction_is_of_the_training_points_and_part_of_a_larger_one() -> None:
    whole, half, few = (load(fraction, noise=0.1) for fraction in (1.0, 0.5, 0.1))
    points = [{tuple(row) for row in everything(d.train)[0].tolist()} for d in (few, half, whole)]
    assert [len(each) for each in points] == [20, 100, 200]
    assert points[0] < points[1] < points[2]
    assert np.bincount(everything(half.train)[1]).tolist() == [50, 50]
    for part in ("valid", "test"):
        assert (everything(getattr(half, part))[0] == everything(getattr(whole, part))[0]).all()


def test_batches_are_by_index_and_on_the_device_asked_for() -> None:
    part = load().train
    x, y = part.batch(torch.tensor([3, 1]))
    places, labels = everything(part)
    assert (x.numpy() == places[[3, 1]]).all()
    assert y.tolist() == labels[[3, 1]].tolist()
    x.zero_()
    assert (everything(part)[0] == places).all(), "a batch is the caller's to change"
    moved = part.to(torch.device("meta"))
    assert moved.inputs(torch.tensor([0], device="meta")).device.type == "meta"


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"samples": 3}, r"data\.samples must be 4 or more, not 3"),
        ({"noise": -0.1}, r"data\.noise must be 0 or more, not -0\.1"),
    ],
)
def test_refuses(keys: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load(**keys)
