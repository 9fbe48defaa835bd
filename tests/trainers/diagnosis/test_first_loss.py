"""The loss of an untrained model, against guessing."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from trainers.config import TrainConfig
from trainers.diagnosis.first_loss import FirstLoss, FirstLossOfNumbers, first_loss
from trainers.fit import fit
from trainers.learner import evaluate
from trainers.model_and_data import untrained

Compose = Callable[..., TrainConfig]


class Loud(nn.Sequential):
    """Logits far too large, as of an init far too wide."""

    def __init__(self, input_shape: object, classes: int, norm: object, activation: object) -> None:
        super().__init__(nn.Flatten(), nn.Linear(64, classes))
        nn.init.normal_(self[1].weight, std=1.0)


class LoudNumbers(nn.Sequential):
    """Outputs far too large."""

    def __init__(self, input_shape: object, classes: int) -> None:
        super().__init__(nn.Linear(4, classes))
        nn.init.normal_(self[0].weight, std=9.0)


def test_a_good_start_is_about_the_logarithm_of_the_classes(small: Compose) -> None:
    found = first_loss(small())
    assert found.ok
    assert found.advice == ""
    assert found.loss == pytest.approx(math.log(10), rel=0.1)
    assert found.shares == pytest.approx(math.log(10), rel=0.01)  # digits are even


def test_it_is_the_loss_of_the_model_that_fit_begins_with(small: Compose) -> None:
    config = small("optimizer=sgd", "optimizer.lr=1e-30", "norm=none", "model.dropout=0.0")
    learner, dataset = untrained(config)
    measured = evaluate(config, learner.model, dataset.valid, learner.measure)
    loss, _ = measured.metrics("val").values()
    assert first_loss(config).loss == pytest.approx(loss, rel=1e-5)  # on other threads
    epoch = next(iter(fit(config)))  # which moves nothing at such a rate
    assert first_loss(config).loss == pytest.approx(epoch.metrics["val_loss"], rel=1e-5)


def test_large_logits_are_told_of(small: Compose) -> None:
    config = small("norm=none")
    config.model = {"_target_": f"{__name__}.Loud"}
    found = first_loss(config)
    assert not found.ok
    assert found.verdict.startswith("first loss too high")
    assert "smaller init" in found.advice


def test_uneven_classes_are_told_of() -> None:
    shares = torch.tensor([0.9, 0.05, 0.05])
    entropy = float(torch.special.entr(shares).sum())
    found = FirstLoss(math.log(3), 3, entropy)
    assert found.ok
    assert f"shares gives {entropy:.3f}" in found.advice


@given(st.floats(0, 20), st.integers(2, 200))
def test_off_by_more_than_a_fifth_is_off(loss: float, classes: int) -> None:
    found = FirstLoss(loss, classes, math.log(classes))
    ratio = loss / math.log(classes)
    if abs(abs(ratio - 1) - 0.2) > 1e-6:
        assert found.ok == (0.8 < ratio < 1.2)
    assert bool(found.advice) == (not found.ok)
    assert ("high" in found.verdict) == (ratio > 1 and not found.ok)


def test_a_loss_that_is_not_finite_is_no_figure() -> None:
    found = FirstLoss(math.nan, 10, 2.3)
    assert not found.ok
    assert found.verdict == "the untrained model's loss is nan"
    assert "not finite" in found.advice


class TestNumbers:
    def test_are_compared_with_always_answering_the_mean(self, numbers: Compose) -> None:
        config = numbers()
        found = first_loss(config)
        assert isinstance(found, FirstLossOfNumbers)
        learner, dataset = untrained(config)
        x, y = dataset.valid.batch(torch.arange(len(dataset.valid)))
        assert found.uniform == pytest.approx(float((y**2).mean()), rel=1e-5)
        assert 0.3 < found.uniform < 3, "of standardised numbers it is about 1"
        learner.model.eval()
        with torch.no_grad():
            made = learner.model(x)
        assert found.loss == pytest.approx(float(((made - y) ** 2).mean()), rel=1e-4)
        assert found.ok
        assert found.advice == ""
        assert found.verdict == (
            f"first loss as it should be: {found.loss:.3f}, and always the mean = "
            f"{found.uniform:.3f}"
        )

    def test_of_a_loss_that_is_no_square(self, numbers: Compose) -> None:
        found = first_loss(numbers("loss=l1"))
        assert isinstance(found, FirstLossOfNumbers)
        _, dataset = untrained(numbers())
        _, y = dataset.valid.batch(torch.arange(len(dataset.valid)))
        assert found.uniform == pytest.approx(float(y.abs().mean()), rel=1e-5)

    def test_large_outputs_are_told_of(self, numbers: Compose) -> None:
        config = numbers()
        config.model = {"_target_": f"{__name__}.LoudNumbers"}
        found = first_loss(config)
        assert not found.ok
        assert found.verdict.startswith("first loss too high")
        assert "large outputs" in found.advice

    @given(st.floats(0, 10), st.floats(0.1, 4))
    def test_less_than_half_or_more_than_twice_is_off(self, loss: float, mean: float) -> None:
        found = FirstLossOfNumbers(loss, mean)
        assert found.ok == (0.5 * mean <= loss <= 2 * mean)
        assert bool(found.advice) == (not found.ok)
        assert ("high" in found.verdict) == (loss > 2 * mean)
        assert ("low" in found.verdict) == (loss < 0.5 * mean)
        assert ("targets among the inputs" in found.advice) == (loss < 0.5 * mean)

    @pytest.mark.parametrize("loss", [math.nan, math.inf])
    def test_what_is_not_finite_is_no_figure(self, loss: float) -> None:
        found = FirstLossOfNumbers(loss, 1.0)
        assert not found.ok
        assert found.verdict == f"the untrained model's loss is {loss}"
        assert "not finite" in found.advice
