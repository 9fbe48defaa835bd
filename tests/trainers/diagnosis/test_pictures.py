"""Pictures of a diagnosis: whole at any number of classes, and of what was found."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.image import imread

from tests.trainers.test_pictures import whole
from trainers.diagnosis import pictures
from trainers.diagnosis.confusion_matrix import Quality
from trainers.diagnosis.hidden_layer import Hidden, pca
from trainers.diagnosis.lr_range import judge
from trainers.diagnosis.overfit import Overfit


def names(count: int) -> tuple[str, ...]:
    return tuple(f"s{i}" for i in range(count))


def answered(count: int) -> Quality:
    """Mostly right, some classes rare, the last one absent."""
    counts = np.random.default_rng(0).poisson(0.2, (count, count)).astype(np.int64)
    counts[np.arange(count), np.arange(count)] += np.geomspace(5000, 1, count).astype(np.int64)
    counts[-1] = 0
    return Quality(names(count), counts)


@pytest.mark.parametrize("count", [2, 40, 138])
def test_a_matrix_of_any_size_is_whole(count: int, tmp_path: Path) -> None:
    drawn = whole(pictures.confusion(answered(count), tmp_path / "c.png"))
    assert max(drawn.shape) < 2500
    classes = whole(pictures.classes(answered(count), tmp_path / "f.png"))
    assert classes.shape[0] > 8 * count, "a line for each class"


def test_long_names_have_room(tmp_path: Path) -> None:
    counts = np.eye(3, dtype=np.int64)
    quality = Quality(("a handwritten capital Q", "$x$", "under_score {brace"), counts)
    whole(pictures.confusion(quality, tmp_path / "c.png"))
    whole(pictures.classes(quality, tmp_path / "f.png"))
    features = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
    some = Hidden(np.arange(30), np.arange(30) % 3, features)
    whole(pictures.plane(some, pca(features), quality.classes, tmp_path / "p.png"))


def orange(path: Path) -> int:
    pixels = imread(path)
    return int(((pixels[:, :, 0] > 0.7) & (pixels[:, :, 2] < pixels[:, :, 0] - 0.2)).sum())


def test_a_rare_mistake_shows(tmp_path: Path) -> None:
    right = np.diag([10_000] * 20).astype(np.int64)
    wrong = right.copy()
    wrong[3, 17] = 40  # 0.4 % of its class
    clean = orange(pictures.confusion(Quality(names(20), right), tmp_path / "a.png"))
    assert orange(pictures.confusion(Quality(names(20), wrong), tmp_path / "b.png")) > clean + 200


@pytest.mark.parametrize("count", [1, 2, 71])
def test_a_plane_of_any_number_of_classes_is_whole(count: int, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    labels = np.minimum(random.geometric(0.1, 500), count) - 1
    features = (random.normal(size=(count, 8))[labels] * 3 + random.normal(size=(500, 8))).astype(
        np.float32
    )
    some = Hidden(np.arange(500), labels, features)
    whole(pictures.plane(some, pca(features), names(count), tmp_path / "p.png"))


def test_a_plane_of_one_point_is_whole(tmp_path: Path) -> None:
    features = np.ones((9, 3), dtype=np.float32)
    some = Hidden(np.arange(9), np.arange(9) % 2, features)
    whole(pictures.plane(some, pca(features), names(2), tmp_path / "p.png"))


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.floats(0, 300), st.floats(0, 300)), min_size=1, max_size=25),
)
def test_names_are_pushed_apart_and_only_where_need_be(places: list[tuple[float, float]]) -> None:
    given_places = np.array(places)
    moved = pictures.push_apart(given_places, (20.0, 10.0))
    apart = np.abs(moved[:, None] - moved[None]) / (20.0, 10.0)
    np.fill_diagonal(apart[:, :, 0], 1)
    # Both ways short of a tenth of the room is what may remain after all rounds.
    assert (apart.max(axis=2) > 0.9).all()
    alone = np.abs(given_places[:, None] - given_places[None]).max(axis=2) > 100
    np.fill_diagonal(alone, True)
    far = alone.all(axis=1)
    assert (np.abs(moved[far] - given_places[far]) <= 1).all()


RATES = np.geomspace(1e-6, 10, 60)


@pytest.mark.parametrize(
    "losses",
    [
        list(2.3 / (1 + 1e3 * RATES)),
        [2.3] * 60,
        [2.3] * 40 + [math.nan],
        [math.nan] * 10,
        [2.3, 1e30],
        [2.3],
    ],
)
def test_a_range_of_rates_is_whole(losses: list[float], tmp_path: Path) -> None:
    found = judge(RATES[: len(losses)].tolist(), losses, 0.003)
    whole(pictures.lr_range(found, tmp_path / "r.png"))


@pytest.mark.parametrize("losses", [(2.3, 0.5, 0.009), (2.3,), (2.3, math.inf), (0.0, 0.0)])
def test_one_batch_is_whole(losses: tuple[float, ...], tmp_path: Path) -> None:
    found = Overfit(losses, tuple(0.5 for _ in losses), 8, 3, 0.01)
    whole(pictures.overfit(found, tmp_path / "o.png"))
