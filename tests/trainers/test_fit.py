from __future__ import annotations

import io
import itertools
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from trainers import build
from trainers.config import TrainConfig, compose
from trainers.config.metrics import metrics_of
from trainers.data import resident
from trainers.errors import ConfigError, Diverged
from trainers.fit import _order, evaluate, fit, size
from trainers.learner import batches

Compose = Callable[..., TrainConfig]

#: Every optimizer and every schedule, and for the ways of limiting weights and gradients, too.
KINDS = [
    *itertools.product(["mlp", "cnn"], ["sgd", "adamw"], ["cosine"], [()]),
    *(("mlp", optimizer, "none", ()) for optimizer in ("adam", "rmsprop", "adagrad")),
    *(
        ("mlp", "sgd", schedule, ())
        for schedule in ("none", "multistep", "exponential", "two_stage", "one_cycle")
    ),
    ("mlp", "adam", "one_cycle", ("schedule.cycle_momentum=true",)),
    ("mlp", "sgd", "step", ("schedule.step_size=2",)),
    ("mlp", "sgd", "plateau", ("schedule.patience=0", "schedule.threshold=0.5")),
    ("mlp", "sgd", "none", ("augment=mask", "augment.std=0.1", "augment.time=2")),
    ("mlp", "adamw", "none", ("clip.norm=0.5", "clip.value=0.01", "max_norm=0.5")),
]


def timeless(metrics: Mapping[str, float]) -> dict[str, float]:
    """Metrics without those that a clock decides."""
    return {k: v for k, v in metrics.items() if k not in ("epoch_s", "samples_per_s")}


def tensors(state: object) -> Iterable[Tensor]:
    """Every tensor of a state, in order."""
    if isinstance(state, Tensor):
        yield state
    elif isinstance(state, Mapping):
        for value in state.values():
            yield from tensors(value)
    elif isinstance(state, list | tuple):
        for value in state:
            yield from tensors(value)


def course(config: TrainConfig, resume: dict[str, Any] | None = None) -> list[tuple[Any, Any]]:
    """(metrics without times, state through a file) of each epoch."""
    return [(timeless(e.metrics), through_file(e.state())) for e in fit(config, resume)]


def through_file(state: dict[str, Any]) -> dict[str, Any]:
    buffer = io.BytesIO()
    torch.save(state, buffer)
    buffer.seek(0)
    loaded: dict[str, Any] = torch.load(buffer, weights_only=True)
    return loaded


def same(a: object, b: object) -> bool:
    pairs = list(zip(tensors(a), tensors(b), strict=True))
    return bool(pairs) and all(torch.equal(x, y) for x, y in pairs)


@pytest.mark.parametrize(("model", "optimizer", "schedule", "more"), KINDS)
def test_resumes_from_every_epoch_to_the_same_bits(
    model: str, optimizer: str, schedule: str, more: tuple[str, ...], small: Compose
) -> None:
    kind = (f"model={model}", f"optimizer={optimizer}", f"schedule={schedule}")
    config = small(*kind, *more)
    whole = course(config)
    assert len(whole) == 4
    for epoch, (_, state) in enumerate(whole, start=1):
        rest = course(config, state)
        assert [metrics for metrics, _ in rest] == [metrics for metrics, _ in whole[epoch:]]
        assert all(same(a, b) for (_, a), (_, b) in zip(rest, whole[epoch:], strict=True))


def test_ends_when_patience_is_out_however_often_it_is_resumed(small: Compose) -> None:
    still = ("optimizer=sgd", "optimizer.lr=1e-12", "norm=none", "epochs=9")
    assert [epoch.number for epoch in fit(small(*still))] == [*range(1, 10)]
    config = small(*still, "patience=2")
    whole = list(fit(config))
    best = max(whole, key=lambda epoch: (epoch.metrics["val_accuracy"], -epoch.number)).number
    assert [epoch.number for epoch in whole] == [*range(1, best + 3)]
    for after in range(1, len(whole) + 1):
        *_, epoch = islice(fit(config), after)
        state = through_file(epoch.state())
        assert [epoch.number for epoch in fit(config, state)] == [*range(after + 1, best + 3)]


@pytest.mark.parametrize("model", ["mlp", "cnn"])
def test_other_trainings_in_the_process_change_nothing(model: str, small: Compose) -> None:
    config, other = small(f"model={model}"), small("seed=5", "model.depth=3", "resources.cpu=2")
    alone = course(config)
    list(fit(other))
    torch.manual_seed(99)
    mixed = []
    for mine, _ in zip(fit(config), fit(other), strict=True):  # an epoch of each in turn
        mixed.append((timeless(mine.metrics), mine.state()))
        torch.rand(7)
    assert [m for m, _ in mixed] == [m for m, _ in alone]
    assert same([s for _, s in mixed], [s for _, s in alone])


