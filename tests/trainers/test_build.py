"""Models, optimizers, schedules and augmentations are built as configured, or refused in a line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from trainers import build
from trainers.config import TrainConfig
from trainers.data.data_fraction import Lengths
from trainers.errors import ConfigError
from trainers.schedules import build_schedule

Compose = Callable[..., TrainConfig]

SHAPE, CLASSES = (1, 8, 8), 10
HERE = __name__


def refuses_batches(x: Tensor) -> Tensor:
    raise ValueError("no\nbatches")


def breaks(model: nn.Module, activation: object) -> None:
    raise RuntimeError("the weights are of stone")


class Frozen(nn.Module):
    """A model half of which is not trained."""

    def __init__(self, *, input_shape: Any, classes: int, norm: Any, activation: Any) -> None:
        super().__init__()
        self.fixed, self.head = nn.Linear(64, 8), nn.Linear(8, classes)
        self.fixed.requires_grad_(False)


def model(config: TrainConfig) -> nn.Module:
    return build.model(config, SHAPE, CLASSES)


@pytest.mark.parametrize("choice", ["mlp", "cnn"])
def test_the_random_state_of_torch_decides_the_weights(choice: str, small: Compose) -> None:
    models = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        models.append(model(small(f"model={choice}")).state_dict())
    first, same, other = models
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_a_model_is_for_the_data_that_it_is_given(small: Compose) -> None:
    built = build.model(small(), (3, 4, 5), 7)
    assert built.eval()(torch.zeros(2, 3, 4, 5)).shape == (2, 7)


def test_only_what_is_trained_is_counted(small: Compose) -> None:
    config = small()
    config.model = {"_target_": f"{HERE}.Frozen"}
    assert build.parameters(config, SHAPE, CLASSES) == build.trainable(model(config)) == 90


def test_counting_takes_no_memory_and_draws_nothing(small: Compose) -> None:
    """Two terabytes of weights, which no machine of ours has."""
    before = torch.get_rng_state()
    config = small("model.width=350000", "model.depth=5", "norm=none")
    count = build.parameters(config, SHAPE, CLASSES)
    assert count == 350_000 * (64 + 1) + 4 * 350_000 * 350_001 + 10 * 350_001
    assert torch.equal(torch.get_rng_state(), before)


def test_a_model_may_be_as_large_as_its_bound_and_no_larger(small: Compose) -> None:
    count = build.parameters(small(), SHAPE, CLASSES)

    def excess(most: object) -> str:
        return build.excess(small(f"model.max_parameters={most}"), SHAPE, CLASSES)

    assert excess("null") == excess(count) == excess(count + 1) == ""
    assert excess(count - 1) == f"{count:,} parameters, over {count - 1:,} (model.max_parameters)"


@pytest.mark.parametrize("norm", ["batch", "batch_instance", "switchable"])
def test_a_norm_over_the_batch_needs_two_examples(norm: str, small: Compose) -> None:
    with pytest.raises(ConfigError, match=r"batch_size of 2 or more, not 1: .*norm=layer"):
        model(small("batch_size=1", f"norm={norm}"))
    model(small("batch_size=2", f"norm={norm}"))


@pytest.mark.parametrize("norm", ["none", "layer", "group", "instance", "weight"])
def test_other_norms_are_not_confused_with_it(norm: str, small: Compose) -> None:
    model(small("batch_size=1", f"norm={norm}"))


def test_the_optimizer_has_every_parameter(small: Compose) -> None:
    built = model(small())
    optimizer = build.optimizer(small("optimizer=sgd", "optimizer.lr=0.25"), built)
    (group,) = optimizer.param_groups
    assert [id(p) for p in group["params"]] == [id(p) for p in built.parameters()]
    assert group["lr"] == 0.25


def test_an_augmentation_is_tried_and_the_random_state_stays(small: Compose) -> None:
    before = torch.get_rng_state()
    build.augment(small("augment=noise"))
    assert torch.equal(torch.get_rng_state(), before)
    with pytest.raises(ConfigError, match=r"augment\.std must be 0 or more"):
        build.augment(small("augment=noise", "augment.std=-1.0"))


def everything(config: TrainConfig) -> None:
    build.augment(config)
    optimizer = build.optimizer(config, model(config))
    build_schedule.build(config, optimizer, Lengths(0, 7, 7))


@pytest.mark.parametrize(
    ("group", "node", "message"),
    [
        ("model", {"_target_": "builtins.dict"}, "must make a torch.nn.Module, and builtins.dict"),
        ("model", {"_target_": "torch.nn.Linear"}, "Linear refuses its settings"),
        ("init", {"_target_": f"{HERE}.breaks"}, "init: .*breaks refuses its settings: the weig"),
        ("augment", {"_target_": f"{HERE}.refuses_batches"}, "augment: .* its settings: no$"),
        ("optimizer", {"_target_": "torch.nn.ReLU"}, "optimizer"),
        (
            "optimizer",
            {"_target_": "torch.optim.SGD", "lr": -1.0},
            "SGD refuses its settings",
        ),
        ("optimizer", {"_target_": "builtins.list"}, r"optimizer\._target_ must make a Optimizer"),
        ("schedule", {"_target_": f"{HERE}.breaks"}, "schedule: .*breaks refuses its settings"),
    ],
)
def test_what_cannot_be_built_is_refused_in_a_line(
    group: str, node: dict[str, Any], message: str, small: Compose
) -> None:
    config = small()
    partial = group in ("init", "augment", "optimizer", "schedule")
    setattr(config, group, {**node, **({"_partial_": True} if partial else {})})
    with pytest.raises(ConfigError, match=message) as refusal:
        everything(config)
    assert len(str(refusal.value).splitlines()) == 1


class Bare(nn.Module):
    """Asks for nothing but the data's shapes."""

    def __init__(self, *, input_shape: Any, classes: int) -> None:
        super().__init__()
        self.head = nn.Linear(input_shape[-1] * input_shape[-2], classes)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(x.flatten(1))
        return out


