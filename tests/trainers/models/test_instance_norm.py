from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from trainers.models.instance_norm import InstanceNorm


@given(st.integers(1, 4), st.integers(1, 5), st.integers(1, 4), st.integers(2, 4))
def test_is_that_of_pytorch_where_there_are_places(n: int, f: int, h: int, w: int) -> None:
    torch.manual_seed(0)
    x = 3 + 2 * torch.randn(n, f, h, w)
    other = nn.InstanceNorm2d(f)
    torch.testing.assert_close(InstanceNorm(f, affine=False)(x), other(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("train", [True, False])
def test_one_place_is_normalised_over_the_features(train: bool) -> None:
    torch.manual_seed(0)
    x = torch.randn(4, 6)
    one = InstanceNorm(6, affine=True).train(train)
    nn.init.normal_(one.weight)  # type: ignore[arg-type]
    nn.init.normal_(one.bias)  # type: ignore[arg-type]
    other = nn.LayerNorm(6)
    other.load_state_dict(one.state_dict())
    torch.testing.assert_close(one(x), other(x))
    torch.testing.assert_close(one(x[:, :, None, None])[:, :, 0, 0], other(x))
