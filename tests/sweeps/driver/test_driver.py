"""The decisions of a session: a real study, composition and search; nobody trains."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest
from omegaconf import OmegaConf

import sweeps.driver.driver as driver_module
from sweeps.trials import Place, State
from tests.sweeps.driver.sessions import Sit


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
        assert len(one.driver.running) == 2
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
        assert len(one.driver.running) == 0
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
        assert refused[0].reason == "38,510 parameters, over 1,300 (model.max_parameters)"
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
            'require "model.width >= 8" is not met: model.width is 4',
            '38,510 parameters, over 20,000 (require "parameters <= 20_000")',
            '69,310 parameters, over 20,000 (require "parameters <= 20_000")',
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
        ((ended, state, summary),) = one.tracker.ended
        assert (ended, state) == (trial, "complete")
        assert (summary["best_epoch"], summary["best_value"]) == (3, 0.9)
        assert (summary["best_val_accuracy"], summary["machine"]) == (0.9, "atlas")
        assert len(one.driver.running) == 0

    def test_the_load_of_its_machine_is_shown_and_on_no_record(self, sit: Sit) -> None:
        one = sit()
        trial = one.next().trial
        metrics = {"val_accuracy": 0.5, "epoch_s": 1.0}
        one.driver.epoch(trial, 1, metrics, Place("me", "atlas", {"gpu_percent": 87.0}))
        assert one.tracker.metrics == {**metrics, "machine/gpu_percent": 87.0}
        assert one.record(trial).epochs == {1: metrics}

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

    @pytest.mark.parametrize("value", [math.nan, math.inf])
    def test_nor_is_it_when_patience_is_out(self, sit: Sit, value: float) -> None:
        one = sit("patience=1")
        trial = one.next().trial
        assert not one.epoch(trial, 1, value)
        assert one.epoch(trial, 2, value)
        assert one.record(trial).state is State.DIVERGED

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
            "asha: 2nd of 2 at epoch 1, and only the best half goes on",
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
