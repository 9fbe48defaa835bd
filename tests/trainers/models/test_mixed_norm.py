"""The learned blends against the formulas of their papers, written out."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from trainers.models.mixed_norm import BatchInstanceNorm, SwitchableNorm

#: (N, F) and (N, F, H, W), images of one pixel among them.
SHAPES = st.one_of(
    st.tuples(st.integers(2, 9), st.integers(2, 9)),
    st.tuples(*[st.integers(2, 5)] * 2, *[st.integers(1, 4)] * 2),
)
SEEDS = st.integers(0, 2**16)


def data(shape: tuple[int, ...], seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 3 + 2 * torch.randn(shape, generator=generator, dtype=torch.float64)


def randomised(module: nn.Module, seed: int) -> nn.Module:
    torch.manual_seed(seed)
    for parameter in module.parameters():
        nn.init.normal_(parameter, 0.5)
    return module.double()


def axes(shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    every = tuple(range(1, len(shape)))
    one_place = all(size == 1 for size in shape[2:])
    return {
        "instance": every if one_place else every[1:],
        "layer": every,
        "batch": (0, *every[1:]),
    }


def moments(x: Tensor, over: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    mean = x.mean(over, keepdim=True)
    return mean, (x - mean).square().mean(over, keepdim=True)


def by_feature(values: Tensor, x: Tensor) -> Tensor:
    return values.reshape(1, -1, *[1] * (x.ndim - 2))


@given(SHAPES, SEEDS)
def test_batch_instance_is_the_formula(shape: tuple[int, ...], seed: int) -> None:
    one, x = randomised(BatchInstanceNorm(shape[1], 0.1), seed), data(shape, seed)
    assert isinstance(one, BatchInstanceNorm)

    def standard(kind: str) -> Tensor:
        mean, var = moments(x, axes(shape)[kind])
        return (x - mean) / (var + 1e-5).sqrt()

    rho = by_feature(one.rho.clamp(0, 1), x)
    blend = rho * standard("batch") + (1 - rho) * standard("instance")
    expected = blend * by_feature(one.weight, x) + by_feature(one.bias, x)
    torch.testing.assert_close(one(x), expected, rtol=1e-6, atol=1e-6)


@given(SHAPES, SEEDS)
def test_switchable_is_the_formula(shape: tuple[int, ...], seed: int) -> None:
    one, x = randomised(SwitchableNorm(shape[1], 0.1), seed), data(shape, seed)
    assert isinstance(one, SwitchableNorm)
    parts = [moments(x, over) for over in axes(shape).values()]
    mean, var = (
        sum(share * part[which] for share, part in zip(weights.softmax(0), parts, strict=True))
        for which, weights in enumerate((one.mean_weight, one.var_weight))
    )
    expected = (x - mean) / (var + 1e-5).sqrt()
    expected = expected * by_feature(one.weight, x) + by_feature(one.bias, x)
    torch.testing.assert_close(one(x), expected, rtol=1e-6, atol=1e-6)


@given(SHAPES, SEEDS)
def test_switchable_averages_the_batches_for_evaluation(shape: tuple[int, ...], seed: int) -> None:
    one = SwitchableNorm(shape[1], 0.25).double()
    x = data(shape, seed)
    one(x)
    mean, var = moments(x, axes(shape)["batch"])
    torch.testing.assert_close(one.mean, 0.25 * mean.flatten())
    torch.testing.assert_close(one.var, 0.75 + 0.25 * var.flatten())
    one.eval()
    before = one.mean.clone()
    torch.testing.assert_close(one(x[:1]), one(x)[:1])  # no look at the other examples
    assert torch.equal(one.mean, before)


@given(SHAPES, SEEDS)
def test_batch_instance_is_batch_norm_when_it_trusts_the_batch(
    shape: tuple[int, ...], seed: int
) -> None:
    one = BatchInstanceNorm(shape[1], 0.25).double()
    kind = nn.BatchNorm2d if len(shape) > 2 else nn.BatchNorm1d
    other = kind(shape[1], momentum=0.25).double()
    x = data(shape, seed)
    torch.testing.assert_close(one(x), other(x))
    torch.testing.assert_close(one.eval()(x), other.eval()(x))  # and their running averages


@pytest.mark.parametrize("kind", [BatchInstanceNorm, SwitchableNorm])
@pytest.mark.parametrize("shape", [(64, 32), (16, 8, 6, 6)])
def test_bf16_loses_no_more_than_its_own_rounding(
    kind: type[nn.Module], shape: tuple[int, ...]
) -> None:
    x = (50 + 2 * torch.randn(shape, generator=torch.Generator().manual_seed(0))).bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = kind(shape[1], 0.1)(x)  # type: ignore[call-arg]
    assert y.dtype == torch.bfloat16
    exact = kind(shape[1], 0.1).double()(x.double())  # type: ignore[call-arg]
    assert float((y.double() - exact).detach().abs().max()) < 0.02
