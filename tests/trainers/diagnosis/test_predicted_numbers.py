"""Predicted numbers beside the true ones: figures as scikit-learn has them, and a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, r2_score

from trainers.diagnosis.pictures import predicted
from trainers.diagnosis.predicted_numbers import PredictedNumbers


def some() -> PredictedNumbers:
    generator = np.random.default_rng(0)
    true = generator.normal(50, 9, (80, 2))
    made = true + generator.normal(1, 2, (80, 2))
    made[17, 1] += 40
    return PredictedNumbers(("height", "weight"), true, made)


def test_figures_are_those_of_scikit_learn() -> None:
    found = some()
    for k in range(2):
        true, made = found.true[:, k], found.predicted[:, k]
        assert found.r2[k] == pytest.approx(r2_score(true, made))
        assert found.mae[k] == pytest.approx(mean_absolute_error(true, made))
        assert found.bias[k] == pytest.approx((made - true).mean())
    assert found.worst(1) == [(17, 1)]
    assert found.sentence.startswith("height: R² 0.9")


def test_is_drawn(tmp_path: Path) -> None:
    path = predicted(some(), tmp_path / "p.png")
    assert path.read_bytes().startswith(b"\x89PNG")
    same = PredictedNumbers(("a",), np.ones((3, 1)), np.ones((3, 1)))
    assert np.isnan(same.r2[0])
    predicted(same, tmp_path / "q.png")
