"""Normalisations: what they compute, and where a network has them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from trainers.config import compose
from trainers.errors import ConfigError
from trainers.models import norm
from trainers.models.norm import Norm, evaluates_by_batch, needs_batch

SHAPES = [(16, 6), (16, 6, 5, 4)]
WHERE = {"position": "before", "layers": "every"}


def data(shape: tuple[int, ...], seed: int = 0) -> Tensor:
    return 3 + 2 * torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def module(built: Norm, shape: tuple[int, ...]) -> nn.Module:
    assert built.make is not None
    return built.make(shape[1], len(shape) > 2)


def standardised(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    mean, var = x.mean(axes, keepdim=True), x.var(axes, correction=0, keepdim=True)
    return (x - mean) / torch.sqrt(var + 1e-5)


def places(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(range(2, len(shape))) or (1,)


@pytest.mark.parametrize("shape", SHAPES)
def test_each_normalises_over_its_own_axes(shape: tuple[int, ...]) -> None:
    x = data(shape)
    every = tuple(range(1, len(shape)))
    for built, axes in (
        (norm.batch(0.1, True, **WHERE), (0, *range(2, len(shape)))),
        (norm.layer(True, **WHERE), every),
        (norm.group(1, True, **WHERE), every),
        (norm.instance(False, **WHERE), places(shape)),
    ):
        assert torch.allclose(module(built, shape)(x), standardised(x, axes), atol=1e-5)


@pytest.mark.parametrize("image", [False, True])
def test_affine_is_what_there_is_to_learn(image: bool) -> None:
    for build in (
        lambda affine: norm.batch(0.1, affine, **WHERE),
        lambda affine: norm.layer(affine, **WHERE),
        lambda affine: norm.group(2, affine, **WHERE),
        lambda affine: norm.instance(affine, **WHERE),
    ):
        assert [p.shape for p in build(True).make(6, image).parameters()] == [(6,), (6,)]
        assert not list(build(False).make(6, image).parameters())


def test_momentum_moves_the_running_mean() -> None:
    one = module(norm.batch(0.25, True, **WHERE), (2, 1))
    one(torch.tensor([[3.0], [5.0]]))
    assert one.get_buffer("running_mean").item() == 1.0


def test_without_running_statistics_each_batch_is_normalised_by_its_own() -> None:
    one = module(norm.batch(0.1, False, **WHERE, running=False), (16, 6))
    one(data((16, 6)))
    assert not one.state_dict(), "nothing is kept from batch to batch"
    other = data((8, 6), seed=1)
    assert torch.allclose(one.eval()(other), standardised(other, (0,)), atol=1e-5)
    usual = module(norm.batch(0.1, False, **WHERE), (16, 6))
    assert not torch.allclose(usual.eval()(other), standardised(other, (0,)), atol=1e-2)


def test_the_usual_momentum_is_the_yamls() -> None:
    assert compose(["norm=batch"]).norm["momentum"] == norm.MOMENTUM


def test_which_take_statistics_of_a_batch_in_evaluation() -> None:
    def by_batch(built: Norm) -> bool:
        return evaluates_by_batch(nn.Sequential(module(built, (2, 4))))

    assert by_batch(norm.batch(0.1, True, **WHERE, running=False))
    for built in (norm.batch(0.1, True, **WHERE), norm.layer(True, **WHERE)):
        assert not by_batch(built)
    assert not by_batch(norm.instance(True, **WHERE))


@pytest.mark.parametrize(
    ("features", "groups", "taken"),
    [(12, 8, 4), (7, 8, 1), (64, 8, 8), (4, 4, 2), (8, 16, 4), (7, 7, 1), (1, 4, 1)],
)
def test_groups_divide_any_width_and_hold_two_features(
    features: int, groups: int, taken: int
) -> None:
    one = module(norm.group(groups, True, **WHERE), (2, features))
    assert isinstance(one, nn.GroupNorm)
    assert one.num_groups == taken


def kinds(built: Norm, index: int) -> list[str]:
    layer = nn.Linear(3, 4)
    return [type(m).__name__ for m in built.around(layer, nn.ReLU(), 4, False, index)]


def test_where_it_stands() -> None:
    def batch(position: str, layers: str) -> Norm:
        return norm.batch(0.1, True, position, layers)

    assert kinds(batch("before", "every"), 1) == ["Linear", "BatchNorm1d", "ReLU"]
    assert kinds(batch("after", "every"), 1) == ["Linear", "ReLU", "BatchNorm1d"]
    assert kinds(batch("before", "alternate"), 0) == ["Linear", "BatchNorm1d", "ReLU"]
    assert kinds(batch("before", "alternate"), 1) == ["Linear", "ReLU"]
    assert kinds(batch("before", "input"), 0) == ["Linear", "ReLU"]
    assert kinds(norm.none(), 0) == ["Linear", "ReLU"]
    assert [type(m) for m in batch("before", "input").on_input(4, False)] == [nn.BatchNorm1d]
    assert batch("before", "every").on_input(4, False) == []
    assert norm.none().on_input(4, False) == []


def test_weight_norm_learns_length_and_direction_apart() -> None:
    built = norm.weight("alternate")
    first, _ = built.around(nn.Linear(3, 4), nn.ReLU(), 4, False, 0)
    assert {n: tuple(p.shape) for n, p in first.named_parameters()} == {
        "bias": (4,),
        "parametrizations.weight.original0": (4, 1),
        "parametrizations.weight.original1": (4, 3),
    }
    second, _ = built.around(nn.Linear(3, 4), nn.ReLU(), 4, False, 1)
    assert {n for n, _ in second.named_parameters()} == {"weight", "bias"}


def test_which_look_at_the_batch() -> None:
    def needs(built: Norm) -> bool:
        return needs_batch(nn.Sequential(*built.around(nn.Linear(3, 4), nn.ReLU(), 4, False, 0)))

    for built in (
        norm.batch(0.1, True, **WHERE),
        norm.batch_instance(0.1, **WHERE),
        norm.switchable(0.1, **WHERE),
    ):
        assert needs(built)
    for built in (
        norm.none(),
        norm.layer(True, **WHERE),
        norm.group(2, True, **WHERE),
        norm.instance(True, **WHERE),
        norm.weight("every"),
    ):
        assert not needs(built)


@pytest.mark.parametrize(
    ("build", "told"),
    [
        (lambda: norm.batch(0.1, True, "beside", "every"), "norm.position must be one of"),
        (lambda: norm.batch(0.1, True, "after", "some"), "norm.layers must be one of"),
        (lambda: norm.batch(0.0, True, **WHERE), "norm.momentum must be above 0"),
        (lambda: norm.batch(0.2, True, **WHERE, running=False), "norm.momentum=0.2 has no effect"),
        (lambda: norm.batch(0.1, True, **WHERE, running=None), "norm.running must be true or"),
        (lambda: norm.switchable(1.5, **WHERE), "norm.momentum must be above 0"),
        (lambda: norm.group(0, True, **WHERE), "norm.groups must be 1 or more"),
        (lambda: norm.weight("input"), "norm.layers=input has no weights"),
    ],
)
def test_refuses(build: object, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        build()  # type: ignore[operator]


def test_what_is_wrong_is_shown_in_hydras_grammar() -> None:
    with pytest.raises(ConfigError, match=r"norm\.position must be one of .*, not null: set"):
        norm.layer(True, position=None, layers="every")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"norm\.running must be true or false, not \{a:1\}$"):
        norm.batch(0.1, True, **WHERE, running={"a": 1})  # type: ignore[arg-type]
