"""Pictures of a training: nothing is cut off, and what is drawn is what was given."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import rcParams
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.text import Text

from trainers.config import Mode, TaskConfig
from trainers.files.histograms import Histogram
from trainers.pictures import canvas, curves, histograms, save, spread, write_labels

TASK = TaskConfig("t", "val_accuracy", Mode.max)


def boxes(figure: Figure, texts: Iterable[Text]) -> np.ndarray:
    """The (N, 4) left, bottom, right, top of these texts as drawn, in pixels."""
    figure.draw_without_rendering()
    # Of the text alone: an annotation's own extent has its line in it.
    return np.array([Text.get_window_extent(text).extents for text in texts])


def apart(extents: np.ndarray) -> bool:
    """Whether no two of these boxes overlap."""
    for number, one in enumerate(extents):
        others = extents[number + 1 :]
        if ((one[:2] < others[:, 2:]) & (others[:, :2] < one[2:])).all(axis=1).any():
            return False
    return True


def rows(count: int) -> dict[int, dict[str, float]]:
    return {
        n: {"train_loss": 2 / n, "val_loss": 2.2 / n, "train_accuracy": 1 - 1 / (n + 1),
            "val_accuracy": 0.9 - 1 / (n + 2), "lr": 0.1 / n}
        for n in range(1, count + 1)
    }  # fmt: skip


def whole(path: Path) -> np.ndarray:
    """The pixels (H, W, 4) of a picture with nothing at its very edge: nothing is cut off."""
    pixels: np.ndarray = imread(path)
    for edge in (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]):
        assert (edge == 1).all(), f"{path.name} is cut off"
    return pixels


@pytest.mark.parametrize("count", [1, 2, 200])
def test_curves(count: int, tmp_path: Path) -> None:
    drawn = whole(curves(rows(count), TASK, tmp_path / "new" / "curves.png"))
    assert (drawn[:, :, :3] < 0.5).any()
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["curves.png"]


@pytest.mark.parametrize("count", [1, 2, 3, 200])
def test_epochs_are_whole_numbers_and_begin_at_one(
    count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures: list[Figure] = []
    monkeypatch.setattr("trainers.pictures.save", lambda figure, path: figures.append(figure))
    curves(rows(count), TASK, tmp_path / "c.png")
    histograms(layers(1, count), tmp_path / "h.png")
    for figure in figures:
        figure.draw_without_rendering()
        for axes in figure.axes:
            low, high = axes.get_xlim()
            ticks = [tick for tick in axes.get_xticks() if low <= tick <= high]
            assert ticks
            assert all(tick == int(tick) and 1 <= tick <= count for tick in ticks)


def test_no_axis_is_in_nats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figures: list[Figure] = []
    monkeypatch.setattr("trainers.pictures.save", lambda figure, path: figures.append(figure))
    curves(rows(3), TASK, tmp_path / "c.png")
    names = [axes.get_ylabel() for axes in figures[0].axes]
    assert names[:2] == ["loss", "accuracy (share)"]


@settings(max_examples=15)
@given(st.integers(0, 2**31), st.integers(1, 20), st.floats(1e-9, 1))
def test_labels_cover_neither_each_other_nor_a_point(seed: int, count: int, wide: float) -> None:
    random = np.random.default_rng(seed)
    points = 1 + wide * random.random((count, 2))
    figure = canvas(7, 4.5, arrange=False)
    axes = figure.add_subplot()
    axes.set_xlim(0, 2.5)
    axes.set_ylim(0, 2.5)
    figure.draw_without_rendering()
    texts = [f"{n:04d}" for n in range(count)]
    assert write_labels(axes, points, texts, random.random((9, 2)), points) == count
    extents = boxes(figure, list(axes.texts))
    assert apart(extents)
    marks = axes.transData.transform(points)
    inside = (marks[:, None] > extents[None, :, :2]) & (marks[:, None] < extents[None, :, 2:])
    assert not inside.all(axis=2).any()
    frame = np.array(axes.bbox.extents)
    assert (extents[:, :2] >= frame[:2] - 1).all()
    assert (extents[:, 2:] <= frame[2:] + 1).all()


def test_labels_without_room_are_left_out() -> None:
    figure = canvas(1, 1, arrange=False)
    axes = figure.add_subplot()
    figure.draw_without_rendering()
    points = np.full((300, 2), 0.5)
    written = write_labels(axes, points, ["0000"] * 300, points[:0], points[:0])
    assert 0 < written == len(axes.texts) < 300
    assert apart(boxes(figure, axes.texts))


def test_curves_show_a_rate_that_varies_and_only_that(tmp_path: Path) -> None:
    steady = {n: {**row, "lr": 0.1} for n, row in rows(5).items()}
    varying = whole(curves(rows(5), TASK, tmp_path / "a.png"))
    assert varying.shape[1] > whole(curves(steady, TASK, tmp_path / "b.png")).shape[1]


def test_curves_of_a_metric_that_some_epochs_lack(tmp_path: Path) -> None:
    torn = rows(4)
    torn[3] = {**torn[3], "train_loss": math.nan}
    del torn[2]["train_accuracy"]
    whole(curves(torn, TASK, tmp_path / "a.png"))


def test_the_same_picture_has_the_same_bytes(tmp_path: Path) -> None:
    one, other = (curves(rows(9), TASK, tmp_path / name) for name in ("a.png", "b.png"))
    assert one.read_bytes() == other.read_bytes()
    assert one.read_bytes() != curves(rows(8), TASK, other).read_bytes()


def test_matplotlib_is_left_as_it_was(tmp_path: Path) -> None:
    before = dict(rcParams)
    save(canvas(1, 1), tmp_path / "a.png")
    curves(rows(3), TASK, tmp_path / "b.png")
    assert dict(rcParams) == before


@given(
    low=st.floats(-10, 10),
    width=st.floats(0.01, 10),
    counts=st.lists(st.integers(0, 1000), min_size=64, max_size=64),
)
def test_spread_loses_no_number(low: float, width: float, counts: list[int]) -> None:
    histogram = Histogram(low, low + width, tuple(counts))
    around = np.linspace(low - 1, low + width + 1, 31)
    assert spread(histogram, around).sum() == pytest.approx(sum(counts))
    same = np.linspace(low, low + width, 65)
    np.testing.assert_allclose(spread(histogram, same), counts, atol=1e-6 * (1 + sum(counts)))
    halves = np.linspace(low, low + width, 33)
    pairs = np.reshape(counts, (32, 2)).sum(axis=1)
    np.testing.assert_allclose(spread(histogram, halves), pairs, atol=1e-6 * (1 + sum(counts)))


def test_spread_of_one_number_is_about_it() -> None:
    found = spread(Histogram(2.0, 2.0, (5,) + (0,) * 63), np.array([1.9, 1.99, 2.01, 2.1]))
    np.testing.assert_allclose(found, [0, 5, 0])


def layers(count: int, epochs: int = 3) -> dict[int, dict[str, Histogram]]:
    names = [f"layers.{n}.{part}" for n in range(count) for part in ("weight", "bias")]
    return {
        e: {f"{kind}/{name}": Histogram(-e, 2.0 * e, tuple(range(64)))
            for name in names for kind in ("weights", "gradients")}
        for e in range(1, epochs + 1)
    }  # fmt: skip


@pytest.mark.parametrize("count", [1, 3, 40])
def test_histograms(count: int, tmp_path: Path) -> None:
    drawn = whole(histograms(layers(count), tmp_path / "h.png"))
    assert drawn.shape[0] < 1500, "as many panels as can be seen at once"
    blue = (drawn[:, :, 2] > drawn[:, :, 0] + 0.3).mean()
    assert blue > 0.1


def test_histograms_show_what_moved(tmp_path: Path) -> None:
    still = {e: {"weights/w": Histogram(-1, 1, (1,) * 64)} for e in (1, 2, 3)}
    moved = {**still, 3: {"weights/w": Histogram(4, 5, (1,) * 64)}}
    one, other = (histograms(h, tmp_path / "h.png").read_bytes() for h in (still, moved))
    assert one != other


@pytest.mark.parametrize(
    "histogram",
    [
        Histogram(0.0, 0.0, (5,) + (0,) * 63),  # all zero
        Histogram(0.0, 0.0, (0,) * 64),  # none finite
        Histogram(-1e-30, 1e30, (1,) * 64),
    ],
)
def test_histograms_of_odd_numbers(histogram: Histogram, tmp_path: Path) -> None:
    drawn = {1: {"weights/w": histogram}, 7: {"weights/w": histogram}}
    whole(histograms(drawn, tmp_path / "h.png"))
