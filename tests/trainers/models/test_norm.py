from __future__ import annotations

import pytest
import torch

from trainers.models import norm


@pytest.mark.parametrize("shape", [(16, 6), (16, 6, 5, 4)])
def test_each_normalises_over_its_own_axes(shape: tuple[int, ...]) -> None:
    x = 3 + 2 * torch.randn(shape, generator=torch.Generator().manual_seed(0))
    dims = 1 if len(shape) == 2 else 2
    assert torch.equal(norm.none(6, dims)(x), x)
    for build, kept in ((norm.batch, 1), (norm.layer, 0)):
        y = build(6, dims)(x)
        over = [axis for axis in range(x.dim()) if axis != kept]
        assert y.mean(over).abs().max() < 1e-5
        assert (y.var(over, unbiased=False) - 1).abs().max() < 1e-3


@pytest.mark.parametrize("dims", [1, 2])
def test_affine_is_what_there_is_to_learn(dims: int) -> None:
    for build in (norm.batch, norm.layer):
        assert [p.shape for p in build(6, dims).parameters()] == [(6,), (6,)]
        assert not list(build(6, dims, affine=False).parameters())


def test_momentum_moves_the_running_mean() -> None:
    module = norm.batch(1, 1, momentum=0.25)
    module(torch.tensor([[3.0], [5.0]]))
    assert module.get_buffer("running_mean").item() == 1.0
