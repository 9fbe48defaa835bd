"""Where a sweep's Ray comes from, and what it leaves."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from sweeps.backend.ray_session import plain_python, private_folder
from tests.sweeps.processes import finish, start


@pytest.mark.machines
def test_runs_from_a_path_with_a_space_in_it(tmp_path: Path) -> None:
    # Ray hands its workers to a shell, which would split the path of Python.
    spaced = tmp_path / "a path" / "venv"
    spaced.parent.mkdir()
    spaced.symlink_to(sys.prefix)
    words = ("track=none", "search=grid", "space=null", "model.width=8,16", "epochs=1")
    python = str(spaced / "bin" / "python")
    process = start("sweeps", *words, f"results={tmp_path}", python=python)
    code, output = finish(process)
    assert code == 0, output
    assert "2 of 2 trials ended" in output
    assert not Path(f"/tmp/caviar-ray-{process.pid}").exists()


def test_a_plain_path_needs_no_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/opt/env/bin/python3.12")
    assert plain_python(tmp_path) == "/opt/env/bin/python3.12"
    monkeypatch.setattr(sys, "executable", "/opt/my env/bin/python3.12")
    assert plain_python(tmp_path) == str(tmp_path / "venv/bin/python3.12")
    assert os.readlink(tmp_path / "venv") == "/opt/my env"


def test_the_folder_of_a_killed_process_is_swept_away(monkeypatch: pytest.MonkeyPatch) -> None:
    # The folder of this process may have the Ray in it that other tests run on. That of a process
    # that is gone, whoever starts a Ray sweeps away, at any time.
    alive = os.getppid()
    monkeypatch.setattr(os, "getpid", lambda: alive)
    gone = Path("/tmp/caviar-ray-999999999")
    gone.mkdir(exist_ok=True)
    with suppress(FileNotFoundError):
        (gone / "socket").touch()
    with private_folder() as folder:
        assert not gone.exists()
        assert folder.stat().st_mode & 0o077 == 0
    assert not folder.exists()
