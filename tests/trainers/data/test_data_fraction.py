"""The first epochs see a part of the examples, and all else is as it would be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainers.config import FirstConfig, TrainConfig, refuse_idle
from trainers.data import resident
from trainers.data.data_fraction import Lengths, available, describe, early
from trainers.errors import ConfigError
from trainers.fit import Epoch, fit

Compose = Callable[..., TrainConfig]
CPU = torch.device("cpu")
FIRST = ("first.epochs=2", "first.fraction=0.25", "device=cpu")


@given(
    few=st.integers(0, 9), early=st.integers(1, 99), full=st.integers(1, 99), n=st.integers(0, 20)
)
def test_batches_add_up(few: int, early: int, full: int, n: int) -> None:
    by_epoch = [early if epoch <= few else full for epoch in range(1, n + 1)]
    assert Lengths(few, early, full).upto(n) == sum(by_epoch)


@given(total=st.integers(1, 10_000), fraction=st.floats(0.001, 1))
def test_the_first_epochs_draw_from_fewer(total: int, fraction: float) -> None:
    first = FirstConfig(2, fraction)
    few = available(first, 1, total)
    assert 1 <= few <= total
    assert abs(few - fraction * total) <= 1
    assert [available(first, epoch, total) for epoch in (2, 3, 9)] == [few, total, total]


def test_nothing_is_kept_back_by_default(small: Compose) -> None:
    config = small("device=cpu")
    assert available(config.first, 1, 1000) == 1000
    assert len(early(config, 1000, CPU)) == 0


@given(low=st.floats(0.01, 1), high=st.floats(0.01, 1), seed=st.integers(0, 9))
def test_a_smaller_part_is_in_a_larger_and_the_same_for_every_seed(
    low: float, high: float, seed: int
) -> None:
    low, high = sorted((low, high))
    config = TrainConfig(seed=seed, first=FirstConfig(1, low), data={"split_seed": 3})
    few = set(early(config, 400, CPU).tolist())
    many = set(early(replace(config, seed=9, first=FirstConfig(1, high)), 400, CPU).tolist())
    assert few <= (many or set(range(400)))


def counts(epochs: list[Epoch]) -> list[int]:
    return [round(e.metrics["samples_per_s"] * e.metrics["epoch_s"]) for e in epochs]


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle"])
def test_only_the_first_epochs_are_shorter(schedule: str, small: Compose) -> None:
    config = small(*FIRST, f"schedule={schedule}")
    total = len(resident.load(config.data).train)
    epochs = list(fit(config))
    assert counts(epochs) == [round(total / 4)] * 2 + [total] * 2
    last = epochs[-1].state()["schedule"]
    if schedule == "one_cycle":
        assert last["last_epoch"] == last["total_steps"], "it ends with the last batch"


def test_steps_still_bound_an_epoch(small: Compose) -> None:
    assert counts(list(fit(small(*FIRST, "steps=1")))) == [50] * 4


@pytest.mark.parametrize("at", [1, 2, 3])
def test_resumed_to_the_bit(at: int, small: Compose) -> None:
    config = small(*FIRST, "schedule=one_cycle")
    whole = list(_told(config))
    state = next(e for e in fit(config) if e.number == at).state()
    assert list(_told(config, state)) == whole[at:]


def _told(config: TrainConfig, state: dict[str, object] | None = None) -> list[tuple[float, ...]]:
    return [
        tuple(e.metrics[m] for m in ("train_loss", "val_loss", "lr")) for e in fit(config, state)
    ]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("first.epochs=0", "first.fraction=0.5"), r"first\.epochs must be 1 or more and below"),
        (("first.epochs=4", "first.fraction=0.5"), r"below epochs \(4\)"),
        (("first.epochs=2", "first.fraction=0"), r"first\.fraction must be above 0"),
        (("first.epochs=2", "first.fraction=1.5"), r"first\.fraction must be above 0"),
        (("first.epochs=2", "first.fraction=nan"), r"first\.fraction must be a finite"),
        (("first.epochs=2", "first.fraction=lots"), r"first\.fraction"),
    ],
)
def test_refused(words: tuple[str, ...], told: str, small: Compose) -> None:
    with pytest.raises(ConfigError, match=told):
        small(*words)


def test_a_share_that_no_epoch_has_is_refused_where_no_epochs_can_come(small: Compose) -> None:
    refuse_idle(small())
    refuse_idle(small("first.epochs=2", "first.fraction=0.5"))
    with pytest.raises(ConfigError, match=r"first\.fraction=0\.5 has no effect without"):
        refuse_idle(small("first.fraction=0.5"))


def test_a_part_too_small_to_train_on_is_refused(small: Compose) -> None:
    with pytest.raises(ConfigError, match=r"first\.fraction=0\.001 of \d+ examples is 1"):
        next(fit(small("first.epochs=2", "first.fraction=0.001")))


def test_it_is_told_where_it_is_so() -> None:
    expected = "the first 3 see 25 % of the training data, the rest all"
    assert describe(FirstConfig(3, 0.25)) == expected
    assert describe(FirstConfig()) == describe(FirstConfig(3, 1.0)) == ""
