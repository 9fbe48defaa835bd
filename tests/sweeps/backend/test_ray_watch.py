"""A Ray that is killed ends a sweep within seconds, and costs no trial."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from sweeps.backend import ray_watch
from sweeps.backend.ray_session import Ray
from sweeps.commands.resume import resume
from tests.cluster.raylets import Machines, end
from tests.sweeps.processes import command, descendants, finish, saved, start, wait_for_epochs

WORDS = (
    *("track=none", "space=null", "model.width=16,32,64", "search=grid", "stop=none"),
    *("data.fraction=0.25", "model.depth=1", "epochs=30", "max_concurrent=1"),
)


@pytest.mark.machines
@pytest.mark.parametrize(
    "killed", ["raylet/raylet", pytest.param("gcs/gcs_server", marks=pytest.mark.long)]
)
def test_a_killed_ray_is_told_and_the_sweep_goes_on(
    killed: str, tmp_path: Path, without_ray: Ray
) -> None:
    where = f"results={tmp_path}"
    process = start("sweeps", *WORDS, where, "name=s")
    wait_for_epochs(process, tmp_path / "s" / "study.log", 2)
    before = saved(tmp_path / "s")
    [victim] = [child for child in descendants(process.pid) if killed in command(child)]
    os.kill(victim, signal.SIGKILL)
    code, output = finish(process)
    assert code == 1, output
    assert f"Ray has lost its {killed.rpartition('/')[2]}" in output
    assert f'make resume SWEEP=s ARGS="{where}"' in output
    assert "Traceback" not in output

    resume("s", [where], without_ray)
    after = saved(tmp_path / "s")
    assert {path: after[path] for path in before} == before, "a finished epoch was trained again"
    with (tmp_path / "s" / "trials.csv").open() as file:
        assert [row["state"] for row in csv.DictReader(file)] == ["complete"] * 3


@pytest.mark.machines
@pytest.mark.long
def test_a_sweep_by_hand_ends_when_its_head_is_killed_though_another_is_there_at_once(
    tmp_path: Path,
) -> None:
    """Ray would ask the raylet that is no more for a process, for ever."""
    where = f"results={tmp_path}"
    machines = Machines.begin(tmp_path / "zeta")
    try:
        process = start("sweeps", *WORDS, where, "name=s", **machines.environment)
        wait_for_epochs(process, tmp_path / "s" / "study.log", 2)
        before = saved(tmp_path / "s")
        machines.head.kill()
        machines.head.wait()
        machines.start_head()
        code, output = finish(process)
        assert code == 1, output
        assert "Ray has lost its raylet" in output
        assert f'make resume SWEEP=s ARGS="{where}"' in output
        assert "Traceback" not in output

        code, output = finish(start("sweeps.commands.resume", "s", where, **machines.environment))
        assert code == 0, output
    finally:
        end(machines.head)
    after = saved(tmp_path / "s")
    assert {path: after[path] for path in before} == before, "a finished epoch was trained again"
    with (tmp_path / "s" / "trials.csv").open() as file:
        assert [row["state"] for row in csv.DictReader(file)] == ["complete"] * 3


@pytest.mark.skipif(os.getuid() != 0, reason="only root can run a process as somebody else")
@pytest.mark.parametrize(("user", "ours"), [(os.getuid(), True), (65534, False)])
def test_a_raylet_of_another_user_is_known(
    user: int, ours: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    socket = f"--raylet_socket_name=/tmp/{user}-{os.getpid()}"
    wait = ("sh", "-c", "read line", socket)  # Python may lie where another user does not reach
    with subprocess.Popen(wait, stdin=subprocess.PIPE, user=user) as raylet:
        node = SimpleNamespace(raylet_socket_name=socket.partition("=")[2])
        monkeypatch.setattr(ray_watch, "_node", lambda: node)
        assert ray_watch.is_of_this_user() is ours
        raylet.kill()
    assert not ray_watch.is_of_this_user(), "it has ended"
    monkeypatch.setattr(ray_watch, "_node", lambda: None)
    assert not ray_watch.is_of_this_user()
