"""Paused trials wait for a rung, or for the end of the search."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from optuna.trial import TrialState

from sweeps.driver.contract import Slots
from sweeps.driver.waiting import least_promising
from sweeps.trials import State
from tests.sweeps.driver.sessions import DriverSession, Sit


class TestPromotion:
    RULE = ("stop=promotion", "stop.factor=2", "epochs=4")  # rungs at 1, 2 and 4

    def test_waits_at_a_rung_until_it_is_among_the_best(self, sit: Sit) -> None:
        one = sit(*self.RULE)
        first, second = one.next(), one.next()
        assert one.epoch(first.trial, 1, 0.5)
        assert len(one.driver.running) == 1
        assert one.record(first.trial).state is State.RUNNING
        third = one.next()  # nobody can be promoted yet
        assert one.epoch(second.trial, 1, 0.6)
        promoted = one.next()
        assert (promoted.trial, promoted.after) == (second.trial, 1)
        assert one.epoch(third.trial, 1, 0.1)
        assert one.epoch(promoted.trial, 2, 0.7)
        assert [(t, s) for t, s, _ in one.tracker.ended][-1] == (second.trial, "paused")

    def test_ends_when_nobody_can_be_promoted_any_more(self, sit: Sit) -> None:
        one = sit(*self.RULE)
        scores = {"0000": 0.1, "0001": 0.4, "0002": 0.3, "0003": 0.2}
        while (assignment := one.driver.next()) is not None:
            epoch = assignment.after + 1
            while not one.epoch(assignment.trial, epoch, scores[assignment.trial] + epoch / 100):
                epoch += 1
        assert one.driver.finished
        assert {t.id: (t.state, t.last_epoch) for t in one.study.trials} == {
            "0000": (State.STOPPED, 1),
            "0001": (State.COMPLETE, 4),
            "0002": (State.STOPPED, 2),
            "0003": (State.STOPPED, 1),
        }
        assert one.record("0003").reason == "waited after epoch 1, and was not chosen to go on"

    def test_what_waits_teaches_the_search_as_what_was_stopped_does(self, sit: Sit) -> None:
        def seen(session: DriverSession) -> list[tuple[TrialState, dict[int, float]]]:
            return [(t.state, t.intermediate_values) for t in session.study.optuna.trials]

        one = sit(*self.RULE)
        first, second = one.next().trial, one.next().trial
        one.epoch(first, 1, 0.5)
        assert seen(one) == [(TrialState.PRUNED, {1: 0.5}), (TrialState.RUNNING, {})]
        one.epoch(second, 1, 0.6)
        assert one.next().trial == second
        promoted = [(TrialState.PRUNED, {1: 0.5}), (TrialState.RUNNING, {1: 0.6})]
        again = sit(*self.RULE)
        assert again.next().trial == second
        assert seen(one) == seen(again) == promoted
        one.epoch(second, 2, 0.7)
        assert seen(one)[1] == (TrialState.PRUNED, {1: 0.6, 2: 0.7})
        while (assignment := one.driver.next()) is not None:
            one.finish(assignment)
        assert {state for state, _ in seen(one)} == {TrialState.PRUNED, TrialState.COMPLETE}

    def test_what_waits_is_not_forgotten_by_a_resume(self, sit: Sit) -> None:
        one = sit(*self.RULE)
        trials = [one.next().trial for _ in range(3)]
        one.epoch(trials[0], 1, 0.5)
        one.epoch(trials[2], 1, 0.4)
        two = sit(*self.RULE)
        assert two.next().trial == "0001"  # it had not reported
        assert two.epoch("0001", 1, 0.6)
        assert (two.next().trial, two.record("0001").passed) == ("0001", 1)
        three = sit(*self.RULE)
        assert (again := three.next()).trial == "0001"  # promoted before, so not again to be
        assert again.after == 1
        assert three.next().trial == "0003"

    def test_ends_with_the_budget(self, sit: Sit) -> None:
        one = sit(*self.RULE, "budget.epochs=3", "budget.trials=null")
        trials = [one.next().trial for _ in range(3)]
        assert [one.epoch(trial, 1) for trial in trials] == [True] * 3
        assert one.driver.next() is None
        assert one.driver.finished
        assert {one.record(t).reason for t in trials} == {"the budget of 3 epochs is spent"}
        assert {one.record(t).state for t in trials} == {State.STOPPED}


class TestGivingWay:
    def test_the_least_promising_goes_at_its_epochs_end_and_goes_on_before_a_new_one(
        self, sit: Sit
    ) -> None:
        one = sit("stop=none", "epochs=4")
        good, bad = one.next().trial, one.next().trial
        for epoch in (1, 2):
            assert not one.epoch(good, epoch, 0.9)
            assert not one.epoch(bad, epoch, 0.1)
        one.driver.share(Slots(trials=1, fits=2))
        assert not one.epoch(good, 3, 0.2), "it is judged at the epoch that both have"
        assert one.epoch(bad, 3, 0.95)
        assert len(one.driver.running) == 1
        assert one.record(bad).state is State.RUNNING
        assert one.tracker.ended[-1][:2] == (bad, "paused")
        one.driver.share(Slots(trials=2, fits=2))
        back = one.next()
        assert (back.trial, back.after) == (bad, 3)
        assert one.epoch(bad, 4, 0.9)
        assert one.record(bad).state is State.COMPLETE

    def test_who_has_shown_nothing_yet_goes_first_the_newest_first(self, sit: Sit) -> None:
        one = sit("stop=none", "epochs=4")
        first, second, third = (one.next().trial for _ in range(3))
        one.epoch(first, 1, 0.1)
        one.driver.share(Slots(trials=2, fits=3))
        assert not one.epoch(second, 1, 0.0), "it was chosen once, and was the older one"
        assert one.epoch(third, 1, 0.9)

    def test_those_on_a_machine_that_is_taken_back_go_and_nobody_else(self, sit: Sit) -> None:
        one = sit("stop=none", "epochs=5")
        good, bad = one.next().trial, one.next().trial
        assert not one.epoch(good, 1, 0.9, machine="theirs")
        assert not one.epoch(bad, 1, 0.1, machine="ours")
        one.driver.share(Slots(trials=1, fits=2, away={"theirs": "alpha's vm: it leaves"}))
        assert not one.epoch(bad, 2, 0.1, machine="ours"), "the worse one, but where it may stay"
        assert one.epoch(good, 2, 0.9, machine="theirs")
        one.driver.share(Slots(trials=2, fits=3, away={"theirs": "alpha's vm: it leaves"}))
        assert one.next().trial == good
        one.driver.share(Slots(trials=1, fits=2, away={"theirs": "alpha's vm: it leaves"}))
        assert one.epoch(bad, 3, 0.1, machine="ours"), "of two where they may stay, the worse one"
        assert not one.epoch(good, 3, 0.9, machine="ours")

    def test_nobody_goes_once_another_has_ended(self, sit: Sit) -> None:
        one = sit("stop=none", "epochs=2")
        first, second = one.next().trial, one.next().trial
        one.driver.share(Slots(trials=1, fits=2))
        one.driver.failed(second, State.FAILED, "why")
        assert not one.epoch(first, 1, 0.5)

    def test_one_slot_decides_as_if_nobody_had_taken_it_away(self, sit: Sit) -> None:
        def whole(disturbed: bool) -> list[tuple[object, ...]]:
            one = sit("stop=asha", "epochs=4", "search=tpe")
            while (assignment := one.driver.next()) is not None:
                epoch = assignment.after + 1
                while True:
                    if disturbed and epoch in (2, 3):
                        one.driver.share(Slots(trials=0, fits=1))
                    value = int(assignment.trial) / 10 + epoch / 100
                    if one.epoch(assignment.trial, epoch, value):
                        break
                    epoch += 1
                one.driver.share(Slots(trials=1, fits=1))
            return [(t.id, t.state, t.reason, t.params, t.last_epoch) for t in one.study.trials]

        assert whole(True) == whole(False)


@given(
    st.dictionaries(st.integers(0, 20).map("{:04d}".format), st.lists(st.floats(), max_size=4)),
)
def test_each_trial_has_its_place_among_the_least_promising(curves: dict[str, list[float]]) -> None:
    by_epoch: dict[int, dict[str, float]] = {}
    for trial, values in curves.items():
        for epoch, value in enumerate(values, 1):
            by_epoch.setdefault(epoch, {})[trial] = value
    order = least_promising(list(curves), by_epoch)
    assert sorted(order) == sorted(curves)
    begun = [bool(curves[trial]) for trial in order]
    assert begun == sorted(begun), "those without an epoch come first"
