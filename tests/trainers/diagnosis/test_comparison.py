"""Trainings side by side: on one scale, and their mean only as far as all of them trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.trainers.test_pictures import whole
from trainers.diagnosis.comparison import Alike, comparison, picture
from trainers.files.histograms import Histogram
from trainers.files.history import Rows


def rows(epochs: int, loss: float) -> Rows:
    return {
        e: {"train_loss": loss / e, "val_loss": loss, "train_accuracy": 0.5, "val_accuracy": 0.6}
        for e in range(1, epochs + 1)
    }


def column(value: str, size: float, layers: int = 2, epochs: int = 3, kept: bool = True) -> Alike:
    names = tuple(f"layers.{n}.weight" for n in range(layers))
    histograms = {
        e: {f"{kind}/{name}": Histogram(-size, size, (1,) * 64)
            for name in names for kind in ("weights", "gradients")}
        for e in range(1, epochs + 1)
    }  # fmt: skip
    curves = [rows(epochs, 2.0), rows(1, 1.0)]
    return Alike(value, curves, "0007", histograms if kept else {}, names)


@pytest.mark.parametrize("count", [2, 5])
@pytest.mark.parametrize("layers", [1, 9])
def test_it_is_whole(count: int, layers: int, tmp_path: Path) -> None:
    columns = [column(f"v{n}", 1.0, layers=layers, kept=n > 0) for n in range(count)]
    whole(comparison("norm.position", columns, tmp_path / "c.png"))


def test_without_histograms_there_are_curves_alone(tmp_path: Path) -> None:
    columns = [column(v, 1.0, kept=False, epochs=1) for v in "ab"]
    assert len(picture("k", columns).axes) == 4
    whole(comparison("k", columns, tmp_path / "c.png"))


def test_all_columns_have_the_same_axes() -> None:
    figure = picture("k", [column("a", 1.0), column("b", 100.0, layers=1, epochs=5)])
    across = np.array(figure.axes).reshape(-1, 2)
    assert len(across) == 2 + 2 * 2, "loss, accuracy, and two of each layer"
    for left, right in across:
        assert left.get_ylim() == right.get_ylim()
        assert left.get_xlim() == right.get_xlim() == (0.5, 5.5)
    assert across[2, 0].get_ylim()[1] > 90
    assert [axes.texts[0].get_text() for axes in across[4:, 1]] == ["none", "none"]


def test_the_mean_ends_with_the_first_that_ends() -> None:
    figure = picture("k", [column("a", 1.0), column("b", 1.0)])
    validation = [line for line in figure.axes[0].lines if line.get_color() == "#D55E00"]
    assert [len(np.array(line.get_xdata())) for line in validation] == [3, 1, 1]
    assert np.array(validation[-1].get_ydata())[0] == 1.5
