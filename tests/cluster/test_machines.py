"""Two real raylets on one host: joined with a token, swept on, and one of them killed."""

from __future__ import annotations

import csv
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster.raylets import Machines, free_port
from tests.sweeps.processes import (
    ROOT,
    command,
    descendants,
    finish,
    saved,
    standing,
    start,
    wait_for_epochs,
)
from tests.sweeps.waiting import until


@pytest.mark.long
def test_a_machine_is_killed_and_its_trials_go_on_elsewhere(
    machines: Machines, tmp_path: Path
) -> None:
    with machines.alpha() as alpha:
        sweep = start(
            "sweeps", "track=none", "search=grid", "stop=none", "space=null", "seed=1,2,3",
            "epochs=150", "model.width=32", "resources.cpu=1", "data.fraction=0.5",
            f"results={tmp_path}", "name=s", **machines.environment,
        )  # fmt: skip
        folder = tmp_path / "s"
        wait_for_epochs(sweep, folder / "study.log", 60)
        log = folder / "study.log"
        until(lambda: '"member":"alpha"' in log.read_text(), running=sweep)
        raylet = [p for p in descendants(alpha.pid) if "/raylet/raylet" in command(p)]
        os.kill(raylet[0], signal.SIGKILL)
        before = saved(folder)
        code, output = finish(sweep)
        assert code == 0, output
        assert "was lost" in output
        with (folder / "trials.csv").open() as file:
            rows = list(csv.DictReader(file))
        assert [row["state"] for row in rows] == ["complete"] * 3
        assert {row["epochs"] for row in rows} == {"150"}
        assert {row["member"] for row in rows} <= {"alpha", "zeta"}
        assert {row["machine"] for row in rows} == {socket.gethostname()}
        after = saved(folder)
        assert {path: after[path] for path in before} == before, "a finished epoch ran again"
        moved = [row["id"] for row in rows if members(folder, row["id"]) == ["alpha", "zeta"]]
        assert moved, "no trial went from alpha to zeta"


#: A driver that has no trial for the processes that stand ready.
DRIVER = """
import time
from sweeps.backend.ray_session import session

with session() as cluster:
    cluster.prepare({"cpu": 1, "gpu": 0.0, "anywhere": False}, None)
    time.sleep(3600)
"""


@pytest.mark.machines
def test_processes_that_stand_ready_end_with_a_driver_that_is_killed(machines: Machines) -> None:
    environment = {**os.environ, **machines.environment}
    driver = subprocess.Popen([sys.executable, "-c", DRIVER], cwd=ROOT, env=environment)
    try:
        until(lambda: standing(machines.head.pid))
    finally:
        driver.kill()
        driver.wait()
    until(lambda: not standing(machines.head.pid))


@pytest.mark.machines
def test_a_sweep_says_that_nobody_answers(tmp_path: Path) -> None:
    environment = {"RAY_ADDRESS": f"127.0.0.1:{free_port()}", "CAVIAR_CLUSTER": str(tmp_path)}
    code, output = finish(start("sweeps", "track=none", f"results={tmp_path}", **environment))
    assert code == 2
    assert "nothing answers at RAY_ADDRESS" in output
    assert not (tmp_path / "quickstart").exists()


def members(folder: Path, trial: str) -> list[str]:
    """The members that a trial has run on, in order."""
    found = []
    for entry in (folder / "study.log").read_text().splitlines():
        content = json.loads(entry)
        if content.get("trial_id") == int(trial) and "member" in content.get("user_attr", {}):
            found.append(content["user_attr"]["member"])
    return found
