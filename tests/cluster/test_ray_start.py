"""`ray start` is Ray's own, but for a server that nobody here uses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster.raylets import Machines
from tests.sweeps.processes import command, descendants

ROOT = Path(__file__).parents[2]


@pytest.mark.machines
def test_is_rays_own_program() -> None:
    words = [sys.executable, "-m", "cluster.ray_start", "start", "--help"]
    result = subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT)
    assert result.returncode == 0
    assert "--node-ip-address" in result.stdout


@pytest.mark.machines
def test_a_head_at_a_loopback_address_listens_nowhere_else(machines: Machines) -> None:
    import ray  # noqa: F401, I001  it brings psutil
    import psutil  # type: ignore[import-untyped]

    ours = {*descendants(machines.head.pid), machines.head.pid}
    found = [c for c in psutil.net_connections("tcp") if c.status == "LISTEN" and c.pid in ours]
    assert found
    assert machines.address.rpartition(":")[2] in {str(c.laddr.port) for c in found}
    for one in found:
        host = one.laddr.ip.removeprefix("::ffff:")
        assert host == "127.0.0.1", f"{command(one.pid)} listens at {one.laddr}"
        assert one.laddr.port != 10001, "Ray's client server"
