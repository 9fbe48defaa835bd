"""The decisions of a sitting: a real study, composition and search; nobody trains."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf
from optuna.trial import TrialState
from rich.console import Console

import sweeps.driver.driver as driver_module
from sweeps.checked.check import check
from sweeps.checked.sweep import Sweep
from sweeps.config.composition import compose
from sweeps.console.live import Progress
from sweeps.console.status import Overview
from sweeps.driver.contract import Assignment
from sweeps.driver.driver import Driver
from sweeps.study.open import open_study
from sweeps.tracking import NullTracker
from sweeps.trials import Place, State, TrialRecord

SMALL = ("space=null", "optimizer.lr=0.1,0.2,0.3,0.4", "search=grid", "stop=none", "epochs=3")
HERE = Place("me", "atlas")


class Watched(NullTracker):
    """Keeps what it is told, and passes on what a person asks."""

    def __init__(self) -> None:
        self.started: list[tuple[str, int]] = []
        self.epochs: list[tuple[str, int, bool]] = []
        self.ended: list[tuple[str, str, Mapping[str, Any]]] = []
        self.asked: set[str] = set()
        self.said: list[str] = []

    def trial_started(self, trial: str, config: Mapping[str, Any], reported: int) -> None:
        self.started.append((trial, reported))

    def epoch(
        self,
        trial: str,
        epoch: int,
        metrics: Mapping[str, float],
        checkpoint: Path | None,
        best: bool,
    ) -> None:
        self.epochs.append((trial, epoch, best))

    def trial_ended(self, trial: str, state: str, reason: str, summary: Mapping[str, Any]) -> None:
        self.ended.append((trial, state, summary))

    def stop_requests(self) -> set[str]:
        return self.asked

    def notes(self) -> list[str]:
        said, self.said = self.said, []
        return said


class Clock:
    """Shows what it is set to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Sitting:
    """A driver, and all that it is given."""

    def __init__(self, folder: Path, sweep: Sweep, clock: Clock) -> None:
        path = folder / "study.log"
        self.study = open_study(path, sweep.objective, sweep.space, "s", create=not path.exists())
        self.tracker = Watched()
        self.output = io.StringIO()
        plan = Overview(
            "s", sweep.objective, "grid", "none", "here", trials=None, epochs=3, slots=2
        )
        self.driver = Driver(
            study=self.study,
            composition=sweep.composition,
            rules=sweep.rules,
            folder=folder,
            tracker=self.tracker,
            observer=Progress(plan, self.study.trials, Console(file=self.output, width=200)),
            clock=clock,
        )

    def next(self) -> Assignment:
        assignment = self.driver.next()
        assert assignment is not None
        return assignment

    def epoch(self, trial: str, epoch: int, value: float = 0.5, seconds: float = 1.0) -> bool:
        metrics = {"val_accuracy": value, "epoch_s": seconds}
        return self.driver.epoch(trial, epoch, metrics, HERE)

    def finish(self, assignment: Assignment, value: float = 0.5) -> None:
        """Run a trial to the end that it is given."""
        epoch = assignment.after + 1
        while not self.epoch(assignment.trial, epoch, value):
            epoch += 1

    def record(self, trial: str) -> TrialRecord:
        return self.study.trial(trial)


Sit = Callable[..., Sitting]


@cache
def swept(*overrides: str) -> Sweep:
    """A checked sweep. Nothing needs Hydra any more: no config group is swept here."""
    with compose([*SMALL, *overrides]) as composition:
        return check(composition)


@pytest.fixture
def clock() -> Clock:
    """Of all sittings of a test."""
    return Clock()


@pytest.fixture
def sit(tmp_path: Path, clock: Clock) -> Iterator[Sit]:
    """Begins a sitting; a second call closes the study and opens it anew, as after a kill."""
    sittings: list[Sitting] = []

    def begin(*overrides: str) -> Sitting:
        if sittings:
            sittings.pop().study.close()
        sittings.append(Sitting(tmp_path, swept(*overrides), clock))
        return sittings[0]

    yield begin
    for sitting in sittings:
        sitting.study.close()


