"""A checked sweep says how many trials there can be, and when there are enough."""

from __future__ import annotations

import pytest

from sweeps.checked.check import check
from sweeps.checked.sweep import Sweep, Transfer
from sweeps.config.composition import compose
from sweeps.trials import Source, State, TrialRecord


def swept(*words: str) -> Sweep:
    with compose(["space=null", "stop=none", *words]) as composition:
        return check(composition)


def trials(*states: State, source: Source | None = None) -> list[TrialRecord]:
    return [
        TrialRecord(id=f"{n:04d}", number=n, state=state, params={}, epochs={}, source=source)
        for n, state in enumerate(states)
    ]


@pytest.mark.parametrize(
    ("words", "most"),
    [
        (("search=grid", "seed=1,2,3", "budget.trials=null"), 3),
        (("search=grid", "seed=1,2,3", "budget.trials=2"), 2),
        (("search=random", "model.dropout=interval(0,0.5)", "budget.trials=9"), 9),
        (("search=random", "model.dropout=interval(0,0.5)", "budget.trials=null", "budget.hours=1"),
         None),
    ],
)  # fmt: skip
def test_budget_and_search_limit_the_trials(words: tuple[str, ...], most: int | None) -> None:
    assert swept(*words).trials == most


def test_the_longest_trial_may_be_one_of_those_swept() -> None:
    assert swept("seed=1,2", "epochs=7").longest == 7
    assert swept("epochs=3,9,5").longest == 9
    assert swept("epochs=range(2,6)", "search=random").longest == 5


class TestEnough:
    SWEEP = ("search=random", "model.dropout=interval(0,0.5)", "budget.trials=3")

    def test_infeasible_ones_cost_no_budget(self) -> None:
        sweep = swept(*self.SWEEP)
        done = trials(State.COMPLETE, State.FAILED, State.INFEASIBLE)
        assert not sweep.enough(done)
        assert sweep.enough([*done, *trials(State.STOPPED)])

    def test_but_a_grid_has_no_more(self) -> None:
        sweep = swept("search=grid", "seed=1,2", "budget.trials=5")
        assert sweep.enough(trials(State.COMPLETE, State.INFEASIBLE))
        assert not sweep.enough(trials(State.COMPLETE))

    def test_repeats_and_children_are_none_of_the_search(self) -> None:
        sweep = swept(*self.SWEEP)
        repeats = trials(*[State.COMPLETE] * 4, source=Source("0000", seed=1))
        assert not sweep.enough([*trials(State.COMPLETE, State.COMPLETE), *repeats])


def test_resources_have_no_gpu_until_the_cluster_is_known() -> None:
    sweep = swept("seed=1,2", "resources.gpu=null")
    assert sweep.resources["gpu"] is None
    sweep.composition.fix("resources.gpu", 0.5)
    assert sweep.resources["gpu"] == 0.5


def test_with_auto_trials_run_without_a_card_too_where_there_are_any() -> None:
    with compose(("space=null", "seed=1,2", "search=grid", "resources.gpu=auto")) as composition:
        sweep = check(composition)
    assert (sweep.resources["gpu"], sweep.resources["anywhere"]) == (None, True)
    sweep.composition.fix("resources.gpu", 0.5)
    assert (sweep.resources["gpu"], sweep.resources["anywhere"]) == (0.5, True)
    assert sweep.config["resources"]["gpu"] == "auto", "as it is on record"
    sweep.composition.fix("resources.gpu", 0.0)
    assert (sweep.resources["gpu"], sweep.resources["anywhere"]) == (0.0, False)
    assert not swept("seed=1,2", "resources.gpu=0.5").resources["anywhere"]


def test_previous_sweeps_on_other_data_are_named() -> None:
    transfer = Transfer({"a": "one", "b": "two"})
    (message,) = transfer.of_other_data("one")
    assert message.startswith("from_sweep=b: its data are not those of this sweep")
