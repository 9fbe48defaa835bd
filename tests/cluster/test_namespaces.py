"""A machine on a network of its own is reached until it is cut off, and again afterwards."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.cluster.namespaces import Host, network, why_none

pytestmark = pytest.mark.skipif(bool(why_none()), reason=why_none())

#: Prints what comes of a connection to an address at which nothing listens.
CONNECT = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], 9), timeout=1)
except OSError as error:
    print(type(error).__name__)
"""


def ran(host: Host, code: str, *words: str) -> str:
    command = [host.python, "-c", code, *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_a_machine_is_cut_off_and_back(tmp_path: Path) -> None:
    with network(tmp_path, 2) as (one, other):
        assert ran(other, CONNECT, one.address) == "ConnectionRefusedError"
        other.cut()
        assert ran(other, CONNECT, one.address) == "TimeoutError"
        other.mend()
        other.narrow(1000)
        assert ran(one, CONNECT, other.address) == "ConnectionRefusedError"
        other.narrow(0)


def test_only_the_first_machine_sees_what_is_hidden(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "file").touch()
    code = "import os, sys; print(os.listdir(sys.argv[1]))"
    with network(tmp_path, 2, hide=(tmp_path / "results",)) as (one, other):
        assert ran(one, code, str(tmp_path / "results")) == "['file']"
        assert ran(other, code, str(tmp_path / "results")) == "[]"
