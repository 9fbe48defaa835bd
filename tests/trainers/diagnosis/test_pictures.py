"""Pictures of a diagnosis: whole at any number of classes, and of what was found."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.image import imread

from tests.trainers.test_pictures import apart, boxes, whole
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


def kept(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    figures: list[Figure] = []
    monkeypatch.setattr(pictures, "save", lambda figure, path: figures.append(figure))
    return figures


def shade(figure: Figure, share: float) -> float:
    """How dark (0 to 1) a mistake of this share is drawn."""
    mistakes = figure.axes[0].images[1]
    red, green, blue, _ = mistakes.cmap(mistakes.norm(share))
    return 1 - 0.299 * red - 0.587 * green - 0.114 * blue


def test_one_mistake_among_few_is_pale_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    figures = kept(monkeypatch)
    counts = np.diag([28] * 10)
    counts[3, 3], counts[3, 8] = 27, 1
    pictures.confusion(Quality(names(10), counts), Path("c.png"))
    [figure] = figures
    assert "1\n3.6%" in [text.get_text() for text in figure.axes[0].texts]
    assert shade(figure, 1 / 28) < 0.35 * shade(figure, 1.0)
    assert shade(figure, 0.001) > 0.05, "but it is seen"
    labels = [text.get_text() for axes in figure.axes[1:] for text in axes.get_yticklabels()]
    assert labels.count("0%") == labels.count("100%") == 2, "both scales show all shares"


@pytest.mark.parametrize("count", [2, 10, 12, 40, 138])
def test_numbers_stay_in_their_cells(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    figures = kept(monkeypatch)
    counts = np.random.default_rng(0).integers(0, 12_000, (count, count))
    pictures.confusion(Quality(names(count), counts), Path("c.png"))
    [figure] = figures
    axes = figure.axes[0]
    if count == 138:
        assert not axes.texts, "they could not be read"
        return
    extents = boxes(figure, axes.texts)
    cell = axes.bbox.width / count
    assert (extents[:, 2:] - extents[:, :2]).max() <= cell


@pytest.mark.parametrize(
    ("shares", "ends"),
    [
        ([0.89, 0.95, 1.0], (0.8, 1.0)),
        ([0.964, 1.0], (0.95, 1.0)),
        ([1.0, 1.0], (0.9, 1.0)),
        ([0.0, 0.7], (0.0, 1.0)),
        ([0.0, 0.18], (0.0, 0.2)),
        ([], (0.9, 1.0)),
    ],
)
def test_an_axis_of_shares_fits(shares: list[float], ends: tuple[float, float]) -> None:
    assert pictures.fitting(np.array(shares)) == ends


def test_the_axis_of_classes_says_where_it_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    figures = kept(monkeypatch)
    pictures.classes(Quality(names(2), np.array([[99, 1], [3, 97]])), Path("c.png"))
    pictures.classes(Quality(names(2), np.array([[9, 1], [9, 1]])), Path("c.png"))
    labels = [figure.axes[0].get_xlabel() for figure in figures]
    assert labels == ["share; the axis is 0.95 to 1 only", "share"]
    assert figures[0].axes[0].get_xlim()[0] == 0.95
    assert not figures[0].axes[0].patches, "bars must begin at 0"


@pytest.mark.parametrize("count", [2, 10, 40])
def test_names_in_a_plane_do_not_overlap(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    figures = kept(monkeypatch)
    random = np.random.default_rng(1)
    labels = np.arange(400) % count
    features = (random.normal(size=(count, 8))[labels] + random.normal(size=(400, 8))).astype("f4")
    some = Hidden(np.arange(400), labels, features)
    pictures.plane(some, pca(features), names(count), Path("p.png"))
    assert apart(boxes(figures[0], figures[0].axes[0].texts))


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
