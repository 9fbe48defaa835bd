"""Killed with real signals and resumed, a sweep ends as if nothing had happened."""

from __future__ import annotations

import csv
import json
import os
import random
import signal
from pathlib import Path

import pytest

from sweeps.resume import _refuse_changes
from tests.sweeps.commands import SEARCH, finish, saved, start, wait_for_epochs
from trainers.errors import ConfigError

TIMINGS = ("epoch_s", "samples_per_s", "seconds")


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "trials.csv").open() as file:
        rows = csv.DictReader(file)
        return [{k: v for k, v in row.items() if k not in TIMINGS} for row in rows]


def test_a_driver_killed_again_and_again_decides_as_one_left_alone(tmp_path: Path) -> None:
    code, output = finish(start("sweeps", *SEARCH, f"results={tmp_path}", "name=calm"))
    assert code == 0, output
    calm = table(tmp_path / "calm")
    assert {row["state"] for row in calm} == {"complete", "stopped"}, "no decisions to compare"
    epochs = sum(int(row["epochs"]) for row in calm)

    folder = tmp_path / "killed"
    where = f"results={tmp_path}"
    moments = sorted(random.Random(11).sample(range(1, epochs), 3))
    process = start("sweeps", *SEARCH, where, "name=killed")
    for moment in moments:
        wait_for_epochs(process, folder / "study.log", moment)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        before = saved(folder)
        process = start("sweeps.resume", "killed", where)
        wait_for_epochs(process, folder / "study.log", moment)
    code, output = finish(process)
    assert code == 0, output
    assert table(folder) == calm
    after = saved(folder)
    assert {path: after[path] for path in before} == before, "a finished epoch was trained again"
    assert json.loads((folder / "summary.json").read_text())["trials"] == 7


def test_ctrl_c_stops_cleanly_and_tells_how_to_go_on(tmp_path: Path) -> None:
    where = f"results={tmp_path}"
    process = start("sweeps", *SEARCH, where, "name=s")
    wait_for_epochs(process, tmp_path / "s" / "study.log", 4)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all processes at once
    code, output = finish(process, 60)
    assert code == 130, output
    assert f'make resume SWEEP=s ARGS="{where}"' in output
    assert "Traceback" not in output
    before = saved(tmp_path / "s")
    assert len(before) >= 4

    code, output = finish(start("sweeps.resume", "s", where))
    assert code == 0, output
    after = saved(tmp_path / "s")
    assert {path: after[path] for path in before} == before
    assert len(table(tmp_path / "s")) == 7

    code, output = finish(start("sweeps.resume", "s", where))
    assert code == 0
    assert "is finished: 7 trials" in output

    first = table(tmp_path / "s")
    code, output = finish(start("sweeps.resume", "s", where, "budget.trials=+2"))
    assert code == 0, output
    assert table(tmp_path / "s")[:7] == first
    assert len(table(tmp_path / "s")) == 9

    code, output = finish(start("sweeps.resume", "s", where, "epochs=20"))
    assert code == 2
    assert "a sweep that has begun keeps its epochs" in output


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


def test_a_sweep_that_is_older_than_conditions_can_go_on() -> None:
    _refuse_changes({"space": {"a.b": "1"}}, {"space": {"a.b": "1"}, "when": {}, "require": []})
