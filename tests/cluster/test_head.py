"""A head that cannot be started says why in a line, and leaves no trace."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from cluster.head import head
from sweeps.backend.known_head import Head
from tests.cluster.raylets import free_port
from tests.sweeps.processes import finish, start
from trainers.errors import ConfigError


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
    [(["--member=a b"], "must be up to 63 letters"), (["--address=203.0.113.9"], "cannot be had")],
)
def test_wrong_input_is_refused_in_a_line(tmp_path: Path, words: list[str], rule: str) -> None:
    head = start("cluster.head", "--port=1", *words, CAVIAR_CLUSTER=str(tmp_path))
    code, output = finish(head)
    assert code == 2
    assert rule in output
    assert len(output.splitlines()) <= 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.machines
@pytest.mark.parametrize(
    ("members", "rule"),
    [
        ("alpha: {weight: 0}", "all weights are 0"),
        ("alpha: {wieght: 2}", "did you mean weight"),
        ("alpha: {hours: 25-3}", "must be two full hours"),
    ],
)
def test_members_that_cannot_be_are_refused_in_a_line(
    members: str, rule: str, tmp_path: Path
) -> None:
    (tmp_path / "members.yaml").write_text(members)
    words = ("--address=127.0.0.1", f"--port={free_port()}", "--member=zeta")
    code, output = finish(start("cluster.head", *words, CAVIAR_CLUSTER=str(tmp_path)))
    assert code == 2
    assert rule in output
    assert len(output.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["members.yaml"]


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
