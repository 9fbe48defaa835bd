"""Add up what is measured over a pass, on the device until it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from trainers.config import TrainConfig
from trainers.config.targets import instantiate, settings_refused
from trainers.data.dataset import Dataset, Numbers
from trainers.errors import ConfigError
from trainers.measures import loss
from trainers.measures.loss import Loss

#: Keys of conf/metric/ that are not the target's: what the metric is called, and its best value.
OWN_KEYS = ("name", "mode")


@dataclass(frozen=True)
class Measure:
    """Describes what a training is measured by.

    Attributes:
        numbers: what is predicted; None: classes.
        own: metric of the whole validation part; None: none but the usual ones.
    """

    config: TrainConfig
    loss: Loss
    numbers: Numbers | None
    own: Callable[[Tensor, Tensor], Any] | None = None

    @classmethod
    def of(cls, config: TrainConfig, dataset: Dataset, device: torch.device) -> Measure:
        """Build what a configuration asks for.

        Raises:
            ConfigError: what cannot be built, or data of another kind than the task's.
        """
        if config.task.of_classes and dataset.numbers is not None:
            raise ConfigError(
                f"task={config.task.name} predicts classes, and the data has numbers: "
                "task=regression"
            )
        if not config.task.of_classes and dataset.numbers is None:
            raise ConfigError(
                f"task={config.task.name} predicts numbers, and the data has classes: task=classes"
            )
        own = None
        if config.metric:
            node = {key: value for key, value in config.metric.items() if key not in OWN_KEYS}
            own = instantiate("metric", {**node, "_partial_": True})
        return cls(config, loss.build(config, dataset.outputs, device), dataset.numbers, own)

    def begin(self, device: torch.device, whole: bool = False) -> Sums:
        """Begin a pass; `whole` keeps all outputs, for the metric of one's own."""
        count = 0 if self.numbers is None else len(self.numbers.names)
        right = torch.zeros((), dtype=torch.int64, device=device) if not count else None
        errors = torch.zeros(4, count, device=device) if count else None
        kept: list[tuple[Tensor, Tensor]] | None = [] if whole and self.own is not None else None
        return Sums(self, torch.zeros((), device=device), right, errors, kept)

    def apply_own(self, outputs: Tensor, targets: Tensor) -> float:
        """Compute the metric of one's own.

        Raises:
            ConfigError: it makes no number of them.
        """
        assert self.own is not None
        if self.numbers is not None:
            outputs, targets = self.numbers.restored(outputs), self.numbers.restored(targets)
        with settings_refused("metric", self.config.metric):
            return float(self.own(outputs, targets))


@dataclass
class Sums:
    """Holds the sums of a pass.

    Attributes:
        loss: () float32, sum of the examples' losses.
        right: () int64, number of examples that were classified right; None for numbers.
        errors: (4, K) float32, sums of each number's absolute and squared errors, of the numbers
            and of their squares; None for classes.
        kept: outputs and targets of each batch, if the metric of one's own is to be computed.
    """

    measure: Measure
    loss: Tensor
    right: Tensor | None
    errors: Tensor | None
    kept: list[tuple[Tensor, Tensor]] | None
    count: int = field(default=0, init=False)

    def add(self, loss: Tensor, times: int, outputs: Tensor, targets: Tensor) -> None:
        """Add a batch: a loss that counts `times`."""
        self.loss.add_(loss, alpha=times)
        self.count += len(targets)
        if self.right is not None:
            self.right += (outputs.argmax(1) == targets).sum()
        elif self.errors is not None:
            off = outputs.float() - targets
            rows = (off.abs(), off.square(), targets, targets.square())
            self.errors += torch.stack([row.sum(0) for row in rows])
        if self.kept is not None:
            self.kept.append((outputs, targets))

    def metrics(self, part: str) -> dict[str, float]:
        """Return the means, named after the part; waits for the device."""
        found = {f"{part}_loss": float(self.loss) / self.count}
        if self.right is not None:
            found[f"{part}_accuracy"] = int(self.right) / self.count
        elif self.errors is not None and self.measure.numbers is not None:
            r2, mae = _of_numbers(self.errors, self.count, self.measure.numbers)
            found |= {f"{part}_r2": r2, f"{part}_mae": mae}
        if self.kept is not None:
            outputs, targets = (torch.cat(each) for each in zip(*self.kept, strict=True))
            name = self.measure.config.metric["name"]
            found[f"{part}_{name}"] = self.measure.apply_own(outputs, targets)
        return found


def _of_numbers(errors: Tensor, count: int, numbers: Numbers) -> tuple[float, float]:
    """Compute R² and the mean absolute error in the numbers' units, means over the numbers."""
    absolute, squared, total, squares = errors.double().cpu()
    spread = squares - total.square() / count
    # As scikit-learn has it: numbers that are all the same are explained wholly or not at all.
    share = torch.where(spread > 0, 1 - squared / spread.clamp(min=1e-30), (squared == 0).double())
    size = torch.tensor(numbers.size, dtype=torch.float64)
    return float(share.mean()), float((absolute / count * size).mean())
