"""A folder is its owner's alone, and is not left behind."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest

from sweeps.backend.private_folder import private_folder

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
