"""A lock is one process's until it ends, however it ends, and names that process."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from sweeps.study.lock import Owner, Taken, hold
from tests.sweeps.study.test_study import elsewhere
from trainers.errors import ConfigError


def test_an_owner_goes_on_record_and_back() -> None:
    me = Owner.me()
    assert Owner.read(me.record) == me
    assert Owner.read(None) is None
    assert Owner.me() != me, "two drivers with the same process number are told apart"
    assert str(me) == f"process {os.getpid()} on {me.host}"
    assert str(Taken(me)) == str(me)
    assert str(Taken(None)) == "another process"


def test_a_lock_is_free_again_once_it_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "study.log.driver"
    me = Owner.me()
    descriptor = hold(path, "the study", me)
    assert path.read_text() == f"{me}\n"
    with pytest.raises(ConfigError, match=rf"^the study is in use by {me}: stop it first"):
        hold(path, "the study", Owner.me())
    os.close(descriptor)
    os.close(hold(path, "the study", me))


@pytest.mark.machines
def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    process = elsewhere(
        "import sys; from pathlib import Path\n"
        "from sweeps.study.lock import Owner, hold\n"
        f"hold(Path({str(path)!r}), 'x', Owner.me()); print('held', flush=True); sys.stdin.read()"
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    with pytest.raises(ConfigError, match=f"in use by process {process.pid} on "):
        hold(path, "x", Owner.me())
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    os.close(hold(path, "x", Owner.me()))


def test_a_folder_that_is_not_there_is_the_callers_to_explain(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        hold(tmp_path / "nowhere" / "lock", "x", Owner.me())
