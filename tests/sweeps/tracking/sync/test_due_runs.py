"""What is due is what the record and the disk have, and no secret is among it."""

from __future__ import annotations

import shutil
from pathlib import Path

from sweeps.tracking.sync.due_runs import DueRun, DueRuns
from tests.sweeps.tracking.tracked import CONFIG, trained


def due(folder: Path, **config: object) -> DueRun:
    runs = DueRuns("s", "uid", folder)
    runs.trial_started("0000", {**CONFIG, **config}, 0)
    for epoch in (1, 2, 3):
        checkpoint, metrics = trained("0000", folder, epoch)
        runs.epoch("0000", epoch, metrics, checkpoint, epoch <= 2)
    return runs.runs["0000"]


def test_checkpoints_are_those_on_record_that_are_on_disk(folder: Path) -> None:
    run = due(folder)
    trained("0000", folder, 4)  # which its driver never heard of
    assert [set(one.aliases) for one in run.checkpoints("all")] == [
        {"epoch-1"},
        {"epoch-2", "best"},
        {"epoch-3"},
    ]
    assert [one.metadata["epoch"] for one in run.checkpoints("best")] == [2]
    assert run.checkpoints("none") == []


def test_a_checkpoint_that_was_to_be_kept_and_is_not_there_is_gone(folder: Path) -> None:
    run = due(folder)
    shutil.rmtree(folder / "trials" / "0000" / "epoch_001")
    assert (run.gone("all"), run.gone("best"), run.gone("none")) == ({1}, set(), set())
    kept = due(folder, checkpoint={"keep": "best_and_last"})
    shutil.rmtree(folder / "trials" / "0000" / "epoch_001")
    assert kept.gone("all") == set()


def test_secrets_are_hidden_and_a_trial_is_interrupted_until_it_ends(folder: Path) -> None:
    run = due(folder)
    assert "hunter2" not in str(run)
    assert not run.ended
    runs = DueRuns("s", "uid", folder)
    runs.trial_started("0000", {}, 0)
    runs.trial_ended("0000", "failed", "redis://:hunter2@host", {})
    assert (runs.runs["0000"].ended, runs.runs["0000"].reason) == (True, "redis://:***@host")
