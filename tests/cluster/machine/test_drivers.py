"""The sweeps that are run from a machine are found by where they have come into the cluster."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from cluster.machine import drivers as module
from cluster.machine.drivers import drivers, through
from sweeps import ROOT
from sweeps.backend.known_head import Head
from tests.cluster.raylets import Machines, free_port
from tests.sweeps.processes import command


def job(pid: int, node: bytes, dead: bool = False) -> SimpleNamespace:
    address = SimpleNamespace(node_id=node)
    return SimpleNamespace(driver_pid=pid, is_dead=dead, driver_address=address)


def test_those_that_run_and_have_come_in_there() -> None:
    nodes = [
        SimpleNamespace(node_id=b"a", labels={"member": "zeta"}),
        SimpleNamespace(node_id=b"b", labels={"member": "alpha", "machine": "m1"}),
    ]
    jobs = [job(3, b"b"), job(2, b"b"), job(4, b"b", dead=True), job(5, b"a")]
    assert through("m1", nodes, jobs) == [2, 3]
    assert through("m2", nodes, jobs) == []


#: The program, which takes a machine by its member.
BY_MEMBER = "from cluster.machine import drivers; drivers.LABEL = 'member'; drivers.main()"


def test_ray_tells_them(machines: Machines) -> None:
    """The head's own service is a driver, by the one machine there is; it has no label."""
    head = Head(machines.address, str(machines.folder / "token"))
    words = [sys.executable, "-c", BY_MEMBER, machines.address, "zeta"]
    answer = subprocess.run(
        words, cwd=ROOT, capture_output=True, text=True, check=True,
        env={**os.environ, **head.environment()},
    )  # fmt: skip
    assert any("cluster.service" in command(int(word)) for word in answer.stdout.split())
    assert drivers(head, "m1") == []


def test_where_nobody_answers_there_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_ANSWER_S", 0.5)
    assert drivers(Head(f"127.0.0.1:{free_port()}", str(tmp_path / "token")), "m1") == []
