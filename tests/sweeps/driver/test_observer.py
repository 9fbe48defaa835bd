"""The display hears all that a driver tells, and a driver can do without one."""

from __future__ import annotations

import inspect

import pytest

from sweeps.console.live import Progress
from sweeps.driver.budget import Spent
from sweeps.driver.observer import Observer
from sweeps.trials import State, TrialRecord

EVENTS = [name for name, _ in inspect.getmembers(Observer, inspect.isfunction) if name[0] != "_"]


@pytest.mark.parametrize("event", EVENTS)
def test_the_display_shows_every_event(event: str) -> None:
    assert issubclass(Progress, Observer)
    assert event in vars(Progress), f"{event} would be shown nowhere"


def test_one_that_shows_nothing_takes_every_event() -> None:
    observer, trial = Observer(), TrialRecord("0000", 0, State.RUNNING)
    observer.started(trial)
    observer.epoch("0000", 1, {"val_accuracy": 0.5}, "atlas")
    observer.paused("0000")
    observer.ended(trial)
    observer.spent(Spent(trials=1, hours=0.0, gpu_hours=0.0, epochs=1))
    observer.repeats_planned(3)
    observer.notify("hello")
    assert vars(observer) == {}
