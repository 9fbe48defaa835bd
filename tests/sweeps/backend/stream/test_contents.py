"""Only a training's own files are sent, whatever lies beside them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from sweeps.backend.stream import contents


@pytest.mark.parametrize(
    "name",
    [
        "epoch_007/state.pt",
        "epoch_1000/epoch.json",
        ".refused_epoch_007_0a1b2c3d/state.pt",
        "metrics.csv",
        "log",
        "histograms/epoch_007.json",
        "runs/2/metrics.csv",
        "runs/12/epoch_007/state.pt",
    ],
)
def test_belongs(name: str) -> None:
    assert contents.is_file(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/etc/passwd",
        "../0001/epoch_007/state.pt",
        "epoch_007/../../x/state.pt",
        "epoch_007/state.pt\n",
        "epoch_007/other.py",
        "epoch_007",
        "epoch_\u0660\u0660\u0667/state.pt",
        "config.yaml",
        ".lock",
        "runs/0/metrics.csv",
        "runs/2/runs/3/metrics.csv",
        "histograms/../log",
        "./log",
        "log/",
    ],
)
def test_does_not_belong(name: str) -> None:
    assert not contents.is_file(name)
    assert not contents.is_checkpoint("../epoch_007")


def test_finds_what_there_is_and_follows_no_link(tmp_path: Path) -> None:
    for name in ("epoch_001/state.pt", "epoch_001/epoch.json", "metrics.csv", "config.yaml",
                 "histograms/epoch_001.json", "runs/2/epoch_001/state.pt", "runs/2/metrics.csv",
                 "other/state.pt", "runs/x/metrics.csv"):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "log").symlink_to("/etc/passwd")
    (tmp_path / "epoch_002").symlink_to(tmp_path / "other")
    (tmp_path / "epoch_001" / "epoch.json").unlink()
    (tmp_path / "epoch_001" / "epoch.json").symlink_to("/etc/passwd")
    assert contents.runs(tmp_path) == ["", "runs/2/"]
    assert contents.loose_files(tmp_path).keys() == {
        "metrics.csv", "histograms/epoch_001.json", "runs/2/metrics.csv",
    }  # fmt: skip
    assert contents.checkpoints(tmp_path).keys() == {"epoch_001", "runs/2/epoch_001"}
    assert contents.files_of(tmp_path, "epoch_001") == {"epoch_001/state.pt": 18}


def test_a_checkpoint_that_is_replaced_is_another(tmp_path: Path) -> None:
    folder = tmp_path / "epoch_001"

    def write(at: int) -> None:
        folder.mkdir()
        (folder / "state.pt").touch()
        (folder / "epoch.json").write_text("{}")
        os.utime(folder / "epoch.json", ns=(at, at))

    write(at=0)
    before = contents.checkpoints(tmp_path)
    (folder / "state.pt").unlink()
    assert contents.checkpoints(tmp_path) == before, "its state was dropped here"
    shutil.rmtree(folder)
    write(at=10**9)  # perhaps with the same inodes: file systems give them again
    assert contents.checkpoints(tmp_path) != before
