"""Folders of checkpoints are moved to their place whole, and removed whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from trainers.files import checkpoint_folders


def filled(final: Path, text: str) -> Path:
    folder = checkpoint_folders.temporary(final)
    folder.mkdir()
    (folder / "state.pt").write_text(text)
    return folder


def test_one_takes_the_place_of_the_other(tmp_path: Path) -> None:
    final = tmp_path / "epoch_002"
    for text in ("first", "second"):
        checkpoint_folders.move_to(final, filled(final, text))
    assert (final / "state.pt").read_text() == "second"
    assert checkpoint_folders.saved(tmp_path) == {2: final}
    assert [path.name for path in tmp_path.iterdir()] == ["epoch_002"]


def test_what_a_kill_left_half_done_is_undone(tmp_path: Path) -> None:
    final = tmp_path / "epoch_002"
    checkpoint_folders.move_to(final, filled(final, "first"))
    filled(final, "second")
    final.rename(tmp_path / ".old_epoch_002_abcd")  # killed before the second took its place
    assert checkpoint_folders.saved(tmp_path) == {}
    checkpoint_folders.clean(tmp_path)
    assert (final / "state.pt").read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["epoch_002"]


@pytest.mark.parametrize("name", ["epoch_1", "epoch_002x", ".tmp_epoch_002_ab", "epoch_"])
def test_other_folders_are_none(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    assert checkpoint_folders.saved(tmp_path) == {}


def test_one_that_is_set_aside_is_kept(tmp_path: Path) -> None:
    final = tmp_path / "epoch_002"
    checkpoint_folders.move_to(final, filled(final, "other"))
    aside = checkpoint_folders.set_aside(final)
    checkpoint_folders.clean(tmp_path)
    assert (aside / "state.pt").read_text() == "other"


def test_no_torch_is_loaded() -> None:
    code = "import sys; import trainers.files.checkpoint_folders\nprint('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
