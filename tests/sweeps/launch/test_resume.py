"""A sweep on record is resumed as it was: only what changes no decision may be given anew."""

from __future__ import annotations

import pytest

from sweeps.launch.resume import _refuse_changes, merge
from trainers.errors import ConfigError


class TestBudgetWords:
    CONFIG = {  # noqa: RUF012
        "budget": {"trials": 20, "hours": 1.5, "epochs": None, "target": 0.9, "stalled": 5},
        "epochs": 8,
    }

    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            ("budget.trials=+20", "budget.trials=40"),
            ("budget.hours=+0.25", "budget.hours=1.75"),
            ("budget.stalled=+5", "budget.stalled=10"),
            ("budget.target=0.95", "budget.target=0.95"),
            ("budget.target=null", "budget.target=null"),
            ("budget.target=-3e-2", "budget.target=-3e-2"),
            ("repeats.top=5", "repeats.top=5"),
            ("epochs=20", "epochs=20"),
            ("epochs=+4", "epochs=12"),
            ("epochs=8", "epochs=8"),
        ],
    )
    def test_are_added_or_taken_as_they_are(self, given: str, expected: str) -> None:
        key = given.partition("=")[0]
        assert merge(["seed=1", f"{key}=1"], [given], self.CONFIG) == ["seed=1", expected]

    @pytest.mark.parametrize(
        ("given", "told"),
        [
            ("budget.target=+0.01", "a target is a value of the objective, not to be added to"),
            ("budget.epochs=+5", "the sweep has no limit of epochs that could be raised"),
            ("budget.gpu_hours=+5", "the sweep has no limit of gpu_hours"),  # unknown to it
            ("stop.patience=3", "a sweep that has begun keeps its stop.patience"),
            ("epochs=7", "have 8 epochs, which may be raised alone"),
            ("epochs=+-3", "give the epochs of every trial"),
            ("epochs=9,12", "give the epochs of every trial"),
            ("epochs=1e9", "give the epochs of every trial"),
            ("++epochs=9", "give the epochs of every trial"),
            ("~epochs", "give the epochs of every trial"),
            ("repeats=3", "a sweep that has begun keeps its repeats"),
            ("repeats.runs=3", "a sweep that has begun keeps its repeats.runs"),
        ],
    )
    def test_refused(self, given: str, told: str) -> None:
        with pytest.raises(ConfigError, match=told):
            merge([], [given], self.CONFIG)


class TestRepeats:
    def test_may_be_asked_for_later_beside_those_of_each_trial(self) -> None:
        merged = merge(["repeats=3", "seed=1"], ["repeats.top=5"], {})
        assert merged == ["repeats.runs=3", "seed=1", "repeats.top=5"]

    @pytest.mark.parametrize("before", [{}, {"repeats": 1}, {"repeats": {"top": 2}}])
    def test_at_the_end_change_nothing_of_the_search(self, before: dict[str, object]) -> None:
        _refuse_changes(before, {"repeats": {"runs": 1, "top": 5, "seeds": 4, "race": False}})

    def test_of_each_trial_do(self) -> None:
        with pytest.raises(ConfigError, match=r"repeats\.runs was 1, and is 3 now"):
            _refuse_changes({}, {"repeats": {"runs": 3}})


class TestSettingsThatAreYounger:
    """A sweep begun before a rule had a setting goes on while the setting changes nothing."""

    BEFORE = {"seed": 1, "stop": {"_target_": "sweeps.stop.Asha", "grace": 1, "factor": 3}}  # noqa: RUF012

    def now(self, **stop: object) -> dict[str, object]:
        return {"seed": 1, "stop": {**self.BEFORE["stop"], **stop}}  # type: ignore[dict-item]

    def test_at_their_default_are_no_change(self) -> None:
        _refuse_changes(self.BEFORE, self.now(brackets=1))

    @pytest.mark.parametrize("stop", [{"brackets": 3}, {"factor": 4}, {"brackets": 1, "grace": 2}])
    def test_are_refused_otherwise(self, stop: dict[str, object]) -> None:
        with pytest.raises(ConfigError, match=r"conf/ has changed .* stop\.\w+ was"):
            _refuse_changes(self.BEFORE, self.now(**stop))

    def test_one_that_was_null_and_is_the_default_now_has_changed(self) -> None:
        with pytest.raises(ConfigError, match=r"stop\.brackets was null, and is 1 now"):
            _refuse_changes(self.now(brackets=None), self.now(brackets=1))


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ({"space": {"a.b": "1,2"}}, {"space": {"a.b": "1,3"}}),
        ({"when": {"a.b": "c > 1"}}, {"when": {"a.b": "c > 2"}}),
        ({"when": {}}, {"when": {"a.b": "c > 2"}}),
        ({"require": ["c > 1"]}, {"require": ["c > 1", "d > 1"]}),
        ({}, {"require": ["c > 1"]}),
    ],
)
def test_what_varies_and_where_may_not_have_changed(
    before: dict[str, object], now: dict[str, object]
) -> None:
    (key,) = now
    with pytest.raises(ConfigError, match=f"conf/ has changed since this sweep began: {key} was"):
        _refuse_changes(before, now)
    _refuse_changes(now, now)


def test_a_sweep_that_is_older_than_a_key_can_go_on_while_it_has_its_default() -> None:
    _refuse_changes({"seed": 1}, {"seed": 1, "first": {"epochs": None, "fraction": 0.25}})
    _refuse_changes({"seed": 1}, {"seed": 1, "overfit_batches": None})
    with pytest.raises(ConfigError, match=r"first\.epochs was null, and is 3 now"):
        _refuse_changes({"seed": 1}, {"seed": 1, "first": {"epochs": 3, "fraction": 0.25}})


def test_a_sweep_that_is_older_than_conditions_can_go_on() -> None:
    _refuse_changes({"space": {"a.b": "1"}}, {"space": {"a.b": "1"}, "when": {}, "require": []})
