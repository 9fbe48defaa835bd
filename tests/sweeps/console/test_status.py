"""The status of a running sweep: counts, the best trial, and the time left."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from sweeps.console.live import STARTING
from sweeps.console.status import Status
from sweeps.driver.budget import Budget, Spent
from sweeps.trials import Objective, Source, State
from tests.sweeps.console.test_live import OVERVIEW, shown, trial


class TestTimeLeft:
    def test_a_sweep_of_equal_trials_is_foretold(self) -> None:
        """Four trials of 10 epochs of 3 s in two slots end after 60 s, whenever one asks."""
        status = Status(replace(OVERVIEW, stop="none"), [], now=0.0)
        for first in (0, 2):
            begin = first * 15.0
            pair = [trial(first), trial(first + 1)]
            for each in pair:
                status.start(each, "", begin)
            for epoch in range(1, 11):
                now = begin + 3.0 * epoch
                for each in pair:
                    status.epoch(each.id, epoch, {"val_accuracy": 0.5}, "", now)
                left = status.left_s(now)
                if first or epoch > 1:
                    assert left is not None
                    assert left[0] <= 60.0 - now <= left[1] <= 2.5 * (60.0 - now)
                else:
                    assert left is None  # two epochs are too few to tell
            for each in pair:
                ended = replace(each, state=State.COMPLETE, seconds=30.0)
                status.end(ended, begin + 30.0)
        assert status.left_s(60.0) == (0.0, 0.0)

    def test_a_budget_of_time_alone_is_the_answer(self) -> None:
        status = Status(replace(OVERVIEW, trials=None, budget_s=100.0), [], now=5.0)
        assert status.left_s(25.0) == (80.0, 80.0)
        assert "0 trials" in shown(status, 25.0)

    def test_earlier_sessions_tell_the_pace_but_not_the_elapsed_time(self) -> None:
        previous = [trial(0, State.COMPLETE, *[0.5] * 10, seconds=50.0)]
        status = Status(OVERVIEW, previous, now=1000.0)
        half = trial(1, State.RUNNING, *[0.5] * 4, seconds=20.0)
        status.start(half, "", 1000.0)
        status.start(trial(2), "", 1000.0)
        # 0001 has 30 s to go, 0002 all of its 50 s; 0003 follows 0001
        left = status.left_s(1000.0)
        assert left is not None
        assert left[0] < 80.0 < left[1]
        low, high = left[0] - 1.0, left[1] - 1.0
        assert status.left_s(1001.0) == pytest.approx((low, high))  # time goes on between events
        assert re.search(r"0:01 elapsed, \d:\d\d to \d:\d\d left", shown(status, 1001.0))

    def test_a_population_goes_on_in_its_children(self) -> None:
        """Four in two slots, 6 epochs of 3 s, ranked every 2: 36 s, whenever one asks."""
        overview = replace(OVERVIEW, stop="pbt", epochs=6, population=True)
        status = Status(overview, [], now=0.0)
        now, alive = 0.0, [trial(number) for number in range(4)]
        for generation in (1, 2, 3):
            ranked = []
            for pair in (alive[:2], alive[2:]):
                for each in pair:
                    status.start(each, "", now)
                for epoch in (2 * generation - 1, 2 * generation):
                    now += 3.0
                    for each in pair:
                        status.epoch(each.id, epoch, {"val_accuracy": 0.5}, "", now)
                    if epoch > 1:  # before it is too early to tell
                        assert status.left_s(now) == pytest.approx((36.0 - now,) * 2)
                for each in pair:
                    values = [0.5] * 2 * generation
                    done = replace(each, epochs=trial(0, State.RUNNING, *values).epochs)
                    ranked.append(replace(done, seconds=done.last_epoch * 3.0))
                    status.pause(each.id)
            worst, *others = ranked
            if generation < 3:
                status.end(replace(worst, state=State.STOPPED), now)
                child = replace(
                    trial(3 + generation, State.RUNNING, *values),
                    source=Source(others[0].id, epoch=2 * generation),
                )
                alive = [*others, child]
            else:
                for each in ranked:
                    status.end(replace(each, state=State.COMPLETE), now)
            assert status.left_s(now) == pytest.approx((36.0 - now,) * 2)

    def test_repeats_count_like_all_others(self) -> None:
        """Two are run again, 30 s each, one after the other."""
        previous = [trial(n, State.COMPLETE, *[0.5] * 10, seconds=30.0) for n in range(4)]
        status = Status(replace(OVERVIEW, trials=6, slots=1, repeats=2), previous, now=0.0)
        before = status.left_s(0.0)
        assert before is not None
        assert before[0] < 60.0 < before[1]
        for number, left in ((4, 30.0), (5, 0.0)):
            begin = 30.0 * (number - 4)
            repeat = replace(trial(number), source=Source("0000", seed=number))
            status.start(repeat, "", begin)
            status.end(replace(repeat, state=State.COMPLETE, seconds=30.0), begin + 30.0)
            assert status.counted == number + 1
            after = status.left_s(begin + 30.0)
            assert after is not None
            assert after[0] <= left <= after[1] <= 2 * left

    def test_other_limits_of_the_budget_end_it_earlier(self) -> None:
        budget = Budget(100, None, None, 12, stalled=5)
        status = Status(replace(OVERVIEW, trials=100, stop="none", budget=budget), [], now=0.0)
        for each in (trial(0), trial(1)):
            status.start(each, "", 0.0)
        for epoch in (1, 2, 3):
            for name in ("0000", "0001"):
                status.epoch(name, epoch, {"val_accuracy": 0.5}, "", 3.0 * epoch)
        status.spent = Spent(trials=2, hours=0.0, gpu_hours=0.0, epochs=6), 9.0
        assert status.left_s(9.0) == (0.0, 9.0)  # six epochs in two slots; or stalled at any time
        assert "up to 0:10 left" in shown(status, 9.0) or "about" in shown(status, 9.0)

    def test_a_grid_is_shorter_by_what_could_not_be_trained(self) -> None:
        status = Status(replace(OVERVIEW, trials=4, proposals=4), [], now=0.0)
        status.end(trial(0, State.INFEASIBLE), 0.0)
        assert status.trials == 3
        assert "0/3 trials" in shown(status)
        assert status.counts == "0 running · 0 done, beside 1 infeasible"


class TestStatus:
    def test_until_the_first_epoch_it_says_what_is_waited_for(self) -> None:
        status = Status(OVERVIEW, [trial(0, State.COMPLETE, 0.9)], now=0.0)
        assert not status.starting
        status.start(trial(1), "", 0.0)
        assert STARTING in shown(status)
        status.epoch("0001", 1, {"val_accuracy": 0.5}, "", 9.0)
        assert STARTING not in shown(status)

    def test_counts_and_best_begin_where_the_earlier_session_ended(self) -> None:
        previous = [
            trial(0, State.COMPLETE, 0.91, 0.93, 0.92),
            trial(1, State.STOPPED, 0.95),
            trial(2, State.FAILED, 0.99),  # its result does not count
            trial(3, State.RUNNING, 0.98),  # not before it starts again
        ]
        status = Status(replace(OVERVIEW, trials=9), previous, now=0.0)
        assert status.counts == "0 running · 1 done · 1 stopped early · 1 failed"
        assert "best  0001  val_accuracy 0.9500 at epoch 1" in shown(status)
        status.start(previous[3], "", 0.0)
        assert "best  0003  val_accuracy 0.9800 at epoch 1" in shown(status)

    def test_a_failed_trial_loses_the_lead_and_counts_once_when_tried_again(self) -> None:
        status = Status(OVERVIEW, [trial(0, State.COMPLETE, 0.9)], now=0.0)
        status.start(trial(1), "", 0.0)
        assert status.epoch("0001", 1, {"val_accuracy": 0.97}, "", 1.0)
        failed = replace(trial(1, State.DIVERGED, 0.97), reason="train_loss is\n nan")
        status.end(failed, 2.0)
        text = shown(status)
        assert "best  0000" in text
        assert "last failure  0001 diverged after epoch 1: train_loss is nan" in text
        status.start(trial(1), "", 3.0)
        assert status.counts == "1 running · 1 done"

    def test_the_lowest_leads_when_the_objective_is_minimised(self) -> None:
        loss = replace(OVERVIEW, objective=Objective("val_loss", maximize=False))
        status = Status(loss, [], now=0.0)
        for number, value in enumerate([0.5, 0.3, 0.4]):
            status.start(trial(number), "", 0.0)
            status.epoch(f"{number:04}", 1, {"val_loss": value}, "", 1.0)
        assert "best  0001  val_loss 0.3000 at epoch 1" in shown(status)

    def test_nan_never_leads(self) -> None:
        status = Status(OVERVIEW, [], now=0.0)
        status.start(trial(0), "", 0.0)
        assert not status.epoch("0000", 1, {"val_accuracy": float("nan")}, "", 1.0)
        assert "best" not in shown(status)
        assert status.epoch("0000", 2, {"val_accuracy": 0.2}, "", 2.0)
        assert "best  0000  val_accuracy 0.2000 at epoch 2" in shown(status)

    def test_of_equals_the_earliest_leads(self) -> None:
        status = Status(OVERVIEW, [], now=0.0)
        for number in (0, 1):
            status.start(trial(number), "", 0.0)
        for epoch in (1, 2):
            for number in (0, 1):
                status.epoch(f"{number:04}", epoch, {"val_accuracy": 0.5}, "", 1.0)
        assert "best  0000  val_accuracy 0.5000 at epoch 1" in shown(status)
