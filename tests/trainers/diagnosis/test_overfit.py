"""One batch, learnt by heart or not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from trainers.config import TrainConfig
from trainers.diagnosis.overfit import NEAR_ZERO, STEPS, Overfit, overfit

Compose = Callable[..., TrainConfig]


@pytest.mark.parametrize(
    "given",
    [
        (),
        ("model=cnn",),
        ("optimizer=sgd", "optimizer.lr=0.1"),
        # What would keep it from learning by heart is off.
        ("model.dropout=0.8", "label_smoothing=0.5", "optimizer.weight_decay=10.0",
         "augment=noise", "augment.std=20.0", "max_norm=0.01", "schedule=one_cycle"),
    ],
)  # fmt: skip
def test_a_sound_model_learns_a_batch_by_heart(given: tuple[str, ...], small: Compose) -> None:
    found = overfit(small("optimizer.lr=0.01", *given))
    assert found.ok, found.verdict
    assert found.losses[-1] < NEAR_ZERO or found.accuracies[-1] == 1
    assert found.verdict.startswith("learns one batch of 50 by heart")
    assert found.advice == ""
    assert found.losses[0] > 1


def test_label_smoothing_is_off(small: Compose) -> None:
    found = overfit(small("optimizer.lr=0.01", "label_smoothing=0.5"))
    assert found.losses[-1] < NEAR_ZERO  # which it could not be with it


def test_a_rate_far_too_low_is_told_of(small: Compose) -> None:
    found = overfit(small("optimizer.lr=1e-9"))
    assert not found.ok
    assert len(found.losses) == len(found.accuracies) == STEPS
    assert found.verdict.startswith("does not learn one batch of 50 by heart: loss 2.")
    assert "optimizer.lr=1e-09 is far too low" in found.advice


def test_a_rate_far_too_high_is_told_of(small: Compose) -> None:
    found = overfit(small("optimizer=sgd", "optimizer.lr=1e9", "norm=none"))
    assert not found.ok
    assert "lower optimizer.lr=1e+09" in found.advice
    assert len(found.losses) < STEPS, "a loss that is not finite ends it"


def test_like_inputs_with_different_labels_are_told_of(small: Compose) -> None:
    found = overfit(small("data=circles", "data.noise=0.5", "model.width=4"))
    assert not found.ok
    assert "like inputs have different labels" in found.advice


def test_a_batch_of_one_class_tells_nothing(small: Compose) -> None:
    found = overfit(small("batch_size=1", "norm=layer", "optimizer.lr=0.01"))
    assert (found.examples, found.classes) == (1, 1)
    assert not found.ok
    assert "tells nothing: all of one class" in found.verdict
    assert found.advice.startswith("raise batch_size")


def test_the_seed_decides_and_nothing_before(small: Compose) -> None:
    config = small()
    first = overfit(config)
    torch.rand(7)
    assert overfit(config) == first
    assert overfit(small("seed=1")) != first


def test_the_configuration_is_left_as_it_was(small: Compose) -> None:
    config = small("model.dropout=0.5", "label_smoothing=0.1")
    overfit(config)
    assert config == small("model.dropout=0.5", "label_smoothing=0.1")


def test_steps_are_told_of_as_they_are_done(small: Compose) -> None:
    told: list[int] = []
    found = overfit(small("optimizer.lr=0.01"), told.append)
    assert told == sorted(told)
    assert told[-1] == len(found.losses)
    assert len(told) > 1


def test_all_right_is_learnt_though_the_loss_is_not_near_zero() -> None:
    assert Overfit((2.0, 0.3), (0.1, 1.0), 8, 3, 0.1).ok
    assert not Overfit((2.0, 0.3), (0.1, 0.9), 8, 3, 0.1).ok


class TestNumbers:
    def test_are_learnt_by_heart_without_an_accuracy(self, numbers: Compose) -> None:
        found = overfit(numbers("optimizer.lr=0.01"))
        assert found.ok, found.verdict
        assert found.accuracies == ()
        assert (found.examples, found.classes) == (20, 20)
        assert found.losses[-1] < NEAR_ZERO
        assert found.verdict.startswith("learns one batch of 20 by heart: loss ")
        assert "accuracy" not in found.verdict
        assert found.advice == ""

    def test_at_a_rate_far_too_low_are_told_of(self, numbers: Compose) -> None:
        found = overfit(numbers("optimizer.lr=1e-9"))
        assert not found.ok
        assert len(found.losses) == STEPS
        assert "optimizer.lr=1e-09 is far too low" in found.advice

    def test_that_are_all_the_same_tell_nothing(self, numbers: Compose) -> None:
        found = overfit(numbers("batch_size=1", "optimizer.lr=0.01"))
        assert (found.examples, found.classes) == (1, 1)
        assert not found.ok
        assert "tells nothing: all of one number" in found.verdict
        assert found.advice.startswith("raise batch_size")
