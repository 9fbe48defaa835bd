"""Two real raylets on one host: joined with a token, swept on, and one of them killed."""

from __future__ import annotations

import csv
import json
import os
import signal
import socket
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.sweeps.launch.test_session import command, descendants
from tests.sweeps.processes import finish, saved, start, wait_for_epochs
from tests.sweeps.waiting import until


@dataclass
class Machines:
    """A head of member zeta with one CPU, and what is needed to join it."""

    head: subprocess.Popen[str]
    address: str
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        return {"CAVIAR_CLUSTER": str(self.folder), "RAY_ADDRESS": ""}

    def join(self, *words: str, folder: Path | None = None) -> subprocess.Popen[str]:
        environment = {**self.environment, "CAVIAR_CLUSTER": str(folder or self.folder)}
        return start("cluster.join", f"--head={self.address}", *words, **environment)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def line(process: subprocess.Popen[str], text: str) -> str:
    """The next line of its output with this text in it."""
    assert process.stdout is not None
    seen = ""
    for printed in process.stdout:
        seen += printed
        if text in printed:
            return printed
    raise AssertionError(f"{text!r} never came, but:\n{seen}")


def end(process: subprocess.Popen[str]) -> None:
    """Ctrl-C, and a kill of all it started if that does not help."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        for child in descendants(process.pid):
            os.kill(child, signal.SIGKILL)
        process.kill()
        process.communicate()


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[Machines]:
    port = free_port()
    folder = tmp_path / "cluster"
    head = start("cluster.head", "--address=127.0.0.1", f"--port={port}", "--member=zeta",
                 CAVIAR_CLUSTER=str(folder))  # fmt: skip
    try:
        line(head, "joined: zeta")
        yield Machines(head, f"127.0.0.1:{port}", folder)
    finally:
        end(head)


def test_a_machine_is_killed_and_its_trials_go_on_elsewhere(
    machines: Machines, tmp_path: Path
) -> None:
    alpha = machines.join("--member=alpha", "--cpus=1")
    try:
        line(alpha, "joined")
        line(machines.head, "joined: alpha")
        sweep = start(
            "sweeps", "track=none", "search=grid", "stop=none", "space=null", "seed=1,2,3,4,5",
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
        assert [row["state"] for row in rows] == ["complete"] * 5
        assert {row["epochs"] for row in rows} == {"150"}
        assert {row["member"] for row in rows} <= {"alpha", "zeta"}
        assert {row["machine"] for row in rows} == {socket.gethostname()}
        after = saved(folder)
        assert {path: after[path] for path in before} == before, "a finished epoch ran again"
        moved = [row["id"] for row in rows if members(folder, row["id"]) == ["alpha", "zeta"]]
        assert moved, "no trial went from alpha to zeta"
    finally:
        end(alpha)


def test_joining_needs_the_token_and_leaves_nothing_behind(
    machines: Machines, tmp_path: Path
) -> None:
    token = machines.folder / "token"
    assert stat.S_IMODE(token.stat().st_mode) == 0o600

    code, output = finish(machines.join("--member=alpha", folder=tmp_path / "other"))
    assert code == 2
    assert "there is no token" in output

    wrong = tmp_path / "wrong"
    wrong.mkdir()
    (wrong / "token").write_text("0" * 64)
    code, output = finish(machines.join("--member=alpha", folder=wrong))
    assert code == 2, output
    assert "refuses the token" in output
    assert stat.S_IMODE((wrong / "token").stat().st_mode) == 0o600

    children = descendants(machines.head.pid)
    machines.head.send_signal(signal.SIGINT)
    code, output = finish(machines.head)
    assert code == 0
    assert token.read_text() not in output
    assert not (machines.folder / "head.json").exists()
    left = [command(p) for p in children if Path(f"/proc/{p}/cmdline").exists()]
    assert not [words for words in left if "ray" in words]


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        (["--head=127.0.0.1", "--member=a"], "must be host:port"),
        (["--head=127.0.0.1:1", "--member=a b"], "must be letters"),
        (["--head=127.0.0.1:1", "--member="], "must be letters"),
        (["--head=127.0.0.1:1", "--member=a"], "nothing answers"),
    ],
)
@pytest.mark.machines
def test_wrong_input_is_refused_in_a_line(tmp_path: Path, words: list[str], rule: str) -> None:
    (tmp_path / "token").write_text("x")
    code, output = finish(start("cluster.join", *words, CAVIAR_CLUSTER=str(tmp_path)))
    assert code == 2
    assert rule in output
    assert "Traceback" not in output


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
