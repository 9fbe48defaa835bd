"""A child's parameters are in the space, near its parent's, and what Optuna can record."""

from __future__ import annotations

import math
from random import Random
from typing import Any

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.samplers import RandomSampler

from sweeps.space.dimensions import Choice, Dimension, Interval
from sweeps.space.expressions import Expression
from sweeps.space.space import Parameter, Space
from sweeps.stop.pbt_explore import explore

DIMENSIONS: dict[str, Dimension] = {
    "linear": Interval(0.0, 0.5),
    "negative": Interval(-3.0, 2.0),
    "log": Interval(1e-4, 1e-1, log=True),
    "log1m": Interval(0.9, 0.999, log1m=True),
    "whole": Interval(1, 9, integer=True),
    "whole log": Interval(16, 256, log=True, integer=True),
    "stepped": Interval(0.1, 0.7, step=0.2),
    "whole stepped": Interval(8, 64, integer=True, step=8),
    "list": Choice((8, 1, 64, 2)),
    "words": Choice(("a", "b", "c")),
    "lists": Choice(([0.9, 0.99], [0.8, 0.9])),
    "with null": Choice((None, 1.0)),
}
NUMERIC = [name for name in DIMENSIONS if name not in ("words", "lists", "with null")]


def space(*names: str) -> Space:
    return Space(tuple(Parameter(f"k.{name}", DIMENSIONS[name]) for name in names))


def one(name: str, value: Any, seed: int = 0, resample: float = 0.0) -> Any:
    found = explore(space(name), {f"k.{name}": value}, Random(seed), 1.2, resample)
    return found[f"k.{name}"]


@given(seed=st.integers(0, 2**32), perturb=st.floats(1.01, 4), resample=st.floats(0, 1))
def test_every_child_of_every_child_is_in_the_space_and_on_record(
    seed: int, perturb: float, resample: float
) -> None:
    everything = space(*DIMENSIONS)
    study = optuna.create_study(sampler=RandomSampler(seed % 1000))
    params = everything.suggest(study.ask())
    random = Random(seed)
    for _ in range(5):
        params = explore(everything, params, random, perturb, resample)
        assert everything.holds(params)
        study.enqueue_trial(everything.labels(params))
        trial = study.ask()
        assert everything.suggest(trial) == params
        assert everything.values(trial.params) == params


@pytest.mark.parametrize("name", NUMERIC)
@pytest.mark.parametrize("seed", range(4))
def test_a_number_inside_moves(name: str, seed: int) -> None:
    dimension = DIMENSIONS[name]
    inside = {"linear": 0.2, "negative": -1.0, "log": 1e-2, "log1m": 0.99, "whole": 2}
    inside |= {"whole log": 20, "stepped": 0.3, "whole stepped": 16, "list": 2}
    value = inside[name]
    found = one(name, value, seed)
    assert found != value
    assert dimension.contains(found)


def test_by_the_factor_or_its_inverse() -> None:
    for name, value in (("linear", 0.2), ("log", 1e-2), ("negative", -1.0)):
        found = {one(name, value, seed) for seed in range(20)}
        assert sorted(found, key=abs) == pytest.approx([value / 1.2, value * 1.2])
    near = {1 - one("log1m", 0.99, seed) for seed in range(20)}
    assert sorted(near) == pytest.approx([0.01 / 1.2, 0.012])


def test_whole_numbers_by_one_at_least_and_lists_to_a_neighbour() -> None:
    assert {one("whole", 2, seed) for seed in range(20)} == {1, 3}
    assert {one("whole stepped", 8, seed) for seed in range(20)} == {8, 16}
    assert {one("list", 8, seed) for seed in range(20)} == {2, 64}


def test_clipped_and_zero_is_no_trap() -> None:
    assert sorted({one("linear", 0.5, s) for s in range(20)}) == pytest.approx([0.5 / 1.2, 0.5])
    assert sorted({one("linear", 0.0, s) for s in range(20)}) == pytest.approx([0.0, 0.1])


def test_what_has_no_order_stays_unless_drawn_anew() -> None:
    assert {one("words", "a", seed) for seed in range(20)} == {"a"}
    assert {one("words", "a", seed, resample=1.0) for seed in range(30)} == {"a", "b", "c"}


@pytest.mark.parametrize("name", ["linear", "log", "whole", "whole log", "stepped"])
def test_drawn_anew_from_the_whole_of_it(name: str) -> None:
    low, high = DIMENSIONS[name].examples()
    start = DIMENSIONS[name].examples()[0]
    found = [one(name, start, seed, resample=1.0) for seed in range(300)]
    middle = math.sqrt(low * high) if name in ("log", "whole log") else (low + high) / 2
    assert 90 < sum(value < middle for value in found) < 210
    assert min(found) < low + (high - low) / 4
    assert max(found) > high - (high - low) / 4


def test_a_key_under_a_condition_comes_and_goes_with_it() -> None:
    lr, momentum = Interval(0.1, 1.0), Interval(0.5, 0.9)
    only = Expression.parse("lr > 0.5", "when")
    both = Space((Parameter("lr", lr), Parameter("momentum", momentum, only=only)))
    kept = explore(both, {"lr": 0.9, "momentum": 0.6}, Random(0), 1.01, 0.0)
    assert set(kept) == {"lr", "momentum"}
    up = [explore(both, {"lr": 0.48}, Random(seed), 1.2, 0.0) for seed in range(20)]
    assert {frozenset(found) for found in up} == {frozenset(("lr",)), frozenset(("lr", "momentum"))}
    assert all(("momentum" in found) == (found["lr"] > 0.5) for found in up)
