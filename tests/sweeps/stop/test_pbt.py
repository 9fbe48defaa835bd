"""Who gives way to whom, on numbers."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeps.stop import Pbt, PopulationRule, PromotionRule
from sweeps.stop.pbt import drawn
from trainers.errors import ConfigError

RULE = Pbt(interval=2, quantile=0.25, resample=0.25, perturb=1.2)


def values(*numbers: float) -> dict[str, float]:
    return {f"{i:04d}": number for i, number in enumerate(numbers)}


def test_it_breeds_and_neither_promotes_nor_stops() -> None:
    assert isinstance(RULE, PopulationRule)
    assert not isinstance(RULE, PromotionRule)
    assert RULE.judge("0001", 2, {2: values(1.0, 0.0)}) is None
    assert [epoch for epoch in range(1, 7) if RULE.pauses(epoch)] == [2, 4, 6]


def test_the_worst_give_way_to_the_best() -> None:
    at = {2: values(0.5, 0.1, 0.9, 0.4, 0.3, 0.8, 0.6, 0.2)}
    found = RULE.exploits(at[2], 2, at, seed=0)
    assert set(found) == {"0001", "0007"}
    assert set(found.values()) <= {"0002", "0005"}


def test_only_those_asked_about_are_ranked() -> None:
    at = {2: values(0.5, 0.1, 0.9, 0.4)}
    assert RULE.exploits(["0000", "0003"], 2, at, seed=0) == {"0003": "0000"}


@pytest.mark.parametrize("population", [[], ["0000"]])
def test_too_few_to_rank(population: list[str]) -> None:
    assert RULE.exploits(population, 2, {2: values(0.5)}, seed=0) == {}


def test_what_is_no_number_is_worst_and_equals_stay() -> None:
    at = {2: values(0.5, math.nan, 0.9, 0.4)}
    assert RULE.exploits(at[2], 2, at, seed=0) == {"0001": "0002"}
    for same in (0.5, math.nan):
        assert RULE.exploits(values(*[same] * 8), 2, {2: values(*[same] * 8)}, seed=0) == {}


@given(
    numbers=st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=12),
    quantile=st.floats(0.01, 0.5),
    seed=st.integers(0, 3),
)
def test_nobody_gives_way_to_one_that_is_no_better(
    numbers: list[float], quantile: float, seed: int
) -> None:
    at = {4: values(*numbers)}
    found = Pbt(2, quantile, 0.25, 1.2).exploits(at[4], 4, at, seed)
    assert not set(found) & set(found.values())
    assert len(found) <= math.ceil(len(numbers) * quantile)
    for trial, parent in found.items():
        assert math.isnan(at[4][trial]) or at[4][parent] > at[4][trial]
        assert not math.isnan(at[4][parent])
    backwards = dict(reversed(at[4].items()))
    assert Pbt(2, quantile, 0.25, 1.2).exploits(backwards, 4, {4: backwards}, seed) == found


def test_parents_depend_on_seed_trial_and_epoch() -> None:
    at = {2: values(*range(40)), 4: values(*range(40))}
    first = RULE.exploits(at[2], 2, at, seed=0)
    assert len(set(first.values())) > 3
    assert RULE.exploits(at[2], 2, at, seed=0) == first
    assert RULE.exploits(at[2], 2, at, seed=1) != first
    assert RULE.exploits(at[4], 4, at, seed=0) != first
    assert drawn("parent", 0, "0001", 2).random() != drawn("child", 0, "0001", 2).random()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"interval": 0}, r"stop\.interval >= 1"),
        ({"quantile": 0.0}, r"stop\.quantile above 0 and at most 0\.5, not 0"),
        ({"quantile": 0.6}, r"stop\.quantile"),
        ({"quantile": math.nan}, r"stop\.quantile"),
        ({"resample": 1.5}, r"stop\.resample from 0 to 1, not 1\.5"),
        ({"perturb": 1.0}, r"stop\.perturb above 1"),
        ({"perturb": math.inf}, r"stop\.perturb above 1"),
    ],
)
def test_refused(settings: dict[str, float], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        Pbt(**{"interval": 2, "quantile": 0.25, "resample": 0.25, "perturb": 1.2, **settings})  # type: ignore[arg-type]
