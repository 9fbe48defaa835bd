"""What is spent and found is the same in one session and in several."""

from __future__ import annotations

from sweeps.trials import State
from tests.sweeps.driver.sessions import Clock, Sit


class TestBudget:
    def test_of_epochs_ends_all_that_run(self, sit: Sit) -> None:
        one = sit("budget.epochs=3", "budget.trials=null")
        first, second = one.next().trial, one.next().trial
        assert not one.epoch(first, 1)
        assert not one.epoch(second, 1)
        assert one.epoch(first, 2)
        assert one.driver.finished
        assert one.epoch(second, 2)
        for trial in (first, second):
            assert one.record(trial).state is State.STOPPED
            assert one.record(trial).reason == "the budget of 3 epochs is spent"
        assert one.driver.next() is None

    def test_of_hours_over_all_sessions(self, sit: Sit, clock: Clock) -> None:
        words = ("budget.hours=1", "budget.trials=null")
        one = sit(*words)
        trial = one.next().trial
        clock.now += 2000
        assert not one.epoch(trial, 1)
        one.driver.close()
        assert one.driver.ledger.wall_s == 2000

        clock.now += 50_000  # nobody sits
        two = sit(*words)
        assert two.driver.ledger.wall_s == 2000
        assert two.next().trial == trial
        clock.now += 1599
        assert not two.epoch(trial, 2)
        clock.now += 1
        assert two.epoch(trial, 3)
        assert two.record(trial).state is State.COMPLETE, "it was its last epoch all the same"
        assert two.driver.finished

    def test_time_is_put_on_record_now_and_then(self, sit: Sit, clock: Clock) -> None:
        one = sit()
        trial = one.next().trial
        clock.now += 60
        one.epoch(trial, 1)
        assert one.study.wall_s == 60
        clock.now += 1
        one.epoch(trial, 2)
        assert one.study.wall_s == 60

    def test_of_gpu_hours_counts_training_only(self, sit: Sit) -> None:
        one = sit("budget.gpu_hours=1", "budget.trials=null", "resources.gpu=0.5")
        trial = one.next().trial
        assert not one.epoch(trial, 1, seconds=7199)
        assert one.epoch(trial, 2, seconds=1)
        assert one.record(trial).reason == "the budget of 1 GPU-h is spent"

    def test_that_is_spent_before_ends_what_was_unfinished(self, sit: Sit) -> None:
        one = sit("budget.epochs=9", "budget.trials=null")
        trial = one.next().trial
        one.epoch(trial, 1)
        two = sit("budget.epochs=1", "budget.trials=null")
        assert two.driver.next() is None
        assert two.record(trial).state is State.STOPPED


class TestTarget:
    def test_ends_the_sweep_once_a_trial_is_there(self, sit: Sit) -> None:
        one = sit("budget.target=0.9")
        first, second = one.next().trial, one.next().trial
        assert not one.epoch(first, 1, 0.89)
        assert not one.epoch(second, 1, float("nan"))
        assert one.epoch(first, 2, 0.9)
        assert one.driver.finished
        assert not one.driver.halted
        assert one.driver.next() is None
        assert one.epoch(second, 2, 0.1), "it has finished its epoch, which is kept"
        assert one.record(second).last_epoch == 2
        for trial in (first, second):
            assert one.record(trial).state is State.STOPPED
            assert one.record(trial).reason == "the target of 0.9 is reached"
        assert one.output.getvalue().count("the target of 0.9 is reached: no more trials") == 1
        assert one.driver.ledger.extension == ("budget.target=null",)

    def test_is_told_also_when_its_trial_was_at_its_end(self, sit: Sit) -> None:
        one = sit("budget.target=0.9")
        one.finish(one.next(), 0.5)
        one.finish(one.next(), 0.5)
        trial = one.next().trial
        assert not one.epoch(trial, 1, 0.5)
        assert not one.epoch(trial, 2, 0.5)
        assert one.epoch(trial, 3, 0.95)
        assert one.record(trial).state is State.COMPLETE
        assert one.driver.finished
        assert "the target of 0.9 is reached: no more trials" in one.output.getvalue()

    def test_that_only_a_failed_trial_had_is_not_reached(self, sit: Sit) -> None:
        one = sit("budget.target=0.9")
        trial = one.next().trial
        one.study.report(trial, 1, {"val_accuracy": 0.95}, "me", "atlas")
        one.study.end(trial, State.DIVERGED, "a loss of nan")
        two = sit("budget.target=0.9")
        assert not two.epoch(two.next().trial, 1, 0.5)

    def test_reached_in_an_earlier_session_ends_what_was_unfinished(self, sit: Sit) -> None:
        """Killed between the record of the epoch and what should have followed from it."""
        one = sit("budget.target=0.9")
        first, second = one.next().trial, one.next().trial
        one.epoch(first, 1, 0.1)
        one.study.report(second, 1, {"val_accuracy": 0.95}, "me", "atlas")
        two = sit("budget.target=0.9")
        assert two.driver.next() is None
        assert two.record(first).reason == "the target of 0.9 is reached"
        assert two.record(second).reason == "the target of 0.9 is reached"


class TestStalled:
    def test_ends_the_sweep_after_so_many_without_a_better_one(self, sit: Sit) -> None:
        one = sit("budget.stalled=2")
        one.finish(one.next(), 0.1)
        one.finish(one.next(), 0.5)
        one.finish(one.next(), 0.4)
        assert not one.driver.finished
        last = one.next().trial
        assert not one.epoch(last, 1, 0.5)
        assert not one.epoch(last, 2, 0.5)
        assert one.epoch(last, 3, 0.5)  # as good is no better
        assert one.driver.finished
        assert "no better trial among the last 2: no more trials" in one.output.getvalue()
        assert one.driver.ledger.extension == ("budget.stalled=+2",)

    def test_a_better_one_in_flight_counts(self, sit: Sit) -> None:
        one = sit("budget.stalled=2")
        one.finish(one.next(), 0.3)
        second, third = one.next(), one.next()
        assert not one.epoch(third.trial, 1, 0.9)
        one.finish(second, 0.1)
        one.finish(one.next(), 0.1)
        assert not one.epoch(third.trial, 2, 0.1)

    def test_is_the_same_after_a_resume(self, sit: Sit) -> None:
        one = sit("budget.stalled=2")
        one.finish(one.next(), 0.5)
        one.finish(one.next(), 0.4)
        one.driver.failed(one.next().trial, State.FAILED, "out of memory")  # does not count
        two = sit("budget.stalled=2")
        assert not two.driver.finished
        two.finish(two.next(), 0.4)
        assert two.driver.finished
        three = sit("budget.stalled=2")
        assert three.driver.finished
