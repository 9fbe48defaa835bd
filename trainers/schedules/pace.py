"""Step a schedule of any kind as its kind requires: after every batch, or after every epoch."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from trainers.data.data_fraction import Lengths

#: For schedules that do not count batches.
_ONE_BATCH = Lengths(0, 1, 1)


@dataclass(frozen=True)
class Pace:
    """Steps a schedule after every batch or after every epoch.

    Attributes:
        schedule: schedule of PyTorch or of this package, whose state a checkpoint keeps.
        by_batch: whether the schedule counts batches.
        lengths: number of batches of each epoch.
        metric: metric that a plateau is judged by; empty for any other schedule.
    """

    schedule: LRScheduler
    by_batch: bool
    lengths: Lengths = _ONE_BATCH
    metric: str = ""

    @property
    def follows_metric(self) -> bool:
        """Whether the rate depends on the results of the epochs, not on their number alone."""
        return isinstance(self.schedule, ReduceLROnPlateau)

    def after_batch(self) -> None:
        """Step a schedule that counts batches."""
        if self.by_batch:
            self.schedule.step()

    def after_epoch(self, metrics: Mapping[str, float]) -> None:
        """Step a schedule that counts epochs, or is judged by a metric of the epoch."""
        if isinstance(self.schedule, ReduceLROnPlateau):
            self.schedule.step(metrics[self.metric])
        elif not self.by_batch:
            self.schedule.step()

    def go_to(self, epoch: int) -> None:
        """Step a schedule that has just been made to where it stands after an epoch."""
        steps = self.lengths.upto(epoch) if self.by_batch else epoch
        with warnings.catch_warnings():
            # PyTorch misses the steps of the optimizer, which were taken in another process.
            warnings.filterwarnings("ignore", "Detected call of `lr_scheduler.step")
            for _ in range(steps):
                self.schedule.step()