class TestNext:
    def test_gives_trials_with_all_that_running_them_takes(self, sit: Sit, tmp_path: Path) -> None:
        one = sit()
        assignment = one.next()
        assert (assignment.trial, assignment.after) == ("0000", 0)
        assert assignment.folder == tmp_path / "trials" / "0000"
        assert assignment.config["optimizer"]["lr"] == 0.1
        saved = OmegaConf.to_container(OmegaConf.load(assignment.folder / "config.yaml"))
        assert saved == assignment.config
        assert one.next().config["optimizer"]["lr"] == 0.2
        assert one.driver.running == 2
        assert one.tracker.started == [("0000", 0), ("0001", 0)]

    def test_tells_the_data_folder_in_full(self, sit: Sit, monkeypatch: pytest.MonkeyPatch) -> None:
        """The process of a trial, on another machine, has another current folder."""
        monkeypatch.delenv("DATA_ROOT", raising=False)
        assignment = sit("data=mnist", "data.root=some/where").next()
        assert assignment.config["data"]["root"] == str(Path("some/where").absolute())

    def test_ends_with_the_grid(self, sit: Sit) -> None:
        one = sit()
        for _ in range(4):
            assert not one.driver.finished
            one.finish(one.next())
        assert one.driver.finished
        assert one.driver.next() is None
        assert one.driver.running == 0
        assert {t.state for t in one.study.trials} == {State.COMPLETE}

    def test_ends_with_the_trials_of_the_budget(self, sit: Sit) -> None:
        one = sit("budget.trials=2")
        first, second = one.next(), one.next()
        assert one.driver.next() is None
        one.finish(first)  # those that run are not cut short
        assert one.driver.next() is None
        one.finish(second)
        assert [t.state for t in one.study.trials] == [State.COMPLETE] * 2

    def test_gives_nothing_when_halted(self, sit: Sit) -> None:
        one = sit()
        assignment = one.next()
        one.driver.halt("first")
        one.driver.halt("second")
        assert one.driver.halted == "first"
        assert one.driver.finished
        assert one.driver.next() is None
        assert one.record(assignment.trial).state is State.RUNNING


