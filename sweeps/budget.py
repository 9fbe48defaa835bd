"""What a sweep may spend, and whether it is spent."""

from __future__ import annotations

from dataclasses import dataclass

from trainers.errors import ConfigError


@dataclass(frozen=True)
class Spent:
    """What a sweep has used so far, over all sittings."""

    trials: int
    hours: float
    gpu_hours: float
    epochs: int


@dataclass(frozen=True)
class Budget:
    """Limits; whichever is reached first ends the sweep. None: no such limit."""

    trials: int | None
    hours: float | None
    gpu_hours: float | None
    epochs: int | None

    def __post_init__(self) -> None:
        for name, limit in vars(self).items():
            if limit is not None and limit <= 0:
                raise ConfigError(
                    f"budget.{name} must be above 0, or null for no such limit, not {limit}"
                )

    def no_more_trials(self, spent: Spent) -> bool:
        """Whether no further trial may begin."""
        return (self.trials is not None and spent.trials >= self.trials) or self.over(
            spent
        ) is not None

    def over(self, spent: Spent) -> str | None:
        """Why even the trials that run must end with their present epoch, or None."""
        for name, words in (("hours", "h"), ("gpu_hours", "GPU-h"), ("epochs", "epochs")):
            limit = getattr(self, name)
            if limit is not None and getattr(spent, name) >= limit:
                return f"the budget of {limit:g} {words} is spent"
        return None
