"""Names, addresses and tokens of a cluster; a Ray that does not start says why."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from cluster.machine.processes import started
from cluster.node import split_address, token
from tests.sweeps.processes import ROOT
from trainers.errors import ConfigError

#: Runs, in the place of Ray, a program that leaves a process behind and ends.
ENDS = """
import sys
from pathlib import Path
from cluster import node
node.plain_python = lambda folder: sys.argv[1]
with node.ray_node([], {}, Path(sys.argv[2])) as ray:
    ray.process.wait()
"""


def test_an_address_is_a_host_and_a_port() -> None:
    assert split_address("10.0.0.5:26379", "HEAD") == ("10.0.0.5", 26379)


@pytest.mark.parametrize("text", ["", "10.0.0.5", ":26379", "10.0.0.5:", "10.0.0.5:x", "a:0"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="HEAD"):
        split_address(text, "HEAD")


def test_a_token_is_made_once_and_its_owners_alone(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="token"):
        token(tmp_path)
    made = token(tmp_path, create=True)
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    secret = made.read_text()
    assert len(secret) >= 32
    assert token(tmp_path, create=True).read_text() == secret
    assert token(tmp_path) == made


def test_what_a_ray_has_left_that_ended_by_itself_is_ended(tmp_path: Path) -> None:
    note, ray = tmp_path / "left", tmp_path / "ray"
    ray.write_text(f"#!/bin/sh\nsetsid sleep 1000 &\necho $! > {note}\nexit 1\n")
    ray.chmod(0o755)
    words = [sys.executable, "-c", ENDS, str(ray), str(tmp_path / "log")]
    subprocess.run(words, check=True, cwd=ROOT)
    assert started(int(note.read_text())) == ""
