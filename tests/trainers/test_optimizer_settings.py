"""A training goes on with its own settings from a state that was saved with others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import pytest

from trainers.config import TrainConfig
from trainers.data import resident
from trainers.device import pick_device
from trainers.fit import Epoch, fit
from trainers.learner import Learner

Compose = Callable[..., TrainConfig]
SCHEDULES = ("none", "cosine", "one_cycle", "exponential", "step", "two_stage", "plateau")


def after(config: TrainConfig, epoch: int) -> dict[str, Any]:
    """The state after an epoch."""
    for one in fit(config):
        if one.number == epoch:
            return one.state()
    raise AssertionError


def rates(epochs: list[Epoch]) -> list[float]:
    return [epoch.metrics["lr"] for epoch in epochs]


def loaded(config: TrainConfig, state: Mapping[str, Any]) -> Learner:
    one = Learner.begin(config, resident.load(config.data), pick_device(config))
    one.load(state)
    return one


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_its_learning_rate_is_used_from_its_first_epoch_on(schedule: str, small: Compose) -> None:
    words = (f"schedule={schedule}", "optimizer.lr=0.01", "device=cpu")
    state = after(small(*words), 2)
    same = rates(list(fit(small(*words), state)))
    own = rates(list(fit(small(*words, "optimizer.lr=0.03"), state)))
    assert own == pytest.approx([3 * lr for lr in same], rel=1e-9)
    whole = rates(list(fit(small(*words, "optimizer.lr=0.03"))))
    assert own == pytest.approx(whole[2:], rel=1e-9), "as if it had always been trained with it"


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle"])
def test_what_the_optimizer_was_given_is_what_it_has(schedule: str, small: Compose) -> None:
    words = (f"schedule={schedule}", "optimizer.weight_decay=0.5", "device=cpu")
    state = after(small(*words), 1)
    one = loaded(small(*words, "optimizer.weight_decay=0.1", "optimizer.betas=[0.8,0.99]"), state)
    group = one.optimizer.param_groups[0]
    assert group["weight_decay"] == 0.1
    assert list(group["betas"]) == [0.8, 0.99]
    assert group["lr"] == state["optimizer"]["param_groups"][0]["lr"]
    assert one.epoch == 1


def test_another_batch_size_stands_where_the_schedule_would(small: Compose) -> None:
    words = ("schedule=one_cycle", "device=cpu")
    state = after(small(*words), 2)
    whole = rates(list(fit(small(*words, "batch_size=20"))))
    own = list(fit(small(*words, "batch_size=20"), state))
    assert [epoch.number for epoch in own] == [3, 4]
    assert rates(own) == whole[2:]


def test_nothing_is_touched_where_nothing_differs(small: Compose) -> None:
    config = small("schedule=one_cycle", "schedule.cycle_momentum=true", "device=cpu")
    state = after(config, 2)
    again = loaded(config, state).state(2)
    assert again["optimizer"]["param_groups"] == state["optimizer"]["param_groups"]
    assert again["schedule"] == state["schedule"]


def test_a_state_of_an_older_version_can_be_gone_on_with(small: Compose) -> None:
    config = small("device=cpu")
    state = after(config, 2)
    older = {key: value for key, value in deepcopy(state).items() if key != "settings"}
    expected = [epoch.metrics["val_loss"] for epoch in fit(config, state)]
    assert [epoch.metrics["val_loss"] for epoch in fit(config, older)] == expected


def test_a_changed_schedule_is_followed_as_if_it_had_been_so_from_the_start(small: Compose) -> None:
    words = ("schedule=exponential", "optimizer.lr=1.0", "epochs=5", "device=cpu")
    state = after(small(*words, "schedule.gamma=0.5"), 2)
    own = rates(list(fit(small(*words, "schedule.gamma=0.1"), state)))
    assert own == pytest.approx([0.01, 0.001, 0.0001])


@pytest.mark.parametrize("schedule", [*SCHEDULES, "in_a_row", "annealing"])
def test_more_epochs_go_on_at_the_rates_of_a_training_planned_so(
    schedule: str, small: Compose
) -> None:
    def planned(epochs: int) -> TrainConfig:
        if schedule != "annealing":
            return small(f"schedule={schedule}", f"epochs={epochs}", "device=cpu")
        config = small(f"epochs={epochs}", "device=cpu")
        target = "torch.optim.lr_scheduler.CosineAnnealingLR"
        config.schedule = {"_target_": target, "_partial_": True, "T_max": epochs}
        return config

    more = rates(list(fit(planned(8), after(planned(4), 4))))
    assert more == rates(list(fit(planned(8))))[4:]
    assert min(more) > 0


def test_a_plateau_keeps_its_reductions(small: Compose) -> None:
    words = ("schedule=plateau", "schedule.patience=0", "schedule.threshold=1", "device=cpu")
    state = after(small(*words), 3)
    (reduced, *_) = rates(list(fit(small(*words), state)))
    (own, *_) = rates(list(fit(small(*words, "optimizer.lr=0.03", "schedule.factor=0.9"), state)))
    assert own == pytest.approx(0.03 * reduced / small().optimizer["lr"])
