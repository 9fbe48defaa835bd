"""A look at a trained model, from its folder."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from tests.test_architecture import importers
from trainers.config import TrainConfig
from trainers.diagnosis.predicted_numbers import PredictedNumbers
from trainers.diagnosis.trained_model import diagnose
from trainers.errors import ConfigError
from trainers.files import checkpoints
from trainers.run import run

Compose = Callable[..., TrainConfig]

TABLES = {"confusion.csv", "classes.csv", "hidden.csv", "summary.json"}


class Convolved(nn.Sequential):
    """No linear layer anywhere."""

    def __init__(self, input_shape: object, classes: int, norm: object, activation: object) -> None:
        super().__init__(nn.Conv2d(1, classes, 8), nn.Flatten())


def trained(config: TrainConfig, folder: Path) -> tuple[dict[str, object], float]:
    last = list(run(config, folder))[-1]
    return checkpoints.load(last.checkpoint), last.metrics["val_accuracy"]


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_what_is_seen_is_what_was_trained(small: Compose, tmp_path: Path) -> None:
    config = small("histograms=true")
    state, accuracy = trained(config, tmp_path / "t")
    seen = diagnose(config, state, tmp_path / "d", tmp_path / "t")
    assert seen.quality.accuracy == accuracy
    assert seen.notes == ()
    written = {path.name for path in (tmp_path / "d").iterdir()}
    pictures = {f"{n}.png" for n in ("confusion", "classes", "hidden", "curves", "histograms")}
    assert written == TABLES | pictures == {path.name for path in seen.files}

    summary = json.loads((tmp_path / "d" / "summary.json").read_text())
    assert summary["trial"] == "t", "a page says whose it is"
    assert (summary["accuracy"], summary["macro_f1"]) == (accuracy, seen.quality.macro_f1)
    counts = [[int(r[str(c)]) for c in range(10)] for r in table(tmp_path / "d" / "confusion.csv")]
    np.testing.assert_array_equal(counts, seen.quality.counts)
    classes = table(tmp_path / "d" / "classes.csv")
    assert [float(row["f1"]) for row in classes] == seen.quality.f1.tolist()
    assert [int(row["examples"]) for row in classes] == seen.quality.support.tolist()
    points = table(tmp_path / "d" / "hidden.csv")
    assert len(points) == summary["examples"] == sum(map(sum, counts))
    assert len({(row["x"], row["y"]) for row in points}) > 100


def test_without_the_folder_of_the_training_there_are_no_curves(
    small: Compose, tmp_path: Path
) -> None:
    config = small("epochs=1")
    state, _ = trained(config, tmp_path / "t")
    told: list[str] = []
    diagnose(config, state, tmp_path / "d", notify=told.append)
    pictures = {path.name for path in (tmp_path / "d").glob("*.png")}
    assert pictures == {"confusion.png", "classes.png", "hidden.png"}
    assert told == ["validation part", "hidden layer"]


def test_a_second_look_sees_the_same(small: Compose, tmp_path: Path) -> None:
    config = small("epochs=1")
    state, _ = trained(config, tmp_path / "t")
    for name in ("a", "b"):
        diagnose(config, state, tmp_path / name, tmp_path / "t")
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name


def test_there_is_no_third_plane(small: Compose, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="hidden=foo must be one of pca, tsne"):
        diagnose(small(), {}, tmp_path / "d", plane="foo")
    assert not (tmp_path / "d").exists()


def test_what_cannot_be_drawn_is_left_out_and_told(small: Compose, tmp_path: Path) -> None:
    config = small("epochs=1", "histograms=true")
    config.model = {"_target_": f"{__name__}.Convolved"}
    state, _ = trained(config, tmp_path / "t")
    (tmp_path / "t" / "histograms" / "epoch_001.json").write_text("{torn")
    (tmp_path / "t" / "metrics.csv").unlink()
    seen = diagnose(config, state, tmp_path / "d", tmp_path / "t")
    told = " ".join(seen.notes)
    assert "no hidden.png: the model has no Linear layer" in told
    assert "no curves.png" in told
    assert "no histograms.png" in told
    assert json.loads((tmp_path / "d" / "summary.json").read_text())["notes"] == list(seen.notes)
    assert {p.name for p in (tmp_path / "d").glob("*.png")} == {"confusion.png", "classes.png"}


def test_a_state_of_another_model_is_refused(small: Compose, tmp_path: Path) -> None:
    state, _ = trained(small("epochs=1"), tmp_path / "t")
    with pytest.raises(ConfigError, match="of another configuration"):
        diagnose(small("model.width=17"), state, tmp_path / "d")


def test_nothing_draws_on_a_display() -> None:
    assert importers("matplotlib.pyplot") == set()
    assert "trainers.pictures" in importers("matplotlib.figure")


def test_of_numbers_it_has_the_predicted_beside_the_true(numbers: Compose, tmp_path: Path) -> None:
    config = numbers("histograms=true", "optimizer.lr=0.02", "epochs=20")
    last = list(run(config, tmp_path / "t"))[-1]
    state = checkpoints.load(last.checkpoint)
    told: list[str] = []
    seen = diagnose(config, state, tmp_path / "d", tmp_path / "t", notify=told.append)
    assert isinstance(seen.quality, PredictedNumbers)
    assert seen.quality.names == ("y0", "y1")
    assert told == ["validation part", "pictures of the training"], "no hidden layer of classes"
    assert float(np.mean(seen.quality.r2)) == pytest.approx(last.metrics["val_r2"], abs=1e-3)
    assert last.metrics["val_r2"] > 0.5
    written = {path.name for path in (tmp_path / "d").iterdir()}
    drawn = {"predicted.png", "curves.png", "histograms.png"}
    assert written == {"predicted.csv", "summary.json"} | drawn
    assert written == {path.name for path in seen.files}
    summary = json.loads((tmp_path / "d" / "summary.json").read_text())
    rows = table(tmp_path / "d" / "predicted.csv")
    assert len(rows) == summary["examples"] == len(seen.quality.true)
    assert [each["name"] for each in summary["numbers"]] == ["y0", "y1"]
    off = [float(row["y0_predicted"]) - float(row["y0"]) for row in rows]
    assert summary["numbers"][0]["mae"] == pytest.approx(float(np.mean(np.abs(off))), rel=1e-4)
    assert 60 < float(np.mean([float(row["y0"]) for row in rows])) < 140, "in their own units"
    assert summary["notes"] == []