@pytest.mark.machines
def test_a_fresh_process_gives_the_same_bits(small: Compose) -> None:
    list(fit(small("seed=8")))
    overrides = ["model=cnn", "model.dropout=0.2", "epochs=3"]
    here = [timeless(e.metrics) for e in fit(compose(overrides))]
    program = (
        "import json; from trainers.config import compose; from trainers.fit import fit; "
        f"print(json.dumps([e.metrics for e in fit(compose({overrides}))]))"
    )
    output = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    assert [timeless(metrics) for metrics in json.loads(output)] == here


def test_steps_shorten_an_epoch_and_the_schedule(small: Compose) -> None:
    config = small("steps=3", "batch_size=16", "schedule=one_cycle", "epochs=4")
    epochs = [(e.metrics, e.state()) for e in fit(config)]
    rates = [metrics["lr"] for metrics, _ in epochs]
    assert max(rates) > 2 * rates[0]
    assert epochs[0][1]["schedule"]["total_steps"] == 12
    for metrics, _ in epochs:
        assert metrics["samples_per_s"] * metrics["epoch_s"] == pytest.approx(48)
    assert epochs[-1][1]["schedule"]["last_epoch"] == 12
    resumed = [e.metrics["val_loss"] for e in fit(config, resume=epochs[1][1])]
    assert resumed == [metrics["val_loss"] for metrics, _ in epochs[2:]]


def test_more_steps_than_there_are_batches_are_all_of_them(small: Compose) -> None:
    (one,), (other,) = (list(fit(small("epochs=1", w))) for w in ("steps=null", "steps=100000"))
    assert one.metrics["train_loss"] == other.metrics["train_loss"]


def test_the_seed_decides(small: Compose) -> None:
    first, second = (next(fit(small(f"seed={seed}"))).metrics for seed in (0, 1))
    assert timeless(first) != timeless(second)


def test_metrics_are_those_announced_and_those_of_the_state(small: Compose) -> None:
    config = small("batch_size=64")
    *_, last = fit(config)
    assert list(last.metrics) == list(metrics_of(config))
    dataset = resident.load(config.data)
    model = build.model(config, dataset.input_shape, len(dataset.classes))
    model.load_state_dict(last.state()["model"])
    model.eval()
    x, y = dataset.valid.batch(torch.arange(len(dataset.valid)))
    logits = model(x)
    assert last.metrics["val_accuracy"] == (logits.argmax(1) == y).sum().item() / len(y)
    loss = torch.nn.functional.cross_entropy(logits, y).item()
    assert last.metrics["val_loss"] == pytest.approx(loss, rel=1e-5)


def test_the_training_loss_weighs_every_example_alike(small: Compose) -> None:
    """With a learning rate of nearly nothing, the mean must not depend on uneven batches."""
    still = ["optimizer=sgd", "optimizer.lr=1e-30", "norm=none", "model.dropout=0.0", "epochs=1"]
    losses = [
        next(fit(small(*still, f"batch_size={size}"))).metrics["train_loss"]
        for size in (3, 100, 199, 1000)
    ]
    assert losses == pytest.approx([losses[0]] * 4, rel=1e-5)


def test_the_learning_rate_is_that_of_the_epoch(small: Compose) -> None:
    config = small("schedule=step", "schedule.step_size=1", "schedule.gamma=0.5", "optimizer.lr=1")
    assert [e.metrics["lr"] for e in fit(config)] == [1, 0.5, 0.25, 0.125]


def test_bf16_learns_and_keeps_float32_weights(small: Compose) -> None:
    *_, last = fit(small("precision=bf16", "epochs=8", "data.fraction=1"))
    *_, full = fit(small("precision=fp32", "epochs=8", "data.fraction=1"))
    assert last.metrics["val_accuracy"] > 0.9
    assert last.metrics["val_loss"] != full.metrics["val_loss"]
    floats = [t for t in tensors(last.state()["model"]) if t.is_floating_point()]
    assert {t.dtype for t in floats} == {torch.float32}


@pytest.mark.parametrize("model", ["mlp", "cnn"])
def test_label_smoothing_reaches_the_training_loss_only(model: str, small: Compose) -> None:
    still = [f"model={model}", "optimizer.lr=1e-30", "optimizer.weight_decay=0", "epochs=1"]
    plain = next(fit(small(*still))).metrics
    smooth = next(fit(small(*still, "label_smoothing=0.5"))).metrics
    assert smooth["train_loss"] != plain["train_loss"]
    assert smooth["val_loss"] == pytest.approx(plain["val_loss"])


