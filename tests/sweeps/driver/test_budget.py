"""When enough is enough: the limits of a sweep."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from sweeps.driver.budget import UNLIMITED, Budget, Spent
from sweeps.trials import Objective, State, TrialRecord
from trainers.errors import ConfigError

NAN, INF = math.nan, math.inf
ACCURACY, LOSS = Objective("a", maximize=True), Objective("a", maximize=False)
NOTHING = Spent(trials=0, hours=0.0, gpu_hours=0.0, epochs=0)


@pytest.mark.parametrize(
    ("budget", "spent", "no_more", "over"),
    [
        (Budget(None, None, None, None), Spent(9**9, 9e9, 9e9, 9**9), False, None),
        (Budget(3, None, None, None), Spent(2, 9, 9, 9), False, None),
        # Enough trials have begun: those that run are not cut short.
        (Budget(3, None, None, None), Spent(3, 9, 9, 9), True, None),
        (Budget(None, 0.5, None, None), Spent(9, 0.49, 9, 9), False, None),
        (Budget(None, 0.5, None, None), Spent(9, 0.5, 9, 9), True, "the budget of 0.5 h is spent"),
        (
            Budget(None, None, 2, None),
            Spent(9, 9, 2.1, 9),
            True,
            "the budget of 2 GPU-h is spent",
        ),
        (Budget(None, None, 2, None), Spent(9, 9, 1.9, 9), False, None),
        (
            Budget(None, None, None, 10),
            Spent(9, 9, 9, 10),
            True,
            "the budget of 10 epochs is spent",
        ),
        (Budget(None, None, None, 10), Spent(9, 9, 9, 9), False, None),
        # Whichever comes first.
        (Budget(3, 1, 1, 10), Spent(2, 0.9, 0.9, 10), True, "the budget of 10 epochs is spent"),
    ],
)
def test_limits(budget: Budget, spent: Spent, no_more: bool, over: str | None) -> None:
    assert budget.no_more_trials(spent) is no_more
    assert budget.over(spent) == over
    assert not budget.no_more_trials(NOTHING)


@pytest.mark.parametrize("name", ["trials", "hours", "gpu_hours", "epochs", "stalled"])
@pytest.mark.parametrize("limit", [0, -1])
def test_refuses(name: str, limit: int) -> None:
    limits: dict[str, int | None] = {
        "trials": None, "hours": None, "gpu_hours": None, "epochs": None, name: limit
    }  # fmt: skip
    with pytest.raises(ConfigError, match=rf"budget\.{name} must be above 0, .*not {limit}"):
        Budget(**limits)


@pytest.mark.parametrize(
    ("maximize", "target", "best", "over"),
    [
        (True, 0.9, None, False),
        (True, 0.9, 0.89, False),
        (True, 0.9, 0.9, True),
        (True, 0.9, INF, True),
        (True, 0.0, -0.1, False),
        (True, 0.0, 0.0, True),
        (False, 0.2, 0.21, False),
        (False, 0.2, 0.2, True),
        (False, -1.5, -1.6, True),
        (False, 0.2, INF, False),
    ],
)
def test_a_target(maximize: bool, target: float, best: float | None, over: bool) -> None:
    budget = replace(UNLIMITED, target=target, maximize=maximize)
    spent = replace(NOTHING, best=best)
    assert budget.over(spent) == (f"the target of {target:g} is reached" if over else None)
    assert budget.no_more_trials(spent) is over
    assert not budget.bounded, "it may never be reached"


@pytest.mark.parametrize("target", [NAN, INF, -INF])
def test_refuses_a_target_that_is_no_number(target: float) -> None:
    with pytest.raises(ConfigError, match=r"a value to be reached, such as 0\.99, .*not"):
        replace(UNLIMITED, target=target)


def test_stalled() -> None:
    budget = replace(UNLIMITED, stalled=20)
    assert budget.bounded
    assert budget.over(replace(NOTHING, fruitless=19)) is None
    why = budget.over(replace(NOTHING, fruitless=20))
    assert why == "no better trial among the last 20"


@pytest.mark.parametrize(
    ("budget", "left"),
    [
        (Budget(40, None, None, None), ""),
        (Budget(40, 2, None, 500), "1:26 of 2:00 h · 190 of 500 epochs"),
        (Budget(None, 0.5, 1.5, None), "0:00 of 0:30 h · 1:15 of 1:30 GPU-h"),
        (Budget(None, None, None, 300), "0 of 300 epochs"),
        (Budget(None, 0.575, None, None), "0:01 of 0:35 h"),  # half a minute is left
        (replace(UNLIMITED, stalled=9, target=0.99), "7 of 9 trials to do better · until 0.99"),
    ],
)
def test_left(budget: Budget, left: str) -> None:
    spent = Spent(12, hours=34 / 60, gpu_hours=0.25, epochs=310, best=0.5, fruitless=2)
    assert budget.left(spent) == left


def test_extension_lifts_what_is_reached_and_nothing_else() -> None:
    everything = Budget(3, 1, 2, 10, target=0.9, stalled=5)
    assert everything.extension(NOTHING) == ()
    spent = Spent(3, 1.0, 1.0, 10, best=0.95, fruitless=5)
    assert everything.extension(spent) == (
        "budget.trials=+20",
        "budget.hours=+1",
        "budget.epochs=+100",
        "budget.target=null",
        "budget.stalled=+5",
    )


def trial(number: int, state: State, *values: float, seconds: float = 0.0) -> TrialRecord:
    epochs = {epoch: {"a": value} for epoch, value in enumerate(values, 1)}
    return TrialRecord(f"{number:04d}", number, state, epochs=epochs, seconds=seconds)


def test_spent_on_record() -> None:
    trials = [
        trial(0, State.COMPLETE, 0.5, 0.7, seconds=3600),
        trial(1, State.STOPPED, 0.6, seconds=1800),
        trial(2, State.INFEASIBLE),
        trial(3, State.FAILED, 0.9),
    ]
    spent = Spent.on_record(trials, wall_s=5400, gpus=0.5, objective=ACCURACY)
    assert spent == Spent(3, hours=1.5, gpu_hours=0.75, epochs=4, best=0.7, fruitless=1)
