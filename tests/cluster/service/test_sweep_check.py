"""A sweep is checked by a process that is ready for it, whatever becomes of that process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.service import sweep_check
from cluster.service.sweep_check import SweepCheck
from tests.sweeps.waiting import until
from trainers.errors import ConfigError

pytestmark = pytest.mark.machines


@pytest.fixture
def check() -> Iterator[SweepCheck]:
    check = SweepCheck()
    check.prepare()
    yield check
    check.end()


def process(check: SweepCheck) -> int:
    """That of its checks."""
    assert check._process is not None
    return check._process.pid


def test_one_process_checks_all_and_one_that_is_killed_is_replaced(
    check: SweepCheck, tmp_path: Path
) -> None:
    good, first = ["budget.trials=4", "name=a", f"results={tmp_path}"], process(check)
    for _ in range(2):
        with pytest.raises(ConfigError, match="lrr"):
            check(["optimizer.lrr=0.1"])
        check(good)
    check.prepare()
    assert process(check) == first
    os.kill(first, signal.SIGKILL)
    check(good)
    second = process(check)
    assert second != first
    check.end()
    assert not os.path.exists(f"/proc/{second}")


def test_a_check_that_never_ends_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "endless.py").write_text("import signal\nsignal.pause()\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(sweep_check, "_CHECK_S", 5)
    check = SweepCheck()
    try:
        with pytest.raises(ConfigError, match="took more than 5 s on the head"):
            check(["model._target_=endless.Model"])
    finally:
        check.end()


def test_a_check_that_is_killed_each_time_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    check = SweepCheck()
    monkeypatch.setattr(check, "prepare", lambda: _dead(check))
    with pytest.raises(ConfigError, match="was killed on the head, twice"):
        check(["name=a"])


def _dead(check: SweepCheck) -> None:
    """Start a process that ends before it answers."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    check._process = subprocess.Popen([sys.executable, "-c", ""], text=True, **pipes)


def test_it_ends_with_whoever_has_started_it() -> None:
    code = (
        "from cluster.service.sweep_check import SweepCheck as C; c = C(); c.prepare();"
        "print(c._process.pid, flush=True); input()"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        waiting = int(process.stdout.readline())
        process.kill()
    until(lambda: not os.path.exists(f"/proc/{waiting}"))
