"""One step and one pass of training, and the bounds that are put on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainers.config import TrainConfig
from trainers.data import resident
from trainers.data.dataset import Part
from trainers.diagnosis.hidden_layer import hidden
from trainers.errors import ConfigError
from trainers.learner import (
    EVALUATION_BATCH,
    Learner,
    batches,
    evaluate,
    lengths,
    logits,
    outputs,
    steps,
)

Compose = Callable[..., TrainConfig]
CPU = torch.device("cpu")


def learner(config: TrainConfig) -> Learner:
    torch.manual_seed(0)
    return Learner.begin(config, resident.load(config.data), CPU)


def one_step(one: Learner) -> None:
    x, y = resident.load(one.config.data).train.batch(torch.arange(50))
    one.model.train()
    one.step(x, y)


@given(count=st.integers(1, 500), size=st.integers(1, 60))
def test_steps_are_as_many_as_batches(count: int, size: int) -> None:
    pieces = batches(torch.arange(count), size)
    assert len(pieces) == steps(count, size)
    assert torch.equal(torch.cat(pieces), torch.arange(count))
    assert all(len(piece) == size for piece in pieces[:-1])
    assert 1 <= len(pieces[-1]) <= size + 1
    if count > 1 and size > 1:
        assert len(pieces[-1]) > 1


def test_a_batch_has_no_more_examples_than_the_data(small: Compose) -> None:
    assert lengths(small("batch_size=100", "data.fraction=1.0"), 100).full == 1
    assert lengths(small("batch_size=100", "data.fraction=0.02"), 2).full == 1, "of a share it may"
    with pytest.raises(ConfigError, match="batch_size=101 is more than the 100 training examples"):
        lengths(small("batch_size=101", "data.fraction=0.5"), 50)


@pytest.mark.parametrize("most", [0.01, 0.5])
def test_the_norm_of_the_gradient_is_bounded(most: float, small: Compose) -> None:
    one, free = learner(small(f"clip.norm={most}")), learner(small())
    for each in (one, free):
        one_step(each)
    norms = [
        float(torch.cat([p.grad.flatten() for p in m.parameters() if p.grad is not None]).norm())
        for m in (one.model, free.model)
    ]
    assert norms[1] > 0.5
    assert norms[0] == pytest.approx(most, rel=1e-3)


def test_each_number_of_the_gradient_is_bounded(small: Compose) -> None:
    one = learner(small("clip.value=0.003"))
    one_step(one)
    largest = max(float(p.grad.abs().max()) for p in one.model.parameters() if p.grad is not None)
    assert largest == pytest.approx(0.003)


@pytest.mark.parametrize("model", ["mlp", "cnn"])
def test_the_weights_into_a_unit_are_bounded(model: str, small: Compose) -> None:
    """Biases and the scales of a norm are not: those of a free learner, however large."""
    kind = (f"model={model}", "optimizer=sgd", "model.dropout=0.0")
    one, free = learner(small(*kind, "max_norm=0.3")), learner(small(*kind))
    for each in (one, free):
        with torch.no_grad():
            for parameter in each.model.parameters():
                if parameter.ndim == 1:
                    parameter.fill_(2.0)
        one_step(each)
    for parameter, unbounded in zip(one.model.parameters(), free.model.parameters(), strict=True):
        if parameter.ndim > 1:
            norms, before = (p.detach().flatten(1).norm(dim=1) for p in (parameter, unbounded))
            assert float(norms.max()) <= 0.3 + 1e-5 < float(before.max())
        else:
            assert torch.equal(parameter, unbounded)


def test_evaluation_is_of_the_whole_part_and_leaves_the_model(small: Compose) -> None:
    config = small()
    one = learner(config)
    before = {name: value.clone() for name, value in one.model.state_dict().items()}
    valid = resident.load(config.data).valid
    sums = evaluate(config, one.model, valid, one.measure)
    assert sums.count == len(valid)
    scores = torch.cat([s for s, _ in outputs(config, one.model, valid)])
    labels = torch.cat([y for _, y in outputs(config, one.model, valid)])
    loss, accuracy = sums.metrics("val").values()
    whole = float(torch.nn.functional.cross_entropy(scores, labels))
    assert loss == pytest.approx(whole, rel=1e-5)  # added up in another order
    assert accuracy == pytest.approx(float((scores.argmax(1) == labels).double().mean()))
    assert torch.equal(torch.cat(list(logits(config, one.model, valid))), scores)
    assert all(torch.equal(before[n], v) for n, v in one.model.state_dict().items())


def test_no_batch_of_an_evaluation_is_of_one_example(
    small: Compose, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = small("norm.running=false", "data=circles", "data.samples=101", "data.fraction=1")
    one = learner(config)
    monkeypatch.setitem(EVALUATION_BATCH, "cpu", 50)
    valid = resident.load(config.data).valid
    assert [len(s) for s, _ in outputs(config, one.model, valid)] == [50, 51]
    seen = hidden(config, one.model, valid)
    assert len(seen.labels) == 101


def test_a_part_of_one_example_is_refused_where_it_has_no_statistics(small: Compose) -> None:
    dataset = resident.load(small().data)
    alone = Alone(dataset.valid)
    for part in ("valid", "test"):
        lonely = replace(dataset, **{part: alone})
        with pytest.raises(ConfigError, match=r"needs 2 examples or more to evaluate"):
            Learner.begin(small("norm.running=false"), lonely, CPU)
        Learner.begin(small(), lonely, CPU)


class Alone:
    """A part of which one example is left."""

    labelled = True

    def __init__(self, part: Part) -> None:
        self.part = part

    def __len__(self) -> int:
        return 1


def test_augmentation_is_for_training_only(small: Compose) -> None:
    plain, noisy = small(), small("augment=noise", "augment.std=5.0")
    one, other = learner(plain), learner(noisy)
    valid = resident.load(plain.data).valid
    first = evaluate(plain, one.model, valid, one.measure).metrics("val")
    assert first == evaluate(noisy, other.model, valid, other.measure).metrics("val")
    order = torch.arange(100)
    part = resident.load(plain.data).train
    assert one.train(part, order).metrics("train") != other.train(part, order).metrics("train")


def test_a_schedule_that_counts_batches_is_stepped_by_them(small: Compose) -> None:
    config = small("schedule=one_cycle", "optimizer.lr=0.1")
    one = learner(config)
    part = resident.load(config.data).train
    seen = []
    for number in range(config.epochs):
        seen.append(one.lr)
        one.train(part, torch.arange(len(part)))
        one.pace.after_epoch({})
        assert one.pace.schedule.last_epoch == (number + 1) * steps(len(part), config.batch_size)
    assert seen[0] == pytest.approx(0.1 / 25)
    assert max(seen) > 0.09
    assert one.lr < 0.1 / 25
