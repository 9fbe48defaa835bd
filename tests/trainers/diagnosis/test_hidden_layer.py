"""The last hidden layer, and its picture in two dimensions, against scikit-learn."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsClassifier
from torch import Tensor, nn

from trainers.config import TrainConfig
from trainers.data.dataset import Dataset
from trainers.diagnosis.hidden_layer import hidden, pca, tsne
from trainers.errors import ConfigError
from trainers.model_and_data import untrained

Compose = Callable[..., TrainConfig]


class Backwards(nn.Module):
    """Its last layer is the first that it makes."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(5, 10)
        self.first = nn.Linear(64, 5)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.last(self.first(x.flatten(1)).relu())
        return out


def digits(small: Compose) -> tuple[TrainConfig, Dataset]:
    config = small()
    return config, untrained(config)[1]


def test_features_are_what_the_last_linear_layer_receives(small: Compose) -> None:
    config, dataset = digits(small)
    model = Backwards()
    seen = hidden(config, model, dataset.valid, 40)
    x, y = dataset.valid.batch(torch.from_numpy(seen.index))
    expected = model.first(x.flatten(1)).relu().detach().numpy()
    # Batches of another size may be summed in another order, and sums near zero cancel.
    np.testing.assert_allclose(seen.features, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(seen.labels, y)
    assert len(set(seen.index.tolist())) == 40
    assert seen.index.tolist() == sorted(seen.index)


def test_the_choice_is_the_seeds_and_no_hook_stays(small: Compose) -> None:
    config, dataset = digits(small)
    model = Backwards()
    one, same = (hidden(config, model, dataset.valid, 20) for _ in range(2))
    other = hidden(small("seed=1"), model, dataset.valid, 20)
    np.testing.assert_array_equal(one.index, same.index)
    assert one.index.tolist() != other.index.tolist()
    assert not model.last._forward_pre_hooks
    everything = hidden(config, model, dataset.valid, 10_000)
    np.testing.assert_array_equal(everything.index, np.arange(len(dataset.valid)))


def test_a_model_without_a_linear_layer_is_told_so(small: Compose) -> None:
    config, dataset = digits(small)
    model = nn.Sequential(nn.Conv2d(1, 10, 8), nn.Flatten())
    with pytest.raises(ConfigError, match="no Linear layer"):
        hidden(config, model, dataset.valid)


def upright(points: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Each dimension turned as `pca` turns it: the largest weight positive."""
    largest = directions[np.arange(2), np.abs(directions).argmax(1)]
    return points * np.sign(largest)


def test_components_are_those_of_scikit_learn() -> None:
    features = load_digits().data.astype(np.float32)
    exact = PCA(2, svd_solver="full").fit(features.astype(np.float64))
    drawn = pca(features)
    points = upright(exact.transform(features.astype(np.float64)), exact.components_)
    np.testing.assert_allclose(drawn.points, points, atol=1e-6 * np.abs(points).max())
    shares = [f"{share:.0%}" for share in exact.explained_variance_ratio_]
    assert [axis.split("(")[1].split(" ")[0] for axis in drawn.axes] == shares


@settings(max_examples=40)
@given(arrays(np.float32, st.tuples(st.integers(1, 12), st.integers(1, 8)),
              elements=st.integers(-50, 50).map(float)))  # fmt: skip
def test_no_two_dimensions_keep_more_of_the_variance(features: np.ndarray) -> None:
    drawn = pca(features)
    centred = features.astype(np.float64) - features.astype(np.float64).mean(axis=0)
    sizes = np.linalg.svd(centred, compute_uv=False)[:2]
    assert drawn.points.shape == (len(features), 2)
    kept = np.sort(np.linalg.norm(drawn.points, axis=0))[::-1]
    np.testing.assert_allclose(kept[: len(sizes)], sizes, atol=1e-6 * (1 + sizes.max()))


def test_a_layer_that_is_dead_is_drawn_as_a_point() -> None:
    assert not pca(np.full((7, 3), 2.0, dtype=np.float32)).points.any()


def test_the_global_random_state_is_left_alone() -> None:
    features = load_digits().data[:50].astype(np.float32)
    torch.manual_seed(3)
    first = pca(features).points
    drawn = torch.rand(1)
    torch.manual_seed(3)
    assert torch.rand(1) == drawn
    np.testing.assert_array_equal(pca(features).points, first)


def test_tsne_keeps_neighbours_together_and_is_the_seeds() -> None:
    bunch = load_digits()
    features, labels = bunch.data[:150].astype(np.float32), bunch.target[:150]
    points = tsne(features, 0).points
    np.testing.assert_array_equal(tsne(features, 0).points, points)
    nearest = KNeighborsClassifier(1).fit(points[:100], labels[:100])
    assert nearest.score(points[100:], labels[100:]) > 0.6  # a tenth by chance


def test_tsne_of_a_few_examples_is_refused() -> None:
    with pytest.raises(ConfigError, match="5 examples or more, not 4: use hidden=pca"):
        tsne(np.eye(4, dtype=np.float32), 0)
    assert np.isfinite(tsne(np.eye(5, dtype=np.float32), 0).points).all()
