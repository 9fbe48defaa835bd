"""A checkout that nobody can write runs a sweep of a user who has no home."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.checkout_copy import copy_packages

ROOT = Path(__file__).resolve().parents[1]
NOBODY = 65534


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder whose way down from / is open to everybody, as pytest's own is not."""
    with tempfile.TemporaryDirectory(prefix="caviar-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def as_nobody(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("WANDB_", "XDG_", "RAY_"))}
    return subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env={**kept, "HOME": "/nonexistent", "USER": "nobody", "LOGNAME": "nobody"},
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


@pytest.mark.machines
@pytest.mark.skipif(os.getuid() != 0, reason="only root can run a command as somebody else")
def test_a_sweep_runs_from_it(shared: Path) -> None:
    checkout, results = shared / "checkout", shared / "results"
    checkout.mkdir()
    copy_packages(checkout)
    for path in (checkout, *checkout.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    results.mkdir()
    results.chmod(0o777)
    try:
        usable = as_nobody(checkout, "-c", "import ray, torch").returncode == 0
    except PermissionError:
        usable = False
    if not usable:
        pytest.skip("this Python is its owner's alone")
    before = sorted(checkout.rglob("*"))
    words = (f"results={results}", "name=s", "epochs=1", "budget.trials=1", "max_concurrent=1")
    done = as_nobody(checkout, "-m", "sweeps", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (results / "s" / "report.html").is_file()
    assert (results / "s" / "trials" / "0000" / "epoch_001" / "state.pt").is_file()
    assert "Traceback" not in done.stdout + done.stderr
    assert sorted(checkout.rglob("*")) == before
