"""A head that cannot be started says why in a line, and leaves no trace."""

from __future__ import annotations

import csv
import os
import signal
import socket
import time
from pathlib import Path

import pytest

from cluster.head import head
from sweeps.backend.known_head import Head
from tests.cluster.raylets import Machines, end, free_port, line
from tests.sweeps.processes import command, descendants, finish, start, wait_for_epochs
from tests.sweeps.waiting import until
from trainers.errors import ConfigError


def test_killed_and_started_again_it_goes_on_with_its_queue_and_two_ctrl_c_leave_nothing(
    own_machines: Machines, tmp_path: Path
) -> None:
    machines, epochs = own_machines, 250
    words = (
        "name=qa", "space=null", "seed=1,2", "budget.trials=1", "stop=none", f"epochs={epochs}",
        "track=none", "model.width=16", "data.fraction=0.25", f"results={tmp_path}",
    )  # fmt: skip
    code, output = finish(start("cluster.submit", *words, **machines.environment))
    assert code == 0, output
    log = tmp_path / "qa" / "study.log"
    until(log.exists, running=machines.head)
    wait_for_epochs(machines.head, log, 10)
    children = descendants(machines.head.pid)
    os.kill(machines.head.pid, signal.SIGKILL)
    machines.head.wait()
    until(lambda: not [child for child in children if command(child)])

    port = machines.address.rpartition(":")[2]
    head = start("cluster.head", "--address=127.0.0.1", f"--port={port}", "--member=zeta",
                 **machines.environment)  # fmt: skip
    try:
        line(head, "joined: zeta")
        code, output = finish(start("cluster.logs", "qa", **machines.environment))
        assert code == 0, output
        with (tmp_path / "qa" / "trials" / "0000" / "metrics.csv").open() as file:
            assert [int(row["epoch"]) for row in csv.DictReader(file)] == [*range(1, epochs + 1)]
        children = descendants(head.pid)
        for _ in range(2):
            head.send_signal(signal.SIGINT)
            time.sleep(0.3)
        assert finish(head)[0] == 0
        until(lambda: not [child for child in children if command(child)])
    finally:
        end(head)


@pytest.mark.machines
def test_a_port_that_is_taken_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        head = start("cluster.head", "--address=127.0.0.1", f"--port={port}", "--member=zeta",
                     CAVIAR_CLUSTER=str(tmp_path))  # fmt: skip
        code, output = finish(head)
    assert code == 2
    assert f"port {port} of 127.0.0.1 cannot be had" in output
    assert "Traceback" not in output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.machines
@pytest.mark.parametrize(
    ("words", "rule"),
    [(["--member=a b"], "must be letters"), (["--address=203.0.113.9"], "cannot be had")],
)
def test_wrong_input_is_refused_in_a_line(tmp_path: Path, words: list[str], rule: str) -> None:
    head = start("cluster.head", "--port=1", *words, CAVIAR_CLUSTER=str(tmp_path))
    code, output = finish(head)
    assert code == 2
    assert rule in output
    assert len(output.splitlines()) <= 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.machines
def test_a_folder_that_cannot_be_written_is_refused_in_a_line() -> None:
    words = ("--address=127.0.0.1", f"--port={free_port()}", "--member=zeta")
    code, output = finish(start("cluster.head", *words, CAVIAR_CLUSTER="/proc/none"))
    assert code == 2
    assert "/proc/none, for the token and the log, cannot be written" in output
    assert len(output.splitlines()) == 1


@pytest.mark.parametrize("port", [99999, 65535, -1, 0])
def test_a_port_that_none_is_is_refused(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Head, "known", lambda: None)
    with pytest.raises(ConfigError, match=f"PORT={port} must be from 1 to 65534"):
        head("127.0.0.1", port, "zeta")