class Open(Bare):
    """Takes whatever there is."""

    def __init__(self, **given: Any) -> None:
        super().__init__(input_shape=given["input_shape"], classes=given["classes"])
        self.given = given


Five = partial(Open, classes=5)


def small_normal(model: nn.Module) -> None:
    for weight in model.parameters():
        nn.init.normal_(weight, std=1e-3)


def jitter(x: Tensor, std: float) -> Tensor:
    return x + std * torch.randn_like(x)


def cut(x: Tensor) -> Tensor:
    return x[..., :2]


def with_groups(config: TrainConfig, **nodes: dict[str, Any]) -> TrainConfig:
    return replace(config, **nodes)  # type: ignore[arg-type]


def test_a_model_is_given_what_it_asks_for(small: Compose) -> None:
    bare = with_groups(small(), model={"_target_": f"{HERE}.Bare"})
    assert model(bare)(torch.zeros(2, *SHAPE)).shape == (2, CLASSES)
    assert build.unasked(bare) == ("norm", "activation")
    all_of_it = with_groups(small(), model={"_target_": f"{HERE}.Open"})
    assert set(model(all_of_it).given) == {"input_shape", "classes", "norm", "activation"}
    assert build.unasked(all_of_it) == ()
    bound = with_groups(small(), model={"_target_": f"{HERE}.Five"})
    assert model(bound)(torch.zeros(2, *SHAPE)).shape == (2, 5)
    assert build.unasked(small()) == ()


def test_an_init_takes_a_model_or_one_weight(small: Compose) -> None:
    built = model(with_groups(small(), init={"_target_": f"{HERE}.small_normal"}))
    assert all(weight.abs().max() < 0.01 for weight in built.parameters())
    init = {"_target_": "torch.nn.init.orthogonal_", "gain": 2.0}
    *_, last = (m for m in model(with_groups(small(), init=init)).modules()
                if isinstance(m, nn.Linear))  # fmt: skip
    torch.testing.assert_close(last.weight @ last.weight.T, 4 * torch.eye(len(last.weight)))
    assert last.bias.abs().max() == 0


def test_an_augmentation_is_a_function_or_a_module_of_the_data(small: Compose) -> None:
    x = torch.ones(4, 3)
    for node in (
        {"_target_": f"{HERE}.jitter", "std": 0.1},
        {"_target_": "torch.nn.Dropout", "p": 0.9},
        {"_target_": "torch.nn.functional.dropout", "p": 0.9},
    ):
        made = build.augment(with_groups(small(), augment=node), (3,))(x)
        assert made.shape == x.shape
        assert not torch.equal(made, x)
    with pytest.raises(ConfigError, match=r"makes \(1, 2\) of a batch \(1, 3\)"):
        build.augment(with_groups(small(), augment={"_target_": f"{HERE}.cut"}), (3,))


def test_an_optimizer_that_trains_by_a_closure_is_refused(small: Compose) -> None:
    config = with_groups(small(), optimizer={"_target_": "torch.optim.LBFGS", "lr": 0.1})
    with pytest.raises(ConfigError, match="closure"):
        build.optimizer(config, model(config))
