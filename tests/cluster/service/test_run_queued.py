"""A driver of the queue prints to a log of its owner's alone; a lost one's sweep goes on."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest

from cluster.service import run_queued
from cluster.service.queue import Queued
from cluster.service.run_queued import log_of
from tests.sweeps.processes import finish, start


@pytest.mark.machines
def test_what_is_not_in_the_queue_is_not_run(tmp_path: Path) -> None:
    driver = start("cluster.service.run_queued", "a b", CAVIAR_CLUSTER=str(tmp_path))
    assert finish(driver) == (2, "")
    log = log_of(tmp_path, "a b")
    assert log.read_text() == "error: a b is not in the queue any more\n"
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert stat.S_IMODE(log.parent.stat().st_mode) == 0o700


def test_a_sweep_whose_driver_was_lost_trusts_whom_its_member_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").mkdir()
    monkeypatch.setattr(run_queued.resume, "main", lambda: None)
    monkeypatch.setattr(sys, "argv", ["run_queued", "a"])
    words = ("epochs=9", "model._target_=mylab.Net", "name=a")
    run_queued._run(Queued("a", "alpha", words, False, str(tmp_path)))
    assert sys.argv[1:] == ["a", "trust=[mylab]", f"results={tmp_path}"]
