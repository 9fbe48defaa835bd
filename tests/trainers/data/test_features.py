"""Rows become parts: divided by a seed, scaled and filled up by the training part alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from trainers.data.dataset import Dataset
from trainers.data.features import Features, Split, dataset, labels_of
from trainers.errors import ConfigError, DataError

SPLIT = Split(fraction=1.0, seed=0, validation=0.25, test=0.2)


def made(split: Split = SPLIT, scaling: str = "standardise", count: int = 100) -> Dataset:
    x = torch.arange(count * 3.0).view(count, 3) ** 2
    return dataset({"train": (x, torch.arange(count) % 2)}, ["a", "b"], True, split, scaling, "")


def rows(data: Dataset, part: str) -> set[int]:
    found: Features = getattr(data, part)
    return set(found.rows.tolist())


def test_parts_share_no_row_and_the_test_part_stays() -> None:
    data = made()
    parts = [rows(data, part) for part in ("train", "valid", "test")]
    assert [len(part) for part in parts] == [60, 20, 20]
    assert set.union(*parts) == set(range(100))
    other = made(replace(SPLIT, seed=1))
    assert rows(other, "test") == parts[2]
    assert rows(other, "valid") != parts[1]
    assert other.fingerprint != data.fingerprint
    less = made(replace(SPLIT, fraction=0.5))
    assert rows(less, "train") < parts[0]
    assert rows(less, "valid") == parts[1]


def test_scales_by_the_training_rows() -> None:
    data = made()
    x = data.train.inputs(torch.arange(60))
    torch.testing.assert_close(x.mean(0), torch.zeros(3), atol=1e-4, rtol=0)
    torch.testing.assert_close(x.std(0, correction=0), torch.ones(3))
    assert data.valid.inputs(torch.arange(20)).mean().abs() > 1e-3
    raw = made(scaling="none").train
    index = torch.tensor([3, 1])
    assert isinstance(raw, Features)
    torch.testing.assert_close(raw.inputs(index), raw.x[raw.rows[index]])


def test_a_batch_may_be_changed_and_the_data_stay() -> None:
    train = made(scaling="none").train
    before = train.inputs(torch.arange(4))
    train.inputs(torch.arange(4)).zero_()
    assert torch.equal(train.inputs(torch.arange(4)), before)


def test_missing_numbers_are_the_mean_of_the_training_rows() -> None:
    x = torch.randn(100, 2)
    x[::5, 1] = torch.nan
    y = torch.arange(100) % 2
    data = dataset({"train": (x, y)}, ["a", "b"], True, SPLIT, "none", "", missing=True)
    train = data.train
    assert isinstance(train, Features)
    mean = x[train.rows, 1].nanmean()
    for part in (data.train, data.valid, data.test):
        assert isinstance(part, Features)
        gone = x[part.rows, 1].isnan()
        found = part.inputs(torch.arange(len(part)))[gone, 1]
        assert len(found)
        torch.testing.assert_close(found, mean.expand_as(found))


def test_images_are_scaled_by_channel() -> None:
    x = torch.randint(0, 255, (40, 3, 4, 5), dtype=torch.uint8)
    data = dataset({"train": (x, torch.arange(40) % 2)}, "ab", True, SPLIT, "standardise", "")
    found = data.train.inputs(torch.arange(len(data.train)))
    torch.testing.assert_close(found.mean((0, 2, 3)), torch.zeros(3), atol=1e-4, rtol=0)
    assert data.input_shape == (3, 4, 5)


def test_numbers_are_standardised_and_come_back() -> None:
    y = 100 + 7 * torch.randn(50, 2)
    data = dataset({"train": (torch.randn(50, 3), y)}, ["p", "q"], False, SPLIT, "none", "")
    assert data.numbers is not None
    assert data.outputs == 2
    _, targets = data.train.batch(torch.arange(len(data.train)))
    torch.testing.assert_close(targets.mean(0), torch.zeros(2), atol=1e-4, rtol=0)
    assert isinstance(data.train, Features)
    torch.testing.assert_close(data.numbers.restored(targets), y[data.train.rows])


def test_a_test_part_may_lack_targets() -> None:
    x, y = torch.randn(20, 3), torch.arange(20) % 2
    given = {"train": (x, y), "test": (x[:5], None)}
    test = dataset(given, ["a", "b"], True, SPLIT, "none", "").test
    assert not test.labelled
    assert test.inputs(torch.arange(5)).shape == (5, 3)
    with pytest.raises(DataError, match="no targets"):
        test.batch(torch.arange(2))


def test_what_cannot_be_learnt_is_refused() -> None:
    x = torch.randn(20, 3)
    with pytest.raises(DataError, match="all 20 training examples are of one class, a"):
        dataset({"train": (x, torch.zeros(20).long())}, ["a", "b"], True, SPLIT, "none", "")
    with pytest.raises(DataError, match="p is the same number"):
        dataset({"train": (x, torch.ones(20, 1))}, ["p"], False, SPLIT, "none", "")
    x[7, 1] = torch.inf
    with pytest.raises(DataError, match="example 7 "):
        dataset({"train": (x, torch.arange(20) % 2)}, ["a", "b"], True, SPLIT, "none", "")
    with pytest.raises(ConfigError, match=r"data\.test"):
        replace(SPLIT, test=1.0)
    with pytest.raises(DataError, match="task=regression"):
        labels_of(np.array([0.5, 1.0]), "y")
    with pytest.raises(DataError, match="-1"):
        labels_of(np.array([0, -1]), "y")
