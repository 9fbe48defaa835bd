"""A machine is lent, taken back and left while a sweep runs, which loses nothing by it."""

from __future__ import annotations

import datetime
import os
import shutil
import signal
from pathlib import Path

import pytest

from cluster.machine.tell import Telling
from sweeps.backend.known_head import Head
from tests.cluster.raylets import Machines, end, line
from tests.cluster.test_machines import members
from tests.cluster.test_sharing import epochs
from tests.sweeps.processes import command, descendants, finish, start, wait_for_epochs
from tests.sweeps.waiting import until


def test_a_machine_that_is_not_lent_takes_no_trial_and_one_that_leaves_gives_its_own_back(
    machines: Machines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAVIAR_SCRATCH", str(tmp_path / "scratch"))
    left = tmp_path / "scratch" / "caviar-scratch-00aa-x"
    left.mkdir(parents=True)
    (left / ".lock").touch()
    hour, cores = datetime.datetime.now().hour, (os.cpu_count() or 1) + 1
    hours = f"{(hour + 2) % 24}-{(hour + 3) % 24}"
    alpha = machines.join("--member=alpha", f"--cpus={cores}", f"--hours={hours}")
    running = beta = None
    try:
        assert "its hours are" in line(alpha, "not lent now")
        assert not left.exists(), "a killed process had left it"
        code, output = finish(machines.join("--member=alpha"))
        assert (code, f"process {alpha.pid}, as alpha" in output) == (2, True), output

        running = start(
            "sweeps", "track=none", "stop=none", "space=null", "seed=1,2", "search=grid",
            "epochs=20000", "model.width=16", f"resources.cpu={cores}", "max_concurrent=1",
            "data.fraction=0.25", f"results={tmp_path}", "name=a", **machines.environment,
        )  # fmt: skip
        assert "its hours are" in line(running, "waiting for a slot: alpha's")
        telling = Telling(Head(machines.address, str(machines.folder / "token")), label(alpha.pid))
        telling.tell("")
        until(lambda: telling.go_on() or telling.is_told)
        folder = tmp_path / "a"
        wait_for_epochs(running, folder / "study.log", 5)
        assert members(folder, "0000") == ["alpha"], "the head's machine is too small"

        beta = machines.join("--member=beta", f"--cpus={cores}", folder=another(machines, tmp_path))
        line(beta, "joined")
        asked = start("cluster.leave", **machines.environment)
        assert "1 trial finishes its epoch" in line(alpha, "leaving")
        code, output = finish(alpha)
        assert (code, output) == (0, "left\n")
        code, output = finish(asked)
        assert (code, output.endswith("left\n")) == (0, True), output
        until(lambda: members(folder, "0000") == ["alpha", "beta"], running=running)
        running.send_signal(signal.SIGINT)
        code, output = finish(running)
        assert code == 130, output
        assert "trials at a time now: alpha's" in output
        assert "it leaves" in output
        assert "lost" not in output
        told = epochs(folder, "0000")
        assert told == list(range(1, len(told) + 1)), "each epoch once"
    finally:
        for process in filter(None, (running, alpha, beta)):
            end(process)


def another(machines: Machines, tmp_path: Path) -> Path:
    """The folder of another machine that has the head's token."""
    folder = tmp_path / "another"
    folder.mkdir(mode=0o700)
    shutil.copy(machines.folder / "token", folder)
    return folder


def label(process: int) -> str:
    """The label in Ray of the machine that a process lends."""
    for child in descendants(process):
        for word in command(child).split():
            if word.startswith("--labels=member=alpha,machine="):
                return word.rpartition("=")[2]
    raise AssertionError("there is no raylet")


@pytest.mark.machines
def test_where_nothing_has_joined_it_says_so(tmp_path: Path) -> None:
    code, output = finish(start("cluster.leave", CAVIAR_CLUSTER=str(tmp_path)))
    assert (code, len(output.splitlines())) == (2, 1)
    assert "has joined no head from this checkout" in output
