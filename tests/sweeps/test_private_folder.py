"""A folder is its owner's alone, and is not left behind."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from sweeps import private_folder as module
from sweeps.private_folder import private_folder
from trainers.errors import ConfigError

PREFIX = "caviar-test-"


def test_the_folder_of_a_killed_process_is_swept_away(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = Path(f"/tmp/{PREFIX}99999999")  # no process has such a number
    gone.mkdir(exist_ok=True)
    (gone / "socket").touch()
    alive = Path(f"/tmp/{PREFIX}{os.getppid()}")
    alive.mkdir(exist_ok=True)
    try:
        with private_folder(PREFIX) as folder:
            assert not gone.exists()
            assert alive.exists()
            assert folder.name == f"{PREFIX}{os.getpid()}"
            assert folder.stat().st_mode & 0o077 == 0
        assert not folder.exists()
    finally:
        with suppress(FileNotFoundError):
            alive.rmdir()


def test_what_a_process_of_another_container_has_locked_stays(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, short: Path
) -> None:
    """It shares the place, and its number may be nobody's here, or even ours."""
    theirs = [short / f"{PREFIX}{number}" for number in (99999999, os.getpid())]
    locks = []
    for path in theirs:
        path.mkdir()
        (path / "socket").touch()
        locks.append(os.open(path, os.O_RDONLY))
        fcntl.flock(locks[-1], fcntl.LOCK_EX)
    other = short / "o"
    other.mkdir()
    places(monkeypatch, short, other)
    with private_folder(PREFIX) as folder:
        assert folder.parent == other
        with monkeypatch.context() as patch:
            patch.setattr(module.os, "kill", _nobody)  # as seen from there
            module._remove_left(other, PREFIX)
        assert folder.is_dir()
    assert all((path / "socket").is_file() for path in theirs)
    for lock in locks:
        os.close(lock)


def _nobody(process: int, signal: int) -> None:
    raise ProcessLookupError


def test_that_of_a_process_is_made_once_and_goes_with_it() -> None:
    """A killed one leaves it to the next."""
    code = (
        "import os, sys\n"
        "from sweeps.private_folder import folder_of_process\n"
        f"made = folder_of_process('{PREFIX}')\n"
        f"assert made == folder_of_process('{PREFIX}')\n"
        "(made / 'file').touch()\n"
        "print(made, flush=True)\n"
        "os.kill(os.getpid(), 9) if sys.argv[1:] else None"
    )

    def ran(*words: str) -> Path:
        command = [sys.executable, "-c", code, *words]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        assert done.returncode == (-9 if words else 0)
        return Path(done.stdout.strip())

    killed = ran("killed")
    assert (killed / "file").is_file()
    ended = ran()
    assert not killed.exists()
    assert ended.name.startswith(PREFIX)
    assert not ended.exists()


@pytest.fixture
def short() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="p") as folder:
        yield Path(folder)


def places(monkeypatch: pytest.MonkeyPatch, *paths: Path) -> None:
    monkeypatch.setattr(module, "_places", lambda: list(paths))


def test_is_in_the_first_place_that_can_be_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, short: Path
) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    taken = short / "taken"
    taken.mkdir()
    (taken / f"{PREFIX}{os.getpid()}").touch()  # as if it were somebody else's: it stays
    places(monkeypatch, short / "none", long, taken, short)
    with private_folder(PREFIX) as folder:
        assert folder == short / f"{PREFIX}{os.getpid()}"
        assert list(folder.iterdir()) == []
    assert list(long.iterdir()) == []
    assert [path.name for path in short.iterdir()] == ["taken"]


def test_a_place_without_room_is_passed_over(monkeypatch: pytest.MonkeyPatch, short: Path) -> None:
    full, roomy = short / "f", short / "r"
    full.mkdir()
    roomy.mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(
            module, "why_unwritable", lambda path, room: "full" if path.parent == full else None
        )
        places(monkeypatch, full, roomy)
        with private_folder(PREFIX) as folder:
            assert folder.parent == roomy
    assert list(full.iterdir()) == []


def test_without_any_place_each_is_named_with_its_fault(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, short: Path
) -> None:
    places(monkeypatch, short / "none", tmp_path / ("x" * 100))
    with pytest.raises(ConfigError) as refusal, private_folder(PREFIX):
        pass
    message = str(refusal.value)
    assert f"{short / 'none'}: No such file or directory; " in message
    assert "its path is too long" in message
    assert "set TMPDIR" in message
    assert len(message.splitlines()) == 1


def test_tmpdir_comes_after_tmp(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "/scratch/me")
    listed = ["/tmp", "/scratch/me", "/var/tmp", "/dev/shm"]
    assert [str(place) for place in module._places()] == listed
    monkeypatch.delenv("TMPDIR")
    assert [str(place) for place in module._places()] == ["/tmp", "/var/tmp", "/dev/shm"]


def test_the_longest_socket_of_ray_fits() -> None:
    ours = f"/caviar-ray-{2**22}/ray"  # Linux has no larger number of a process
    rays = f"/session_2026-11-29_01-34-59_014570_{2**22}/sockets/plasma_store"
    assert module._LONGEST + len(ours + rays) == 107
