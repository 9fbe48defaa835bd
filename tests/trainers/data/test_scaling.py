"""Scaling of inputs."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainers.data.scaling import Scaling
from trainers.errors import ConfigError


@given(st.lists(st.integers(1, 5), min_size=1, max_size=4), st.integers(0, 1000))
def test_blocks_make_no_difference(sizes: list[int], seed: int) -> None:
    rows = torch.randn(sum(sizes), 3, generator=torch.Generator().manual_seed(seed)) * 4 + 1
    for kind in ("standardise", "minmax"):
        whole, parts = (
            Scaling.of_rows(kind, [rows]),
            Scaling.of_rows(kind, torch.split(rows, sizes)),
        )
        assert whole is not None
        assert parts is not None
        assert torch.allclose(whole.center, parts.center, atol=1e-6)
        assert torch.allclose(whole.scale, parts.scale, rtol=1e-4)


def test_what_never_varies_is_only_moved() -> None:
    rows = torch.tensor([[1.0, 5.0], [3.0, 5.0]])
    for kind in ("standardise", "minmax"):
        fitted = Scaling.of_rows(kind, [rows])
        assert fitted is not None
        assert fitted.apply(rows.clone())[:, 1].tolist() == [0.0, 0.0]


def test_none() -> None:
    assert Scaling.of_rows("none", []) is None


def test_refuses_another_kind() -> None:
    with pytest.raises(ConfigError, match=r"data\.scaling must be one of"):
        Scaling.of_rows("log", [])
