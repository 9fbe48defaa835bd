"""Killed with real signals and resumed, a sweep ends as if nothing had happened."""

from __future__ import annotations

import csv
import json
import os
import random
import signal
from pathlib import Path

import pytest

from sweeps.backend.ray_session import Ray
from sweeps.commands.resume import resume
from tests.sweeps.conftest import begun
from tests.sweeps.processes import SEARCH, finish, kill, saved, start, wait_for_epochs

TIMINGS = ("epoch_s", "samples_per_s", "seconds")


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "trials.csv").open() as file:
        rows = csv.DictReader(file)
        return [{k: v for k, v in row.items() if k not in TIMINGS} for row in rows]


@pytest.mark.machines
def test_a_killed_driver_decides_as_one_left_alone(
    tmp_path: Path, without_ray: Ray, capsys: pytest.CaptureFixture[str]
) -> None:
    where = f"results={tmp_path}"
    assert begun(without_ray, *SEARCH, where, "name=calm") == 0
    calm = table(tmp_path / "calm")
    assert {row["state"] for row in calm} == {"complete", "stopped"}, "no decisions to compare"
    epochs = sum(int(row["epochs"]) for row in calm)

    # Its record is kept elsewhere, among others', which must not change a thing.
    folder, record = tmp_path / "killed", tmp_path / "group.log"
    moment = random.Random(11).randrange(1, epochs)
    process = start("sweeps", *SEARCH, where, "name=killed", f"study={record}")
    wait_for_epochs(process, record, moment)
    kill(process)
    before = saved(folder)
    capsys.readouterr()
    resume("killed", [where], without_ray)
    assert table(folder) == calm
    assert not (folder / "study.log").exists()
    (again,) = [line for line in capsys.readouterr().out.splitlines() if "make train" in line]
    assert "study=" not in again
    after = saved(folder)
    assert {path: after[path] for path in before} == before, "a finished epoch was trained again"
    assert json.loads((folder / "summary.json").read_text())["trials"] == 7


def test_ctrl_c_stops_cleanly_and_tells_how_to_go_on(
    tmp_path: Path, ray_here: Ray, without_ray: Ray, capsys: pytest.CaptureFixture[str]
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

    resume("s", [where], ray_here)
    after = saved(tmp_path / "s")
    assert {path: after[path] for path in before} == before
    first = table(tmp_path / "s")
    assert len(first) == 7

    capsys.readouterr()
    resume("s", [where], ray_here)
    assert "s is finished: 7 trials" in capsys.readouterr().out

    resume("s", [where, "budget.trials=+2"], without_ray)
    assert table(tmp_path / "s")[:7] == first
    assert len(table(tmp_path / "s")) == 9

    code, output = finish(start("sweeps.commands.resume", "s", where, "patience=20"))
    assert code == 2
    assert "a sweep that has begun keeps its patience" in output


def test_a_target_that_is_reached_and_what_lies_beyond(
    tmp_path: Path, without_ray: Ray, capsys: pytest.CaptureFixture[str]
) -> None:
    where = f"results={tmp_path}"
    words = ("name=s", "budget.target=0.2", "budget.trials=3")
    assert begun(without_ray, *SEARCH, where, *words) == 0
    output = capsys.readouterr().out
    assert "the target of 0.2 is reached: no more trials" in output
    assert "budget.target=null" in output
    before = table(tmp_path / "s")
    assert before[-1]["reason"] == "the target of 0.2 is reached"

    resume("s", [where], without_ray)
    assert "s is finished: the target of 0.2 is reached. For more:" in capsys.readouterr().out

    told = [tmp_path / "s" / name for name in ("summary.json", "trials.csv", "importances.csv")]
    for path in told:  # as if it had been killed after its last trial
        path.unlink()
    resume("s", [where], without_ray)
    assert table(tmp_path / "s") == before
    assert all(path.exists() for path in told)

    resume("s", [where, "budget.target=null"], without_ray)
    assert table(tmp_path / "s")[: len(before)] == before
    assert len(table(tmp_path / "s")) == 3
