"""Metrics of a whole part are those of scikit-learn."""

from __future__ import annotations

import pytest
import torch
from sklearn.metrics import f1_score

from trainers.measures.metrics import macro_f1, rmse


def test_macro_f1_is_over_the_classes_that_have_examples() -> None:
    torch.manual_seed(0)
    outputs, targets = torch.randn(60, 5), torch.randint(0, 4, (60,))
    expected = f1_score(
        targets, outputs.argmax(1), average="macro", labels=range(4), zero_division=0.0
    )
    assert macro_f1(outputs, targets).item() == pytest.approx(expected)


def test_rmse() -> None:
    assert rmse(torch.tensor([[1.0], [5.0]]), torch.tensor([[4.0], [1.0]])).item() == (
        pytest.approx(12.5**0.5)
    )
