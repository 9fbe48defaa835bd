"""Define what a stopping rule is, and two that compare nothing: none, and several together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from trainers.config.hydra_grammar import written
from trainers.errors import ConfigError

#: Epoch -> trial id -> objective at that epoch, signed so that more is better. Ids are numbers
#: with leading zeros, in the order in which the trials were proposed. A value may be NaN, which
#: is below every number, or infinite. A trial that has an epoch has those before it.
Curves = Mapping[int, Mapping[str, float]]


class Stop(Protocol):
    """Stops trials early; `conf/stop/` names a rule by `_target_`."""

    def judge(self, trial: str, epoch: int, curves: Curves) -> str | None:
        """Say why a trial should stop after this epoch, or None to let it go on.

        Args:
            trial: its id; `curves` holds its own values up to `epoch`.
            epoch: the epoch just ended, from 1.
            curves: what every trial has reported so far.
        """


@dataclass(frozen=True)
class Never:
    """Lets every trial run to its end."""

    def judge(self, trial: str, epoch: int, curves: Curves) -> str | None:
        """Return None, always."""
        return None


@dataclass(frozen=True)
class Several:
    """Stops a trial as soon as one of several rules does, with the first one's reason."""

    rules: Mapping[str, Stop]

    def __post_init__(self) -> None:
        for name, rule in self.rules.items():
            if not callable(getattr(rule, "judge", None)):
                raise ConfigError(
                    f"stop.rules.{name} is {written(rule)} and no rule: add one of conf/stop as in "
                    "+stop@stop.rules.median=median, or leave one out with ~stop.rules.median"
                )
            if callable(getattr(rule, "pauses", None)):
                raise ConfigError(
                    f"stop.rules.{name} lets trials wait, which no rule does beside others: "
                    f"take it alone, or leave it out with ~stop.rules.{name}"
                )

    def judge(self, trial: str, epoch: int, curves: Curves) -> str | None:
        """Return the first reason that any of the rules has."""
        reasons = (rule.judge(trial, epoch, curves) for rule in self.rules.values())
        return next((reason for reason in reasons if reason is not None), None)