class TestInfeasible:
    SPACE = ("model.max_parameters=1300", "model.depth=1", "model.width=4,8,500,900,16")

    def test_trials_take_no_slot_and_no_budget(self, sit: Sit) -> None:
        one = sit(*self.SPACE, "budget.trials=3")
        widths = []
        while (assignment := one.driver.next()) is not None:
            widths.append(assignment.config["model"]["width"])
            one.finish(assignment)
        assert widths == [4, 8, 16]
        refused = [t for t in one.study.trials if t.state is State.INFEASIBLE]
        assert [t.params["model.width"] for t in refused] == [500, 900]
        assert refused[0].reason == "38,510 parameters, more than model.max_parameters=1300"
        assert "2 infeasible" in one.driver._observer._status.counts
        assert one.driver.halted == ""

    def test_known_after_a_resume(self, sit: Sit) -> None:
        one = sit(*self.SPACE, "budget.trials=3")
        for _ in range(3):
            assignment = one.next()
        two = sit(*self.SPACE, "budget.trials=3")
        assert [two.next().trial for _ in range(3)] == ["0000", "0001", assignment.trial]
        assert two.driver.next() is None

    def test_of_what_is_required(self, sit: Sit) -> None:
        words = (*self.SPACE[1:], "require=['model.width >= 8','parameters <= 20_000']")
        one = sit(*words, "budget.trials=2")
        widths = []
        while (assignment := one.driver.next()) is not None:
            widths.append(assignment.config["model"]["width"])
            one.finish(assignment)
        assert widths == [8, 16]
        assert [t.reason for t in one.study.trials if t.state is State.INFEASIBLE] == [
            'require "model.width >= 8": 4 >= 8',
            'require "parameters <= 20_000": 38510 <= 20_000',
            'require "parameters <= 20_000": 69310 <= 20_000',
        ]
        assert one.driver.halted == ""

    def test_a_grid_of_nothing_else_says_so(self, sit: Sit) -> None:
        one = sit("model.width=4,8", "require=['model.width > 8','optimizer.lr > 0.2']")
        assert one.driver.next() is None
        assert one.driver.halted.startswith(
            "none of 8 proposals in a row could be trained, refused 100% by require "
            '"model.width > 8", 50% by require "optimizer.lr > 0.2" (the last:'
        )

    def test_all_of_them_end_the_sweep(self, sit: Sit, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(driver_module, "MOST_INFEASIBLE", 5)
        one = sit(
            "search=random",
            "model.max_parameters=1300",
            "model.width=int(interval(300,900))",
        )
        assert one.driver.next() is None
        assert one.driver.halted.startswith(
            "none of 5 proposals in a row could be trained, refused 100% by model.max_parameters"
        )
        assert len(one.study.trials) == 5


class TestEpoch:
    def test_records_tells_and_goes_on_to_the_last(self, sit: Sit) -> None:
        one = sit()
        trial = one.next().trial
        assert not one.epoch(trial, 1, 0.5)
        assert not one.epoch(trial, 2, 0.4)
        assert one.epoch(trial, 3, 0.9)
        record = one.record(trial)
        assert (record.state, record.last_epoch, record.reason) == (State.COMPLETE, 3, "")
        assert (record.member, record.machine, record.seconds) == ("me", "atlas", 3.0)
        assert one.tracker.epochs == [(trial, 1, True), (trial, 2, False), (trial, 3, True)]
        assert one.tracker.ended == [(trial, "complete", {"best_epoch": 3, "best_value": 0.9})]
        assert one.driver.running == 0

    def test_a_trial_whose_patience_is_out_is_complete(self, sit: Sit) -> None:
        one = sit("patience=1")
        assignment = one.next()
        assert not one.epoch(assignment.trial, 1, 0.5)
        assert one.epoch(assignment.trial, 2, 0.5)
        record = one.record(assignment.trial)
        assert record.state is State.COMPLETE
        assert "patience" in record.reason

    def test_an_objective_that_never_is_a_number_is_no_result(self, sit: Sit) -> None:
        one = sit()
        one.finish(assignment := one.next(), math.nan)
        record = one.record(assignment.trial)
        assert (record.state, record.reason) == (
            State.DIVERGED,
            "val_accuracy was a number in no epoch",
        )

    def test_counts_an_epoch_once(self, sit: Sit) -> None:
        """A process that is lost repeats the epochs since its last checkpoint."""
        one = sit("budget.epochs=4", "budget.trials=null")
        trial = one.next().trial
        for _ in range(3):
            assert not one.epoch(trial, 1)
        assert not one.epoch(trial, 2)
        assert len(one.tracker.epochs) == 2
        assert one.record(trial).seconds == 2.0
        assert one.epoch(trial, 3)
        assert not one.driver.finished

    def test_is_one_write_with_what_came_of_it(
        self, sit: Sit, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        one = sit()
        trial = one.next().trial
        synced: list[int] = []
        monkeypatch.setattr(os, "fsync", synced.append)
        for epoch in (1, 2, 3):
            assert one.epoch(trial, epoch) is (epoch == 3)
            assert len(synced) == epoch

    def test_of_a_trial_that_has_ended_says_stop(self, sit: Sit) -> None:
        one = sit()
        trial = one.next().trial
        one.driver.failed(trial, State.FAILED, "out of memory")
        assert one.epoch(trial, 1)
        assert one.record(trial).last_epoch == 0
        one.driver.failed(trial, State.DIVERGED, "again")
        assert one.record(trial).reason == "out of memory"
        assert len(one.tracker.ended) == 1

    def test_the_rule_stops(self, sit: Sit) -> None:
        one = sit("stop=asha", "stop.factor=2")
        first, second = one.next().trial, one.next().trial
        assert not one.epoch(first, 1, 0.9)
        assert one.epoch(second, 1, 0.1)
        record = one.record(second)
        assert (record.state, record.reason) == (
            State.STOPPED,
            "asha: not in the best 1/2 of 2 at epoch 1",
        )

    def test_a_person_stops(self, sit: Sit) -> None:
        one = sit()
        first, second = one.next().trial, one.next().trial
        one.tracker.asked = {second}
        assert not one.epoch(first, 1)
        assert one.epoch(second, 1)
        assert one.record(second).state is State.STOPPED
        assert "W&B" in one.record(second).reason

    def test_what_the_tracker_says_reaches_the_person(self, sit: Sit) -> None:
        one = sit()
        one.tracker.said = ["cannot reach the server"]
        one.driver.listen()
        one.driver.listen()
        one.driver.notify("a note")
        assert one.output.getvalue().count("cannot reach the server") == 1
        assert "a note" in one.output.getvalue()

    def test_a_study_that_is_away_is_told_and_one_that_is_lost_halts(
        self, sit: Sit, tmp_path: Path
    ) -> None:
        one = sit()
        trial = one.next().trial
        (tmp_path / "study.log").rename(tmp_path / "away")
        assert not one.epoch(trial, 1)
        one.driver.listen()
        assert "the study cannot be reached: No such file" in one.output.getvalue()
        assert one.driver.halted == ""
        assert one.study._writer is not None
        one.study._writer.lost = "another driver has it"
        one.driver.listen()
        assert one.driver.halted == "another driver has it"

    def test_what_a_folder_has_of_other_values_is_not_gone_on_with(
        self, sit: Sit, tmp_path: Path
    ) -> None:
        folder = tmp_path / "trials" / "0000"
        folder.mkdir(parents=True)
        (folder / "config.yaml").write_text("{seed: 0, optimizer: {lr: 0.9}}")
        (folder / "epoch_001").mkdir()
        one = sit()
        assert one.next().folder == folder
        assert not (folder / "epoch_001").exists()
        assert (tmp_path / "unrecorded" / "0000-1" / "epoch_001").is_dir()
        assert "unrecorded" in one.output.getvalue()


class TestPromotion:
    RULE = ("stop=promotion", "stop.factor=2", "epochs=4")  # rungs at 1, 2 and 4

    def test_waits_at_a_rung_until_it_is_among_the_best(self, sit: Sit) -> None:
        one = sit(*self.RULE)
        first, second = one.next(), one.next()
        assert one.epoch(first.trial, 1, 0.5)
        assert one.driver.running == 1
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
        assert one.record("0003").reason == "not promoted after epoch 1"

    def test_what_waits_teaches_the_search_as_what_was_stopped_does(self, sit: Sit) -> None:
        def seen(sitting: Sitting) -> list[tuple[TrialState, dict[int, float]]]:
            return [(t.state, t.intermediate_values) for t in sitting.study.optuna.trials]

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


class TestFailures:
    def test_are_on_record_with_their_reason(self, sit: Sit) -> None:
        one = sit()
        trial = one.next().trial
        one.epoch(trial, 1, 0.5)
        one.driver.failed(trial, State.DIVERGED, "a loss of nan")
        record = one.record(trial)
        assert (record.state, record.reason) == (State.DIVERGED, "a loss of nan")
        assert not one.driver.halted
        assert one.next().trial == "0001"

    def test_in_a_row_halt(self, sit: Sit) -> None:
        one = sit("failures.in_a_row=2")
        one.driver.failed(one.next().trial, State.FAILED, "a")
        one.finish(one.next())
        one.driver.failed(one.next().trial, State.FAILED, "b")
        assert not one.driver.halted, "one ended well between them"
        one.driver.failed(one.next().trial, State.INFEASIBLE, "c")
        assert one.driver.halted.endswith("2 trials in a row have failed; the last, 0003: c")
        assert one.driver.next() is None


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

    def test_of_hours_over_all_sittings(self, sit: Sit, clock: Clock) -> None:
        words = ("budget.hours=1", "budget.trials=null")
        one = sit(*words)
        trial = one.next().trial
        clock.now += 2000
        assert not one.epoch(trial, 1)
        one.driver.spend()
        assert one.driver.wall_s == 2000

        clock.now += 50_000  # nobody sits
        two = sit(*words)
        assert two.driver.wall_s == 2000
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
        assert one.driver.extension == "budget.target=null"

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

    def test_reached_in_an_earlier_sitting_ends_what_was_unfinished(self, sit: Sit) -> None:
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
        assert one.driver.extension == "budget.stalled=+2"

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


class TestResuming:
    def test_unfinished_trials_come_first(self, sit: Sit) -> None:
        one = sit()
        done, begun, fresh = one.next(), one.next(), one.next()
        one.finish(done)
        one.epoch(begun.trial, 1)
        two = sit()
        assert [(a.trial, a.after) for a in (two.next(), two.next(), two.next())] == [
            (begun.trial, 1),
            (fresh.trial, 0),
            ("0003", 0),
        ]
        assert two.driver.next() is None
        assert two.tracker.started == [("0001", 1), ("0002", 0), ("0003", 0)]

    def test_an_epoch_that_was_never_judged_is_judged(self, sit: Sit) -> None:
        """Killed between the record of an epoch and what should have followed from it."""
        one = sit("stop=asha", "stop.factor=2")
        good, bad, last = one.next().trial, one.next().trial, one.next().trial
        one.epoch(good, 1, 0.9)
        for trial, epochs in ((bad, 1), (last, 3)):
            for epoch in range(1, epochs + 1):
                metrics = {"val_accuracy": 0.1 if trial == bad else 0.95}
                one.study.report(trial, epoch, metrics, "me", "atlas")
        two = sit("stop=asha", "stop.factor=2")
        assert [two.next().trial, two.next().trial] == [good, "0003"]
        assert two.record(bad).state is State.STOPPED
        assert two.record(last).state is State.COMPLETE

    def test_a_verdict_stands(self, sit: Sit) -> None:
        """The first at a rung goes on, also when the driver is killed while it does."""
        one = sit("stop=asha", "stop.factor=2")
        first, second = one.next().trial, one.next().trial
        assert not one.epoch(first, 1, 0.1)
        assert not one.epoch(second, 1, 0.9)
        two = sit("stop=asha", "stop.factor=2")
        assert [two.next().trial, two.next().trial] == [first, second]

    def test_nothing_is_proposed_beyond_the_budget(self, sit: Sit) -> None:
        one = sit("budget.trials=2")
        one.finish(one.next())
        unfinished = one.next()
        two = sit("budget.trials=2")
        assert not two.driver.finished
        assert two.next().trial == unfinished.trial
        assert two.driver.next() is None
        assert len(two.study.trials) == 2

    def test_when_halted_the_unfinished_wait(self, sit: Sit) -> None:
        trial = sit().next().trial
        two = sit()
        two.driver.halt("interrupted")
        assert two.driver.next() is None
        assert sit().next().trial == trial
