"""A driver of the queue prints to a log of its owner's alone."""

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


@pytest.mark.parametrize(
    ("words", "goes_on", "kept"),
    [
        (["epochs=3", "model.width=16"], False, []),
        (["epochs=3", "trust=[theirs]"], False, ["trust=[theirs]"]),
        (["epochs=3", "activation._target_=mylab.Wavy"], False, ["trust=[mylab]"]),
        (
            ["trust=[a,b]", "activation._target_=mylab.Wavy", "model._target_=a.Net"],
            False,
            ["trust=[a,b,mylab]"],
        ),
        (["budget.trials=40", "trust=[a]"], True, ["budget.trials=40", "trust=[a]"]),
    ],
)
def test_a_sweep_that_has_begun_goes_on_by_its_members_word_whose_code_may_run(
    words: list[str],
    goes_on: bool,
    kept: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "a").mkdir()
    said: list[list[str]] = []
    monkeypatch.setattr(sys, "argv", ["run_queued", "a"])
    monkeypatch.setattr(run_queued.resume, "main", lambda: said.append(sys.argv[1:]))
    run_queued._run(Queued("a", "alpha", tuple(words), goes_on, str(tmp_path)))
    assert said == [["a", *kept, f"results={tmp_path}"]]
