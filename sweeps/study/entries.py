"""Entries of a study's record, each of which may be written again after a failure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState


@dataclass(frozen=True)
class Target:
    """The study to which is written; `ids` are its trials', by number."""

    storage: BaseStorage
    study: int
    ids: list[int]


class Entry(Protocol):
    """Something to be written."""

    def write(self, to: Target) -> None:
        """Write it. May be written before."""

    def written(self, to: Target) -> bool:
        """Whether it is there already."""


@dataclass(frozen=True)
class NewTrial:
    """A trial, the next of the study, with all that is known of it."""

    number: int
    trial: FrozenTrial

    def write(self, to: Target) -> None:
        """Make it, and learn its id."""
        to.ids.append(to.storage.create_new_trial(to.study, self.trial))

    def written(self, to: Target) -> bool:
        """Whether the study has so many trials. Raises KeyError if that one is another."""
        try:
            found = to.storage.get_trial_id_from_study_id_trial_number(to.study, self.number)
        except KeyError:
            return False
        if to.storage.get_trial(found).params != self.trial.params:
            raise KeyError(f"trial {self.number} is another")
        to.ids.append(found)
        return True


@dataclass(frozen=True)
class Attribute:
    """An attribute of a trial."""

    trial: int
    key: str
    value: Any

    def write(self, to: Target) -> None:
        """Set it."""
        to.storage.set_trial_user_attr(to.ids[self.trial], self.key, self.value)

    def written(self, to: Target) -> bool:
        """Whether it has this value."""
        known = to.storage.get_trial(to.ids[self.trial]).user_attrs
        return self.key in known and json.dumps(known[self.key]) == json.dumps(self.value)


@dataclass(frozen=True)
class Value:
    """A trial's objective after an epoch."""

    trial: int
    epoch: int
    value: float

    def write(self, to: Target) -> None:
        """Set it."""
        to.storage.set_trial_intermediate_value(to.ids[self.trial], self.epoch, self.value)

    def written(self, to: Target) -> bool:
        """Whether the epoch has one; it never changes."""
        return self.epoch in to.storage.get_trial(to.ids[self.trial]).intermediate_values


@dataclass(frozen=True)
class End:
    """How a trial ended."""

    trial: int
    state: TrialState
    values: Sequence[float] | None

    def write(self, to: Target) -> None:
        """End it."""
        to.storage.set_trial_state_values(to.ids[self.trial], self.state, self.values)

    def written(self, to: Target) -> bool:
        """Whether it has ended so."""
        return to.storage.get_trial(to.ids[self.trial]).state is self.state


@dataclass(frozen=True)
class Note:
    """An attribute of the study; `sampler`: one that a sampler has written."""

    key: str
    value: Any
    sampler: bool = False

    def write(self, to: Target) -> None:
        """Set it."""
        if self.sampler:
            to.storage.set_study_system_attr(to.study, self.key, self.value)
        else:
            to.storage.set_study_user_attr(to.study, self.key, self.value)

    def written(self, to: Target) -> bool:
        """It may be written twice."""
        return False
