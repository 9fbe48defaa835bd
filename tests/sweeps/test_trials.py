"""What is known of a trial, and which trial is best."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeps.trials import Objective, Source, State, TrialRecord, ranking, tally

HIGH = Objective("val_accuracy", maximize=True)
LOW = Objective("val_loss", maximize=False)


def record(number: int, *values: float, state: State = State.COMPLETE) -> TrialRecord:
    epochs = {e: {"val_accuracy": v, "val_loss": v} for e, v in enumerate(values, 1)}
    return TrialRecord(f"{number:04d}", number, state, epochs=epochs)


def test_a_tally_counts_each_trial_once() -> None:
    trials = [
        record(0, 0.9),
        record(1, state=State.INFEASIBLE),
        record(2, 0.1, state=State.STOPPED),
    ]
    trials.append(replace(record(3, 0.9, 0.9), source=Source("0000", epoch=1)))
    trials.append(replace(record(4, 0.9), source=Source("0000", seed=7)))
    counted = tally(trials)
    assert (counted.trials, counted.infeasible) == (3, 1)
    assert (counted.replaced, counted.repeats) == (1, 1)
    assert {state: n for state, n in counted.states.items() if n} == {State.COMPLETE: 3}


def test_better_is_strictly_better() -> None:
    assert HIGH.better(2, 1)
    assert LOW.better(1, 2)
    assert not HIGH.better(1, 1)
    assert not LOW.better(1, 1)


@pytest.mark.parametrize(
    ("values", "high", "low"),
    [
        ((), None, None),
        ((0.5,), (1, 0.5), (1, 0.5)),
        ((0.1, 0.9, 0.5), (2, 0.9), (1, 0.1)),
        ((0.5, 0.5), (1, 0.5), (1, 0.5)),  # the earliest of equals
        ((math.nan, 0.5), (2, 0.5), (2, 0.5)),
        ((math.nan,), None, None),
        ((math.inf, 0.5, -math.inf), (2, 0.5), (2, 0.5)),
        ((math.inf,), None, None),
    ],
)
def test_best_epoch(
    values: tuple[float, ...], high: tuple[int, float] | None, low: tuple[int, float] | None
) -> None:
    assert record(0, *values).best(HIGH) == high
    assert record(0, *values).best(LOW) == low
    assert record(0, *values).last_epoch == len(values)


def test_an_epoch_without_the_metric_is_not_the_best() -> None:
    trial = TrialRecord("0000", 0, State.COMPLETE, epochs={1: {"lr": 0.1}})
    assert trial.best(HIGH) is None


def test_epochs_may_be_on_record_in_any_order() -> None:
    epochs = {3: {"val_accuracy": 0.9}, 1: {"val_accuracy": 0.5}, 2: {"val_accuracy": 0.9}}
    trial = TrialRecord("0000", 0, State.COMPLETE, epochs=epochs)
    assert trial.best(HIGH) == (2, 0.9)


def test_states() -> None:
    assert [s for s in State if not s.ended] == [State.RUNNING]
    assert [s for s in State if s.scored] == [State.COMPLETE, State.STOPPED]


def test_only_scored_trials_are_ranked() -> None:
    trials = [record(i, 0.1 * (i + 1), state=state) for i, state in enumerate(State)]
    trials.append(record(90, state=State.STOPPED))  # before its first epoch
    ranked = ranking(trials, HIGH)
    assert [r.trial.state for r in ranked] == [State.STOPPED, State.COMPLETE]


@given(
    st.lists(st.lists(st.integers(0, 3), max_size=4), max_size=6),
    st.sampled_from([HIGH, LOW]),
    st.randoms(use_true_random=False),
)
def test_ranking_is_by_value_then_by_number(
    curves: list[list[int]], objective: Objective, order: Random
) -> None:
    trials = [record(number, *curve) for number, curve in enumerate(curves)]
    order.shuffle(trials)
    ranked = ranking(trials, objective)
    assert len(ranked) == sum(bool(curve) for curve in curves)
    for r in ranked:
        values = curves[r.trial.number]
        assert r.value == (max if objective.maximize else min)(values)
        assert values[r.epoch - 1] == r.value
    for first, second in itertools.pairwise(ranked):
        assert not objective.better(second.value, first.value)
        assert first.value != second.value or first.trial.number < second.trial.number