def test_divergence_ends_the_training_and_says_when(small: Compose) -> None:
    config = small("optimizer=sgd", "optimizer.lr=1e12", "norm=none", "activation=relu")
    seen: list[int] = []
    with pytest.raises(Diverged) as end:
        seen.extend(epoch.number for epoch in fit(config))
    assert end.value.epoch == len(seen) + 1
    assert f"epoch {end.value.epoch}" in str(end.value)


class Untouchable:
    """A test part that fails whoever looks at it."""

    labelled = True

    def __len__(self) -> int:
        raise AssertionError("the test part was counted")

    def batch(self, index: Tensor) -> tuple[Tensor, Tensor]:
        raise AssertionError("the test part was read")

    def to(self, device: torch.device) -> Untouchable:
        raise AssertionError("the test part was moved")


def test_fit_does_not_touch_the_test_part(small: Compose, monkeypatch: pytest.MonkeyPatch) -> None:
    config = small()
    expected = [timeless(e.metrics) for e in fit(config)]
    dataset = replace(resident.load(config.data), test=Untouchable())
    monkeypatch.setattr(resident, "on", lambda device, data: dataset)
    monkeypatch.setattr(resident, "load", lambda data: dataset)
    epochs = list(fit(config))
    assert [timeless(e.metrics) for e in epochs] == expected
    assert size(config).parameters > 0
    with pytest.raises(AssertionError, match="test part"):
        evaluate(config, epochs[-1].state())


