"""An epoch is shown, and ends its trial, once its checkpoint is in the folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sweeps.trials import State
from tests.sweeps.driver.sessions import HERE, DriverSession, Sit

THERE = replace(HERE, streams=True)


def tell(one: DriverSession, trial: str, epoch: int, value: float = 0.5) -> bool:
    metrics = {"val_accuracy": value, "epoch_s": 1.0}
    return one.driver.epoch(trial, epoch, metrics, THERE)


def test_the_tracker_hears_of_an_epoch_once_it_is_here(sit: Sit) -> None:
    one = sit()
    trial = one.next().trial
    assert not tell(one, trial, 1)
    assert one.record(trial).last_epoch == 1, "it is on record at once"
    one.driver.listen()
    assert one.tracker.epochs == []
    assert one.driver.arriving.any
    one.checkpoint(trial, 1)
    one.driver.listen()
    assert one.tracker.epochs == [(trial, 1, True)]
    assert not one.driver.arriving.any


def test_a_trial_ends_once_its_last_epoch_is_here(sit: Sit) -> None:
    one = sit()
    trial = one.next().trial
    for epoch in (1, 2):
        tell(one, trial, epoch)
        one.checkpoint(trial, epoch)
    assert not tell(one, trial, 3)
    assert one.driver.arriving.is_held(trial)
    assert one.driver.arrived(trial) is None
    assert one.record(trial).state is State.RUNNING
    assert len(one.driver.running) == 1, "it keeps its slot"
    one.checkpoint(trial, 3)
    one.driver.listen()
    assert one.driver.arrived(trial) is True
    assert one.record(trial).state is State.COMPLETE
    assert [epoch for _, epoch, _ in one.tracker.epochs] == [1, 2, 3]
    assert [state for _, state, _ in one.tracker.ended] == ["complete"]


def test_what_was_lost_on_its_way_is_trained_again_and_ends_then(sit: Sit) -> None:
    one = sit()
    trial = one.next().trial
    for epoch in (1, 2):
        tell(one, trial, epoch)
        one.checkpoint(trial, epoch)
    tell(one, trial, 3)
    # The machine is lost; another trains the epoch again.
    assert not tell(one, trial, 2)
    assert not tell(one, trial, 3)
    assert one.driver.arriving.is_held(trial)
    one.checkpoint(trial, 3)
    one.driver.listen()
    assert one.driver.arrived(trial) is True
    assert [epoch for _, epoch, _ in one.tracker.epochs] == [1, 2, 3], "each is shown once"


def test_a_session_goes_on_with_what_a_kill_took_on_its_way(sit: Sit) -> None:
    one = sit()
    trial = one.next().trial
    for epoch in (1, 2):
        tell(one, trial, epoch)
        one.checkpoint(trial, epoch)
    tell(one, trial, 3)  # its last
    (one.folder / "trials" / trial / ".lock").touch()  # as whoever trains
    two = sit()
    again = two.next()
    assert (again.trial, again.after) == (trial, 2), "not judged before its checkpoint is here"
    assert not tell(two, trial, 3)
    two.checkpoint(trial, 3)
    two.driver.listen()
    assert two.driver.arrived(trial) is True
    assert two.record(trial).state is State.COMPLETE


def test_a_session_that_ends_shows_what_has_not_arrived_without_its_checkpoint(
    sit: Sit, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = sit()
    trial = one.next().trial
    shown: list[Path | None] = []
    monkeypatch.setattr(
        one.tracker, "epoch", lambda t, e, m, checkpoint, b: shown.append(checkpoint)
    )
    tell(one, trial, 1)
    one.driver.close()
    assert shown == [None]


def test_where_the_folder_is_reached_nothing_waits(sit: Sit) -> None:
    one = sit()
    trial = one.next().trial
    one.epoch(trial, 1)
    assert one.tracker.epochs == [(trial, 1, True)]
    one.finish(one.next())
