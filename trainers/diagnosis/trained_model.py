"""Diagnose a trained model: its confusions and hidden layer, as tables and pictures.

<folder>/confusion.csv, classes.csv, hidden.csv, each with its .png    <folder>/summary.json
<folder>/predicted.csv, .png instead, where numbers are predicted
<folder>/curves.png, histograms.png, where the folder of the training is given and has them
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from trainers import pictures
from trainers.config import TrainConfig
from trainers.data.dataset import Dataset
from trainers.diagnosis import pictures as drawings
from trainers.diagnosis.confusion_matrix import Quality, quality
from trainers.diagnosis.hidden_layer import hidden, pca, tsne
from trainers.diagnosis.predicted_numbers import PredictedNumbers, predicted_numbers
from trainers.errors import ConfigError
from trainers.files import histograms, history
from trainers.files.tables import write_json, write_table
from trainers.model_and_data import trained

#: The ways to draw the hidden layer in two dimensions.
PLANES = ("pca", "tsne")


@dataclass(frozen=True)
class Diagnosis:
    """Holds the results of a diagnosis.

    Attributes:
        quality: confusion matrix of the validation part, or its predicted and true numbers.
        files: all files that were written.
        notes: messages about pictures left out, with the reason; usually empty.
    """

    quality: Quality | PredictedNumbers
    files: tuple[Path, ...]
    notes: tuple[str, ...]


def diagnose(
    config: TrainConfig,
    state: Mapping[str, Any],
    folder: Path,
    training: Path | None = None,
    plane: str = "pca",
    notify: Callable[[str], object] = lambda doing: None,
) -> Diagnosis:
    """Evaluate a saved model on the validation part, and write tables and pictures.

    Args:
        config: configuration of the training that the state comes from.
        state: as in a checkpoint; only its model is used.
        folder: folder to write to; made if need be.
        training: folder of the training, for its curves and histograms.
        plane: one of `PLANES`; t-SNE takes some 10 s.
        notify: called with the name of each step, before it.

    Raises:
        ConfigError: no such plane, or the state is of another configuration.
        DataError: the data is not there.
    """
    if plane not in PLANES:
        raise ConfigError(f"hidden={plane} must be one of {', '.join(PLANES)}: hidden=pca")
    notify("validation part")
    model, dataset = trained(config, state)
    measured: Quality | PredictedNumbers
    notes = []
    if dataset.numbers is not None:
        measured = predicted_numbers(config, model, dataset.valid, dataset.numbers)
        files = _predicted(measured, folder)
    else:
        measured = quality(config, model, dataset.valid, dataset.classes)
        files = _quality(measured, folder)
        try:
            notify("hidden layer")
            files += _hidden(config, model, dataset, folder, plane)
        except ConfigError as error:
            notes.append(f"no hidden.png: {error}")
    if training is not None:
        notify("pictures of the training")
        drawn, left_out = _training(config, training, folder)
        files += drawn
        notes += left_out
    trial = None if training is None else training.name
    about = summary(measured) if isinstance(measured, Quality) else _summary(measured)
    files.append(
        write_json(
            folder / "summary.json",
            {"part": "validation", "trial": trial, **about, "notes": notes},
        )
    )
    return Diagnosis(measured, tuple(files), tuple(notes))


def _summary(measured: PredictedNumbers) -> dict[str, Any]:
    each = zip(measured.names, measured.r2.tolist(), measured.mae.tolist(),
               measured.bias.tolist(), strict=True)  # fmt: skip
    return {
        "examples": len(measured.true),
        "numbers": [dict(zip(("name", "r2", "mae", "bias"), row, strict=True)) for row in each],
        "worst": [{"example": example, "number": measured.names[k]}
                  for example, k in measured.worst()],
    }  # fmt: skip


def _predicted(measured: PredictedNumbers, folder: Path) -> list[Path]:
    names = [f"{name}{end}" for name in measured.names for end in ("", "_predicted")]
    both = np.stack([measured.true, measured.predicted], axis=2).reshape(len(measured.true), -1)
    rows = ([example, *row] for example, row in enumerate(both.tolist()))
    return [
        write_table(folder / "predicted.csv", ["example", *names], rows),
        drawings.predicted(measured, folder / "predicted.png"),
    ]


def summary(measured: Quality) -> dict[str, Any]:
    """Compile what summary.json has of classes."""
    rarest, f1 = measured.rarest()
    return {
        "examples": int(measured.counts.sum()),
        "accuracy": measured.accuracy,
        "macro_f1": measured.macro_f1,
        "rarest": {"classes": rarest, "f1": f1},
        "worst": [dict(zip(_COLUMNS, _row(measured, i), strict=True)) for i in measured.worst()],
        "confusions": [asdict(confusion) for confusion in measured.confusions()],
    }


_COLUMNS = ("class", "examples", "precision", "recall", "f1")


def _row(measured: Quality, label: int) -> tuple[str, int, float, float, float]:
    return (
        measured.classes[label],
        int(measured.support[label]),
        float(measured.precision[label]),
        float(measured.recall[label]),
        float(measured.f1[label]),
    )


def _quality(measured: Quality, folder: Path) -> list[Path]:
    names = measured.classes
    counts = [[name, *row] for name, row in zip(names, measured.counts.tolist(), strict=True)]
    rows = [_row(measured, label) for label in range(len(names))]
    return [
        write_table(folder / "confusion.csv", ["class", *names], counts),
        drawings.confusion(measured, folder / "confusion.png"),
        write_table(folder / "classes.csv", _COLUMNS, rows),
        drawings.classes(measured, folder / "classes.png"),
    ]


def _hidden(
    config: TrainConfig, model: nn.Module, dataset: Dataset, folder: Path, plane: str
) -> list[Path]:
    some = hidden(config, model, dataset.valid)
    drawn = tsne(some.features, config.seed) if plane == "tsne" else pca(some.features)
    rows = [
        (int(example), dataset.classes[label], *point)
        for example, label, point in zip(
            some.index, some.labels, drawn.points.tolist(), strict=True
        )
    ]
    return [
        write_table(folder / "hidden.csv", ("example", "class", "x", "y"), rows),
        drawings.plane(some, drawn, dataset.classes, folder / "hidden.png"),
    ]


def _training(config: TrainConfig, training: Path, folder: Path) -> tuple[list[Path], list[str]]:
    """Draw the curves and histograms of a training's folder; return files and messages."""
    files, notes = [], []
    if rows := history.read(training / "metrics.csv"):
        files.append(pictures.curves(rows, config.task, folder / "curves.png"))
    else:
        notes.append(f"no curves.png: {training} has no metrics.csv")
    try:
        drawn = histograms.load_all(training)
    except (OSError, ValueError, KeyError, TypeError) as error:
        notes.append(f"no histograms.png: {training / 'histograms'} is damaged ({error})")
    else:
        if drawn:
            files.append(pictures.histograms(drawn, folder / "histograms.png"))
    return files, notes
