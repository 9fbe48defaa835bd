"""What is kept beside the curves changes no decision."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeps.stop import Asha, Median, Pasha, Percentile, Promotion, Stop
from sweeps.stop.curves import Growing
from sweeps.stop.promotion import PromotionRule

#: Few, so that there are ties; infinities, and what is no number.
VALUES = st.sampled_from([0.0, 0.1, 0.2, 0.3, math.nan, math.inf, -math.inf])
RULES: list[Stop] = [
    Median(grace=1, trials=1),
    Percentile(percent=30.0, grace=1, trials=1),
    Asha(grace=1, factor=2),
    Asha(grace=1, factor=2, brackets=2),
    Promotion(grace=1, factor=2),
    Pasha(grace=1, factor=2),
]


@st.composite
def events(draw: st.DrawFn) -> list[tuple[str, int, float]]:
    """Epochs of a few trials, each trial's own in order."""
    done: dict[str, int] = {}
    told = []
    for trial in draw(st.lists(st.sampled_from(["0000", "0001", "0002", "0003"]), max_size=16)):
        done[trial] = done.get(trial, 0) + 1
        told.append((trial, done[trial], draw(VALUES)))
    return told


def paused(curves: Mapping[int, Mapping[str, float]], rule: PromotionRule) -> dict[str, int]:
    """Everybody who is at a rung waits there."""
    last = {trial: epoch for epoch in sorted(curves) for trial in curves[epoch]}
    return {trial: epoch for trial, epoch in last.items() if rule.pauses(epoch)}


@pytest.mark.parametrize("rule", RULES, ids=repr)
@given(events(), st.integers(1, 3))
@settings(max_examples=60)
def test_a_rule_decides_as_on_plain_curves(
    rule: Stop, told: list[tuple[str, int, float]], every: int
) -> None:
    growing = Growing()
    for number, (trial, epoch, value) in enumerate(told):
        growing.setdefault(epoch, {})[trial] = value
        if number % every:
            continue  # several values may come between two looks
        plain = {e: dict(values) for e, values in growing.items()}
        assert rule.judge(trial, epoch, growing) == rule.judge(trial, epoch, plain)
        if isinstance(rule, PromotionRule):
            waiting = paused(plain, rule)
            assert rule.promote(waiting, growing) == rule.promote(waiting, plain)


def test_each_value_is_taken_once() -> None:
    growing = Growing({1: {"a": 1.0, "b": 2.0}})
    taken: list[str] = []

    def add(made: dict[str, float], trial: str, value: float) -> None:
        taken.append(trial)
        made["sum"] = made.get("sum", 0.0) + value

    assert growing.fold("sum", 1, add) == {"sum": 3.0}
    growing[1]["c"] = 4.0
    assert growing.fold("sum", 1, add) == {"sum": 7.0}
    assert growing.fold("sum", 1, add) == {"sum": 7.0}
    assert taken == ["a", "b", "c"]
    assert growing.fold("other", 1, add) == {"sum": 7.0}


def test_is_the_curves_themselves() -> None:
    growing = Growing({1: {"a": 1.0}})
    assert growing == {1: {"a": 1.0}}
    assert Growing.of(growing) is growing
    assert Growing.of({1: {"a": 1.0}}) == growing
