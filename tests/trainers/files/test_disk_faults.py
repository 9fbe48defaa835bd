"""A full or read-only disk is told from what is wrong with a training."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from trainers.files.disk_faults import of_disk, why_unwritable


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO, errno.EACCES])
def test_an_error_of_a_disk_is_found_behind_others(number: int) -> None:
    error = OSError(number, os.strerror(number), "file")
    assert of_disk(error) is error
    outer = RuntimeError("cannot save")
    outer.__cause__ = error
    assert of_disk(outer) is error
    last = ValueError("while that was handled")
    last.__context__ = outer
    assert of_disk(last) is error


def test_others_are_none() -> None:
    assert of_disk(ValueError("no")) is None
    assert of_disk(FileNotFoundError(errno.ENOENT, "gone", "file")) is None
    circle = ValueError("a")
    circle.__context__ = RuntimeError("b")
    circle.__context__.__context__ = circle
    assert of_disk(circle) is None


def test_a_folder_with_room_is_left_as_it_was(tmp_path: Path) -> None:
    assert why_unwritable(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_or_has_no_room_says_so(tmp_path: Path) -> None:
    why = why_unwritable(tmp_path / "none")
    assert why is not None
    assert why.startswith("No such file or directory")
    path = tmp_path / "epoch_001"
    path.mkdir()
    with (path / "state.pt").open("wb") as file:
        file.truncate(2**40)  # as large as no disk: it has no bytes in it
    why = why_unwritable(tmp_path)
    assert why is not None
    assert "MB are needed" in why
    assert [p.name for p in tmp_path.iterdir()] == ["epoch_001"]
