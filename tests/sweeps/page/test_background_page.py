"""The process that makes a running sweep's page ends with whoever started it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from sweeps import ROOT
from sweeps.page.report_file import NAME
from tests.sweeps.transfer.test_previous_sweeps import LR, run


def started(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "sweeps.page.background_page", str(folder)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_makes_the_page_and_tells_its_cost(tmp_path: Path) -> None:
    run(tmp_path, "a", LR, trials=3).close()
    with started(tmp_path / "a") as process:
        assert process.stdout is not None
        assert float(process.stdout.read()) > 0
    assert process.returncode == 0
    assert (tmp_path / "a" / NAME).is_file()


def test_ends_when_its_input_does(tmp_path: Path) -> None:
    """A folder that is never read to its end: a pipe in the place of its record."""
    run(tmp_path, "a", LR, trials=1).close()
    study = tmp_path / "a" / "sweep.yaml"
    study.unlink()
    os.mkfifo(study)
    with started(tmp_path / "a") as process:
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait() == 1
    assert not (tmp_path / "a" / NAME).exists()
