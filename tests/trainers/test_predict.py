"""Class probabilities of a part: in its order, by one saved model or the mean of several."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from trainers.config import TrainConfig
from trainers.errors import ConfigError
from trainers.fit import evaluate, fit
from trainers.learner import EVALUATION_BATCH
from trainers.model_and_data import trained
from trainers.predict import mean, predictions

Compose = Callable[..., TrainConfig]


@pytest.fixture
def model(small: Compose) -> tuple[TrainConfig, dict[str, Any], float]:
    """(configuration, state, accuracy on the validation part) of a short training."""
    config = small("epochs=2")
    *_, epoch = fit(config)
    return config, epoch.state(), epoch.metrics["val_accuracy"]


def test_they_are_probabilities_of_each_example_in_order(
    model: tuple[TrainConfig, dict[str, Any], float],
) -> None:
    config, state, accuracy = model
    scores = predictions(config, state, lambda dataset: dataset.valid)
    _, dataset = trained(config, state)
    _, labels = dataset.valid.batch(torch.arange(len(dataset.valid)))
    assert scores.shape == (len(dataset.valid), 10)
    assert scores.dtype is torch.float32
    assert torch.allclose(scores.sum(1), torch.ones(len(scores)), atol=1e-5)
    assert bool((scores >= 0).all())
    right = float((scores.argmax(1) == labels).float().mean())
    assert right == pytest.approx(accuracy), "in another order it would be a tenth or so"


def test_the_part_that_is_picked_is_predicted(
    model: tuple[TrainConfig, dict[str, Any], float],
) -> None:
    config, state, _ = model
    scores = predictions(config, state, lambda dataset: dataset.test)
    _, dataset = trained(config, state)
    _, labels = dataset.test.batch(torch.arange(len(dataset.test)))
    right = float((scores.argmax(1) == labels).float().mean())
    assert right == pytest.approx(evaluate(config, state)["test_accuracy"])


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_the_size_of_a_batch_does_not_show(
    size: int,
    model: tuple[TrainConfig, dict[str, Any], float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config, state, _ = model
    usual = predictions(config, state, lambda dataset: dataset.valid)
    monkeypatch.setitem(EVALUATION_BATCH, "cpu", size)
    scores = predictions(config, state, lambda dataset: dataset.valid)
    assert torch.allclose(scores, usual, atol=1e-5)


def test_the_mean_is_of_all_and_changes_none() -> None:
    several = [torch.rand(5, 3) for _ in range(4)]
    copies = [each.clone() for each in several]
    assert torch.allclose(mean(several), torch.stack(copies).mean(0))
    assert all(torch.equal(one, copy) for one, copy in zip(several, copies, strict=True))
    assert torch.equal(mean(several[:1]), several[0])


def test_one_at_a_time_is_in_memory() -> None:
    """The next model is asked only once the last one's probabilities are added up."""
    handed_out: list[Tensor] = []

    def models() -> Iterator[Tensor]:
        for value in (1.0, 2.0, 6.0):
            for earlier in handed_out:
                earlier.fill_(float("nan"))  # nobody needs it any more
            handed_out.append(torch.full((2, 2), value))
            yield handed_out[-1]

    assert mean(models()).tolist() == [[3.0, 3.0], [3.0, 3.0]]


def test_models_of_other_data_or_none_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"\(3, 2\) and \(4, 2\) .* cannot be averaged"):
        mean([torch.zeros(3, 2), torch.zeros(4, 2)])
    with pytest.raises(ConfigError, match="there is no model to predict with"):
        mean([])
