"""Limit a sweep: what it may spend, and what is enough."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sweeps.driver.best_so_far import BestSoFar
from sweeps.trials import Objective, State, TrialRecord
from trainers.errors import ConfigError


@dataclass(frozen=True)
class Spent:
    """Describes what a sweep has used and found so far, over all sessions.

    Attributes:
        trials: that took a slot.
        gpu_hours: of training.
        best: the best value of the objective in any trial that has not failed.
        fruitless: trials that have ended, not failed, and come after the one with that value.
    """

    trials: int
    hours: float
    gpu_hours: float
    epochs: int
    best: float | None = None
    fruitless: int = 0

    @classmethod
    def on_record(
        cls, trials: Sequence[TrialRecord], wall_s: float, gpus: float, objective: Objective
    ) -> Spent:
        """Count what a sweep that nobody runs has spent.

        Args:
            trials: of its search; repeats of the best cost it nothing.
            wall_s: seconds spent on the search.
            gpus: that a trial takes, unless something else is on record.
        """
        best = BestSoFar(objective, trials)
        return cls(
            trials=sum(t.source is None and t.state is not State.INFEASIBLE for t in trials),
            hours=wall_s / 3600,
            gpu_hours=sum(trial.gpu_s(gpus) for trial in trials) / 3600,
            epochs=sum(trial.trained for trial in trials),
            best=best.value,
            fruitless=best.fruitless,
        )


@dataclass(frozen=True)
class Budget:
    """Limits; whichever is reached first ends the sweep. None: no such limit.

    Attributes:
        target: a value of the objective; enough once any trial reaches it.
        stalled: so many trials in a row without a better one are enough.
        maximize: whether more of the objective is better.
    """

    trials: int | None
    hours: float | None
    gpu_hours: float | None
    epochs: int | None
    target: float | None = None
    stalled: int | None = None
    maximize: bool = True

    def __post_init__(self) -> None:
        for name in ("trials", "hours", "gpu_hours", "epochs", "stalled"):
            limit = getattr(self, name)
            if limit is not None and not 0 < limit < math.inf:
                raise ConfigError(
                    f"budget.{name} must be above 0, or null for no such limit, not {limit}"
                )
        if self.target is not None and not math.isfinite(self.target):
            raise ConfigError(
                f"budget.target must be a value to be reached, such as 0.99, or null for none, "
                f"not {self.target}"
            )

    @property
    def bounded(self) -> bool:
        """Whether it ends every sweep: a target may never be reached."""
        limits = (self.trials, self.hours, self.gpu_hours, self.epochs, self.stalled)
        return any(limit is not None for limit in limits)

    def no_more_trials(self, spent: Spent) -> bool:
        """Whether no further trial may begin."""
        return (self.trials is not None and spent.trials >= self.trials) or self.over(
            spent
        ) is not None

    def over(self, spent: Spent) -> str | None:
        """Say why even the trials that run must end with their present epoch, or None."""
        for name, words in (("hours", "h"), ("gpu_hours", "GPU-h"), ("epochs", "epochs")):
            limit = getattr(self, name)
            if limit is not None and getattr(spent, name) >= limit:
                return f"the budget of {limit:g} {words} is spent"
        if self._reached(spent):
            return f"the target of {self.target:g} is reached"
        if self.stalled is not None and spent.fruitless >= self.stalled:
            return f"no better trial among the last {self.stalled}"
        return None

    def extension(self, spent: Spent) -> tuple[str, ...]:
        """List the overrides that lift the limits that are reached: ("budget.trials=+20",)."""
        further = {"trials": 20, "hours": 1, "gpu_hours": 1, "epochs": 100}
        words = [
            f"budget.{name}=+{more}"
            for name, more in further.items()
            if (limit := getattr(self, name)) is not None and getattr(spent, name) >= limit
        ]
        if self._reached(spent):
            words.append("budget.target=null")
        if self.stalled is not None and spent.fruitless >= self.stalled:
            words.append(f"budget.stalled=+{self.stalled}")
        return tuple(words)

    def _reached(self, spent: Spent) -> bool:
        if self.target is None or spent.best is None:
            return False
        return spent.best >= self.target if self.maximize else spent.best <= self.target

    def left(self, spent: Spent) -> str:
        """Say what is left of all limits but trials: "1:26 of 2:00 h · 190 of 500 epochs"."""
        parts = []
        if self.hours is not None:
            parts.append(f"{_clock(self.hours - spent.hours)} of {_clock(self.hours)} h")
        if self.gpu_hours is not None:
            gone = _clock(self.gpu_hours - spent.gpu_hours)
            parts.append(f"{gone} of {_clock(self.gpu_hours)} GPU-h")
        if self.epochs is not None:
            parts.append(f"{max(self.epochs - spent.epochs, 0)} of {self.epochs} epochs")
        if self.stalled is not None:
            more = max(self.stalled - spent.fruitless, 0)
            parts.append(f"{more} of {self.stalled} trials to do better")
        if self.target is not None:
            parts.append(f"until {self.target:g}")
        return " · ".join(parts)


#: No limit at all.
UNLIMITED = Budget(None, None, None, None)


def _clock(hours: float) -> str:
    """1:05 for an hour and five minutes; what is begun counts."""
    minutes = math.ceil(max(hours, 0.0) * 60 - 1e-6)
    return f"{minutes // 60}:{minutes % 60:02}"