def test_a_test_part_without_labels_is_not_measured_by(
    small: Compose, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = small("epochs=1")
    (epoch,) = fit(config)
    unlabelled = Untouchable()
    monkeypatch.setattr(unlabelled, "labelled", False)
    dataset = replace(resident.load(config.data), test=unlabelled)
    monkeypatch.setattr(resident, "on", lambda device, data: dataset)
    assert evaluate(config, epoch.state()) == {}


def test_a_model_beyond_its_bound_is_not_trained(small: Compose) -> None:
    parameters = size(small()).parameters
    assert len(list(fit(small("epochs=1", f"model.max_parameters={parameters}")))) == 1
    told = f"{parameters:,} parameters, over {parameters - 1:,} (model.max_parameters)"
    with pytest.raises(ConfigError, match=re.escape(told)):
        next(fit(small(f"model.max_parameters={parameters - 1}")))


def test_histograms_are_drawn_where_asked_for_and_change_nothing(small: Compose) -> None:
    plain, drawn = list(fit(small())), list(fit(small("histograms=true")))
    assert [timeless(e.metrics) for e in plain] == [timeless(e.metrics) for e in drawn]
    assert not any(e.histograms for e in plain)
    names = [n for n in drawn[-1].state()["model"] if n.endswith(("weight", "bias"))]
    kinds = ("weights", "gradients")
    assert set(drawn[0].histograms) == {f"{k}/{n}" for k in kinds for n in names}


def test_evaluate_reports_the_test_part(small: Compose) -> None:
    config = small("data.fraction=1", "epochs=8")
    *_, last = fit(config)
    found = evaluate(config, last.state())
    assert set(found) == {"test_loss", "test_accuracy"}
    assert 0.9 < found["test_accuracy"] < 1
    assert found == evaluate(config, through_file(last.state()))


def test_the_device_is_waited_for_once_an_epoch(small: Compose) -> None:
    """A value read from the device stops the queue; their number must not grow with batches."""

    class Reads(TorchDispatchMode):  # type: ignore[no-untyped-call]
        count = 0

        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            self.count += func is torch.ops.aten._local_scalar_dense.default
            return func(*args, **(kwargs or {}))

    def reads(batch_size: int) -> int:
        with Reads() as reads:  # type: ignore[no-untyped-call]
            next(fit(small(f"batch_size={batch_size}", "optimizer=sgd")))
        return int(reads.count)

    assert reads(10) == reads(300) <= 4  # loss and right answers, of training and validation


def test_a_state_is_a_copy_and_of_its_time(small: Compose) -> None:
    epochs = fit(small())
    first = next(epochs)
    state = first.state()
    before = [t.clone() for t in tensors(state)]
    next(epochs)
    assert same(before, state)
    with pytest.raises(RuntimeError, match="epoch 1 is gone"):
        first.state()


@pytest.mark.parametrize("override", ["model.width=17", "model.depth=3"])
def test_a_state_of_another_model_is_refused(override: str, small: Compose) -> None:
    state = next(fit(small())).state()
    with pytest.raises(ConfigError, match="another configuration"):
        next(fit(small(override), state))


def test_resuming_a_finished_training_does_nothing(small: Compose) -> None:
    *_, last = fit(small())
    assert list(fit(small(), last.state())) == []


def test_size_is_that_of_a_real_state(small: Compose) -> None:
    for optimizer in ("sgd", "adamw"):
        config = small(f"optimizer={optimizer}")
        found = size(config)
        state = next(fit(config)).state()
        buffer = io.BytesIO()
        torch.save(state, buffer)
        assert abs(found.checkpoint_bytes - buffer.tell()) < 512  # numbers written as text differ
    hidden = (64 * 16 + 16) + (16 * 16 + 16)
    assert found.parameters == hidden + 2 * 2 * 16 + (16 * 10 + 10)


@given(count=st.integers(1, 200), batch=st.integers(1, 60))
def test_batches_hold_every_index_once_and_never_a_remainder_of_one(count: int, batch: int) -> None:
    pieces = batches(torch.arange(count), batch)
    assert torch.cat(pieces).tolist() == list(range(count))
    lengths = [len(piece) for piece in pieces]
    assert all(length == batch for length in lengths[:-2])
    if batch > 1 and count > 1:
        assert min(lengths) > 1
        assert max(lengths) <= batch + 1


def test_batch_norm_survives_a_remainder_of_one(small: Compose) -> None:
    config = small()
    count = len(resident.load(config.data).train)
    assert next(fit(small(f"batch_size={count - 1}"))).number == 1


@pytest.mark.parametrize(
    ("overrides", "match"),
    [
        (["batch_size=1"], "batch_size of 2 or more"),
        (["schedule.warmup=4"], r"schedule\.warmup"),
        (["model.dropout=1.0"], r"model\.dropout"),
        (["model.depth=0"], r"model\.depth"),
        (["model=cnn", "model.channels=0"], r"model\.channels"),
        (
            ["optimizer=adamw", "optimizer.betas=[2,2]"],
            r"optim\.AdamW refuses its settings",
        ),
        (["optimizer._target_=torch.nn.ReLU"], "optimizer"),
        (["model._target_=builtins.dict"], r"model\._target_ must make"),
        (["data._target_=builtins.dict"], r"data\._target_ must make"),
        (["data.validation=0.0001"], r"data\.validation"),
    ],
)
def test_refuses_before_training_what_cannot_be_built(
    overrides: list[str], match: str, small: Compose
) -> None:
    look: list[Callable[[TrainConfig], object]] = [size, lambda config: next(fit(config))]
    for attempt in look:
        with pytest.raises(ConfigError, match=match) as refusal:
            attempt(small(*overrides))
        assert len(str(refusal.value).splitlines()) <= 2


class TestOverfitBatches:
    def test_every_step_of_every_epoch_has_them_in_turn(self, small: Compose) -> None:
        config = small("overfit_batches=2", "steps=5")
        none = torch.empty(0, dtype=torch.int64)
        first, second = (_order(config, epoch, 287, none) for epoch in (1, 2))
        assert torch.equal(first, second)
        one, other, *rest = batches(first, 50)
        assert len({*one.tolist(), *other.tolist()}) == 100
        expected = [one, other, one]
        assert all(torch.equal(a, b) for a, b in zip(rest, expected, strict=True))

    def test_without_steps_an_epoch_has_each_once(self, small: Compose) -> None:
        none = torch.empty(0, dtype=torch.int64)
        assert len(_order(small("overfit_batches=2"), 1, 287, none)) == 100

    def test_are_learnt_by_heart_also_after_a_resume(self, small: Compose) -> None:
        words = ("model.dropout=0", "schedule=one_cycle", "optimizer.lr=0.03")
        config = small("overfit_batches=1", "steps=50", *words)
        seen, kept = [], {}
        for epoch in fit(config):
            seen.append(timeless(epoch.metrics))
            kept[epoch.number] = epoch.state()
        assert seen[-1]["train_loss"] < 0.02
        assert seen[-1]["train_accuracy"] == 1.0
        assert [timeless(e.metrics) for e in fit(config, resume=kept[2])] == seen[2:]

    def test_are_refused_where_there_are_fewer_examples(self, small: Compose) -> None:
        config = small("overfit_batches=2", "batch_size=1000")
        told = "overfit_batches=2 of batch_size=1000 is more than the .* lower batch_size"
        for refused in (lambda: list(fit(config)), lambda: size(config)):
            with pytest.raises(ConfigError, match=told):
                refused()
