"""A scratch folder is its process's alone, and does not outlive it for long."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from sweeps.backend.stream import scratch
from tests.sweeps.processes import ROOT

MAKE = """
import sys, time
from sweeps.backend.stream import scratch
print(scratch.make(sys.argv[1])[0], flush=True)
time.sleep(600)
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CAVIAR_SCRATCH", str(tmp_path / "scratch"))
    return tmp_path / "scratch"


def other(session: str) -> tuple[subprocess.Popen[str], Path]:
    """Another process, and its scratch folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", MAKE, session], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_is_private_and_where_it_was_asked_for(place: Path) -> None:
    folder, lock = scratch.make("ab")
    assert folder.parent == place
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    scratch.remove_left()
    assert folder.is_dir(), "its owner is alive"
    os.close(lock)
    scratch.remove_left()
    assert not folder.exists()


def test_what_a_kill_left_goes_with_the_next_and_what_is_in_use_stays(place: Path) -> None:
    killed, left = other("ab")
    alive, used = other("cd")
    try:
        (left / "0000").mkdir()
        (left / "0000" / "state.pt").touch()
        killed.send_signal(signal.SIGKILL)
        killed.communicate()
        assert left.is_dir()
        folder, lock = scratch.make("ef")
        assert sorted(place.iterdir()) == sorted([used, folder])
        os.close(lock)
        assert scratch.remove_left("cd") == 1, "one of the session's is in use"
        assert [*place.iterdir()] == [used], "those of other sessions are gone"
    finally:
        alive.kill()
        alive.communicate()
    assert scratch.remove_left("cd", wait_s=60.0) == 0
    assert [*place.iterdir()] == []


def test_a_link_and_a_removal_cut_short_do_no_harm(place: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").touch()
    place.mkdir()
    (place / "caviar-scratch-ab-link").symlink_to(precious)
    (place / "caviar-scratch-ab-half").mkdir()
    scratch.remove_left()
    assert (precious / "file").exists()
    assert [path.name for path in place.iterdir()] == ["caviar-scratch-ab-link"]


def test_a_full_disk_leaves_nothing(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*given: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(scratch.fcntl, "flock", full)
    with pytest.raises(OSError, match="No space"):
        scratch.make("ab")
    assert [*place.iterdir()] == []
