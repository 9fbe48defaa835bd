"""A trial that is held goes on, ends or is found lost."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from sweeps.backend.stream import held_trials
from sweeps.backend.stream.held_trials import HeldTrials


class Controller:
    """Notes what Tune is asked to do."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def stop_trial(self, trial: str) -> None:
        self.asked.append(f"stop {trial}")

    def _schedule_trial_train(self, trial: str) -> None:
        self.asked.append(f"train {trial}")

    def _schedule_trial_task(self, trial: str, method: str, on_error: Any) -> None:
        self.asked.append(f"{method} {trial}")

    def _trial_task_failure(self) -> None:
        """Be there."""


@pytest.fixture
def controller() -> Controller:
    return Controller()


@pytest.fixture
def held(controller: Controller) -> HeldTrials:
    trials = HeldTrials()
    trials.hold("0000", controller, "a")
    return trials


def test_a_trial_is_held_until_there_is_a_verdict(held: HeldTrials, controller: Controller) -> None:
    held.look(lambda name: None)
    assert controller.asked == []
    held.look(lambda name: True)
    held.look(lambda name: True)
    assert controller.asked == ["stop a"]


def test_a_trial_that_is_not_to_end_after_all_goes_on(
    held: HeldTrials, controller: Controller
) -> None:
    held.look(lambda name: False)
    assert controller.asked == ["train a"]


def test_a_process_that_is_lost_meanwhile_is_noticed(
    held: HeldTrials, controller: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_trials, "_ALIVE_S", -1.0)
    held.hold("0000", controller, "a")
    held.look(lambda name: None)
    assert controller.asked == ["get_auto_filled_metrics a"]
    held.drop("0000")
    held.look(lambda name: True)
    assert controller.asked == ["get_auto_filled_metrics a"]


def test_tune_may_copy_it(held: HeldTrials) -> None:
    assert copy.deepcopy(held) is held
    assert isinstance(pickle.loads(pickle.dumps(held)), HeldTrials)
