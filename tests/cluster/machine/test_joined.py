"""A machine joins once from a checkout, and whoever wants to join again is told who has."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest

from cluster.machine.joined import Joined, joined, once
from trainers.errors import ConfigError


def test_a_second_one_is_refused_and_the_first_is_named(tmp_path: Path) -> None:
    assert joined(tmp_path) is None
    with once("10.0.0.5:26379", "alpha", tmp_path):
        assert joined(tmp_path) == Joined(os.getpid(), "10.0.0.5:26379", "alpha")
        told = re.escape(f"(process {os.getpid()}, as alpha at 10.0.0.5:26379): make leave")
        with (
            pytest.raises(ConfigError, match=told),
            once("10.0.0.6:26379", "beta", tmp_path),
        ):
            raise AssertionError
        assert joined(tmp_path) is not None, "the first one is still there"
    assert joined(tmp_path) is None
    with once("10.0.0.5:26379", "alpha", tmp_path):
        pass


def test_what_a_kill_has_left_hinders_nobody(tmp_path: Path) -> None:
    with once("10.0.0.5:26379", "alpha", tmp_path):
        [path] = tmp_path.iterdir()
        content = path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_text(content)
    assert joined(tmp_path) is None
    with once("10.0.0.5:26379", "alpha", tmp_path):
        path.write_text("{")
        assert joined(tmp_path) is None
        with (
            pytest.raises(ConfigError, match="by another process"),
            once("10.0.0.5:26379", "alpha", tmp_path),
        ):
            raise AssertionError
