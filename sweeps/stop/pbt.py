"""Train a population: the worst give way to copies of the best, which train on otherwise."""

from __future__ import annotations

import math
import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from sweeps.stop.comparisons import low
from sweeps.stop.rule import Curves, Stop
from sweeps.trials import derived
from trainers.errors import ConfigError


@runtime_checkable
class PopulationRule(Stop, Protocol):
    """Defines a rule that trains a population in generations: the worst give way to children."""

    @property
    def perturb(self) -> float:
        """Return the factor by which a number changes from parent to child, or its inverse."""

    @property
    def resample(self) -> float:
        """Return the probability that a value is drawn anew instead."""

    def pauses(self, epoch: int) -> bool:
        """Whether trials wait after this epoch until all of the population have reached it."""

    def exploits(
        self, trials: Collection[str], epoch: int, curves: Curves, seed: int
    ) -> dict[str, str]:
        """Map each trial that gives way after this epoch to the one that its child goes on from."""


@dataclass(frozen=True)
class Pbt:
    """Population-based training (Jaderberg et al. 2017, arXiv:1711.09846), in step.

    After every `interval` epochs all that live are ranked by the objective at that epoch. Each of
    the lowest `quantile` gives way to a child of one of the highest `quantile`, drawn at random
    (truncation selection): the child goes on from its parent's checkpoint, with parameters near
    those of its parent. As the whole population is waited for, who gives way does not depend on
    how many trials run at a time, nor on an interruption.
    """

    interval: int
    quantile: float
    resample: float
    perturb: float

    def __post_init__(self) -> None:
        if self.interval < 1:
            raise ConfigError(
                f"stop=pbt needs stop.interval >= 1 epochs between two rankings, not "
                f"{self.interval}"
            )
        for name, value, rule, holds in (
            ("quantile", self.quantile, "above 0 and at most 0.5", 0 < self.quantile <= 0.5),
            ("resample", self.resample, "from 0 to 1", 0 <= self.resample <= 1),
            ("perturb", self.perturb, "above 1, such as 1.2", 1 < self.perturb < math.inf),
        ):
            if not holds:
                raise ConfigError(f"stop=pbt needs stop.{name} {rule}, not {value:g}")

    def judge(self, trial: str, epoch: int, curves: Curves) -> str | None:
        """Return None: who gives way is decided for all at once, by `exploits`."""
        return None

    def pauses(self, epoch: int) -> bool:
        """Whether trials pause after this epoch: every `interval` epochs."""
        return epoch % self.interval == 0

    def exploits(
        self, trials: Collection[str], epoch: int, curves: Curves, seed: int
    ) -> dict[str, str]:
        """Let the worst give way to the best, but nobody to one that is no better."""
        values: Mapping[str, float] = {trial: low(curves[epoch][trial]) for trial in trials}
        ranked = sorted(trials, key=lambda trial: (-values[trial], trial))
        count = min(math.ceil(len(ranked) * self.quantile - 1e-9), len(ranked) // 2)
        found = {}
        for trial in sorted(ranked[len(ranked) - count :]):
            parent = drawn("parent", seed, trial, epoch).choice(ranked[:count])
            if values[parent] > values[trial]:
                found[trial] = parent
        return found


def drawn(what: str, seed: int, trial: str, epoch: int) -> random.Random:
    """Random numbers for one purpose, after one epoch of the trial that gives way."""
    return random.Random(derived(seed, f"{what}/{trial}/{epoch}"))
