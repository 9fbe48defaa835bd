"""Killed with real signals and resumed, a sweep ends as if nothing had happened."""

from __future__ import annotations

import csv
import json
import os
import random
import signal
from pathlib import Path

import pytest

from sweeps.resume import _merge, _refuse_changes, resume
from tests.sweeps.commands import SEARCH, finish, saved, start, wait_for_epochs
from tests.sweeps.conftest import begun, in_this_process
from trainers.errors import ConfigError

TIMINGS = ("epoch_s", "samples_per_s", "seconds")


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "trials.csv").open() as file:
        rows = csv.DictReader(file)
        return [{k: v for k, v in row.items() if k not in TIMINGS} for row in rows]


@pytest.mark.machines
@pytest.mark.usefixtures("without_ray")
def test_a_killed_driver_decides_as_one_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = f"results={tmp_path}"
    assert begun(*SEARCH, where, "name=calm") == 0
    calm = table(tmp_path / "calm")
    assert {row["state"] for row in calm} == {"complete", "stopped"}, "no decisions to compare"
    epochs = sum(int(row["epochs"]) for row in calm)

    # Its record is kept elsewhere, among others', which must not change a thing.
    folder, record = tmp_path / "killed", tmp_path / "group.log"
    moment = random.Random(11).randrange(1, epochs)
    process = start("sweeps", *SEARCH, where, "name=killed", f"study={record}")
    wait_for_epochs(process, record, moment)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    before = saved(folder)
    capsys.readouterr()
    resume("killed", [where])
    assert table(folder) == calm
    assert not (folder / "study.log").exists()
    (again,) = [line for line in capsys.readouterr().out.splitlines() if "make train" in line]
    assert "study=" not in again
    after = saved(folder)
    assert {path: after[path] for path in before} == before, "a finished epoch was trained again"
    assert json.loads((folder / "summary.json").read_text())["trials"] == 7


@pytest.mark.usefixtures("ray_here")
def test_ctrl_c_stops_cleanly_and_tells_how_to_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = f"results={tmp_path}"
    process = start("sweeps", *SEARCH, where, "name=s")
    wait_for_epochs(process, tmp_path / "s" / "study.log", 4)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all processes at once
    code, output = finish(process)
    assert code == 130, output
    assert f'make resume SWEEP=s ARGS="{where}"' in output
    assert "Traceback" not in output
    before = saved(tmp_path / "s")
    assert len(before) >= 4

    resume("s", [where])
    after = saved(tmp_path / "s")
    assert {path: after[path] for path in before} == before
    first = table(tmp_path / "s")
    assert len(first) == 7

    capsys.readouterr()
    resume("s", [where])
    assert "s is finished: 7 trials" in capsys.readouterr().out

    with in_this_process():
        resume("s", [where, "budget.trials=+2"])
    assert table(tmp_path / "s")[:7] == first
    assert len(table(tmp_path / "s")) == 9

    code, output = finish(start("sweeps.resume", "s", where, "epochs=20"))
    assert code == 2
    assert "a sweep that has begun keeps its epochs" in output


@pytest.mark.usefixtures("without_ray")
def test_a_target_that_is_reached_and_what_lies_beyond(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = f"results={tmp_path}"
    words = ("name=s", "budget.target=0.2", "budget.trials=3")
    assert begun(*SEARCH, where, *words) == 0
    output = capsys.readouterr().out
    assert "the target of 0.2 is reached: no more trials" in output
    assert "budget.target=null" in output
    before = table(tmp_path / "s")
    assert before[-1]["reason"] == "the target of 0.2 is reached"

    resume("s", [where])
    assert "s is finished: the target of 0.2 is reached. For more:" in capsys.readouterr().out

    told = [tmp_path / "s" / name for name in ("summary.json", "trials.csv", "importances.csv")]
    for path in told:  # as if it had been killed after its last trial
        path.unlink()
    resume("s", [where])
    assert table(tmp_path / "s") == before
    assert all(path.exists() for path in told)

    resume("s", [where, "budget.target=null"])
    assert table(tmp_path / "s")[: len(before)] == before
    assert len(table(tmp_path / "s")) == 3


class TestBudgetWords:
    BUDGET = {"trials": 20, "hours": 1.5, "epochs": None, "target": 0.9, "stalled": 5}  # noqa: RUF012

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
        ],
    )
    def test_are_added_or_taken_as_they_are(self, given: str, expected: str) -> None:
        key = given.partition("=")[0]
        assert _merge(["seed=1", f"{key}=1"], [given], self.BUDGET) == ["seed=1", expected]

    @pytest.mark.parametrize(
        ("given", "told"),
        [
            ("budget.target=+0.01", "a target is a value of the objective, not to be added to"),
            ("budget.epochs=+5", "the sweep has no limit of epochs that could be raised"),
            ("budget.gpu_hours=+5", "the sweep has no limit of gpu_hours"),  # unknown to it
            ("stop.patience=3", "a sweep that has begun keeps its stop.patience"),
            ("repeats=3", "a sweep that has begun keeps its repeats"),
            ("repeats.runs=3", "a sweep that has begun keeps its repeats.runs"),
        ],
    )
    def test_refused(self, given: str, told: str) -> None:
        with pytest.raises(ConfigError, match=told):
            _merge([], [given], self.BUDGET)


class TestRepeats:
    def test_may_be_asked_for_later_beside_those_of_each_trial(self) -> None:
        merged = _merge(["repeats=3", "seed=1"], ["repeats.top=5"], {})
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
        with pytest.raises(ConfigError, match=r"stop\.brackets was None, and is 1 now"):
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
    with pytest.raises(ConfigError, match=r"first\.epochs was None, and is 3 now"):
        _refuse_changes({"seed": 1}, {"seed": 1, "first": {"epochs": 3, "fraction": 0.25}})


def test_a_sweep_that_is_older_than_conditions_can_go_on() -> None:
    _refuse_changes({"space": {"a.b": "1"}}, {"space": {"a.b": "1"}, "when": {}, "require": []})
