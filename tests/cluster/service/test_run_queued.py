"""A driver of the queue prints to a log of its owner's alone."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

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
