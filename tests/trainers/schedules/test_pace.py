"""A schedule is stepped as its kind requires, and found where an epoch left it."""

from __future__ import annotations

import pytest
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, ReduceLROnPlateau

from trainers.data.data_fraction import Lengths
from trainers.schedules import constant
from trainers.schedules.pace import Pace


def optimizer() -> torch.optim.SGD:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=2.0)


def test_a_plateau_is_given_its_metric() -> None:
    one = optimizer()
    schedule = ReduceLROnPlateau(one, mode="min", factor=0.1, patience=1)
    pace = Pace(schedule, by_batch=False, metric="val_loss")
    assert pace.follows_metric
    for loss in (0.5, 0.4, 0.4, 0.4):
        pace.after_batch()
        pace.after_epoch({"val_loss": loss, "val_accuracy": 1 - loss})
    assert one.param_groups[0]["lr"] == pytest.approx(0.2)


def test_batches_are_counted_where_they_matter_only() -> None:
    for by_batch, expected in ((True, 3), (False, 1)):
        one = optimizer()
        pace = Pace(constant(one), by_batch)
        one.step()
        for _ in range(3):
            pace.after_batch()
        pace.after_epoch({})
        assert pace.schedule.last_epoch == expected


@pytest.mark.parametrize("by_batch", [True, False])
def test_going_to_an_epoch_is_stepping_up_to_it(by_batch: bool) -> None:
    lengths = Lengths(1, 2, 5)
    paces = [Pace(CosineAnnealingLR(optimizer(), T_max=9), by_batch, lengths) for _ in range(2)]
    stepped, sent = paces
    for batches in (2, 5, 5):
        for _ in range(batches):
            stepped.schedule.optimizer.step()
            stepped.after_batch()
        stepped.after_epoch({})
    sent.go_to(3)
    assert sent.schedule.state_dict() == stepped.schedule.state_dict()
    rates = [pace.schedule.optimizer.param_groups[0]["lr"] for pace in paces]
    assert rates[0] == rates[1] < 2.0
