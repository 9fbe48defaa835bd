"""When enough is enough: the limits of a sweep."""

from __future__ import annotations

import pytest

from sweeps.budget import Budget, Spent
from trainers.errors import ConfigError

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


@pytest.mark.parametrize("name", ["trials", "hours", "gpu_hours", "epochs"])
@pytest.mark.parametrize("limit", [0, -1])
def test_refuses(name: str, limit: int) -> None:
    limits: dict[str, int | None] = {
        "trials": None, "hours": None, "gpu_hours": None, "epochs": None, name: limit
    }  # fmt: skip
    with pytest.raises(ConfigError, match=rf"budget\.{name} must be above 0, .*not {limit}"):
        Budget(**limits)
