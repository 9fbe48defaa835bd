"""Conformance: every YAML of the training groups, found by looking, so a new one is tested."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.trainers.conftest import SMALL
from tests.trainers.data.phonemes.on_disk import write_hw1p2, write_legacy, write_libriphone
from trainers.config import TrainConfig, compose
from trainers.fit import fit

Compose = Callable[..., TrainConfig]

CONF = Path(__file__).parents[2] / "conf"
GROUPS = (
    "task",
    "data",
    "augment",
    "model",
    "norm",
    "activation",
    "init",
    "optimizer",
    "schedule",
    "loss",
    "metric",
)
TABLE = "a,b,y\n" + "".join(f"{n},{n * n % 7},{n // 100}\n" for n in range(200))
WRITERS: dict[tuple[str, str], Callable[[Path], Path]] = {
    ("data", "hw1p2"): write_hw1p2,
    ("data", "hw1p2_legacy"): write_legacy,
    ("data", "libriphone"): write_libriphone,
}
CHOICES = [(group, path.stem) for group in GROUPS for path in sorted((CONF / group).glob("*.yaml"))]


@pytest.mark.parametrize(("group", "choice"), CHOICES)
def test_trains_with_every_choice(
    group: str, choice: str, small: Compose, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    overrides = [f"{group}={choice}", "epochs=5"]
    if group in ("loss", "metric") and choice not in ("cross_entropy", "none", "macro_f1"):
        overrides += ["task=regression"]
    if choice == "csv" or "task=regression" in overrides:
        (tmp_path / "t.csv").write_text(TABLE, encoding="utf-8")
        overrides += ["data=csv", f"data.root={tmp_path}/t.csv", "data.target=y", "data.fraction=1"]
    if (group, choice) == ("data", "tensors"):
        x = np.random.default_rng(0).normal(size=(200, 3))
        np.savez(tmp_path / "data.npz", x=x, y=x[:, 0] > 0)
        overrides += [f"data.root={tmp_path}", "data.fraction=1"]
    if (group, choice) == ("data", "mnist"):
        overrides += [f"data.root={request.getfixturevalue('mnist_root')}", "data.fraction=0.02"]
    if (group, choice) in WRITERS:
        overrides += [f"data.root={WRITERS[group, choice](tmp_path / 'data')}", "data.fraction=1"]
    if (group, choice) == ("data", "synthetic_phonemes"):
        overrides += [f"data.cache={tmp_path}", "data.fraction=1", "data.utterances=40"]
    if (group, choice) == ("model", "layered"):  # each of its layers has a width of its own
        config = compose([w for w in SMALL if not w.startswith("model.")] + overrides)
    else:
        config = small(*overrides)
    metric = "val_accuracy" if config.task.of_classes else "train_r2"
    epochs = [epoch.metrics[metric] for epoch in fit(config)]
    assert len(epochs) == 5
    assert epochs[-1] > (0.2 if config.task.of_classes else 0)  # guessing gives half, or 0


@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
@pytest.mark.parametrize("model", ["mlp", "cnn"])
def test_every_norm_fits_every_model(model: str, norm: str, small: Compose) -> None:
    assert next(fit(small(f"model={model}", f"norm={norm}"))).number == 1


@pytest.mark.parametrize(("group", "choice"), CHOICES)
def test_opens_with_the_command_that_runs_it_and_is_short(group: str, choice: str) -> None:
    lines = (CONF / group / f"{choice}.yaml").read_text().splitlines()
    usage = lines[lines[0] == "# @package _global_"]
    assert usage.startswith("# make ")
    assert f"{group}={choice}" in usage
    assert len(lines) <= 25
