"""A sweep is checked by a process that is ready for it, whatever becomes of that process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

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


def ready(check: SweepCheck) -> int:
    """The process of its next check."""
    assert check._next is not None
    return check._next.pid


def test_what_is_wrong_is_told_and_what_is_right_is_not(check: SweepCheck, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="lrr"):
        check(["optimizer.lrr=0.1"])
    check(["budget.trials=4", "name=a", f"results={tmp_path}"])


def test_a_process_that_was_killed_while_it_waited_is_replaced(
    check: SweepCheck, tmp_path: Path
) -> None:
    os.kill(ready(check), signal.SIGKILL)
    check(["budget.trials=4", "name=a", f"results={tmp_path}"])


def test_one_is_ready_until_the_end(check: SweepCheck, tmp_path: Path) -> None:
    first = ready(check)
    check(["budget.trials=4", "name=a", f"results={tmp_path}"])
    second = ready(check)
    assert first != second
    check.prepare()
    assert ready(check) == second
    check.end()
    assert not os.path.exists(f"/proc/{second}")


def test_it_ends_with_whoever_has_started_it() -> None:
    code = (
        "from cluster.service.sweep_check import SweepCheck as C; c = C(); c.prepare();"
        "print(c._next.pid, flush=True); input()"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        waiting = int(process.stdout.readline())
        process.kill()
    until(lambda: not os.path.exists(f"/proc/{waiting}"))
