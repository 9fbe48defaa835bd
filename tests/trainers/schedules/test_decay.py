from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim.lr_scheduler import LRScheduler

from trainers.errors import ConfigError
from trainers.schedules import constant, cosine, two_stage


def optimizer() -> torch.optim.SGD:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=2.0)


def rates(schedule: LRScheduler, epochs: int) -> list[float]:
    found = []
    for _ in range(epochs):
        found.append(float(schedule.optimizer.param_groups[0]["lr"]))
        schedule.optimizer.step()
        schedule.step()
    return found


def test_constant() -> None:
    assert rates(constant(optimizer()), 3) == [2.0, 2.0, 2.0]


def test_cosine_without_warmup() -> None:
    expected = [1 + math.cos(math.pi * k / 4) for k in range(4)]
    assert rates(cosine(optimizer(), epochs=4), 4) == pytest.approx(expected)


@given(epochs=st.integers(1, 40), data=st.data())
def test_cosine_rises_then_falls_and_never_stops_learning(epochs: int, data: st.DataObject) -> None:
    warmup = data.draw(st.integers(0, epochs - 1))
    found = rates(cosine(optimizer(), epochs, warmup), epochs)
    assert all(rate > 0 for rate in found)
    assert found[warmup] == 2.0 == max(found)
    assert found[: warmup + 1] == pytest.approx(
        [2 * (k + 1) / (warmup + 1) for k in range(warmup + 1)]
    )
    assert found[warmup:] == sorted(found[warmup:], reverse=True)


def test_cosine_stays_at_zero_beyond_its_epochs() -> None:
    assert rates(cosine(optimizer(), epochs=2), 5)[2:] == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("warmup", [-1, 3, 4])
def test_cosine_refuses_a_warmup_that_leaves_no_cosine(warmup: int) -> None:
    with pytest.raises(ConfigError, match=r"schedule\.warmup"):
        cosine(optimizer(), epochs=3, warmup=warmup)


def test_two_stages() -> None:
    found = rates(two_stage(optimizer(), switch=2, gamma=0.5, final_gamma=0.1), 5)
    assert found == pytest.approx([2.0, 1.0, 0.5, 0.05, 0.005])


@pytest.mark.parametrize("wrong", [{"switch": -1}, {"gamma": 0.0}, {"final_gamma": 1.1}])
def test_two_stages_refuse(wrong: dict[str, float]) -> None:
    settings: dict[str, Any] = {"switch": 2, "gamma": 0.5, "final_gamma": 0.1}
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        two_stage(optimizer(), **(settings | wrong))
