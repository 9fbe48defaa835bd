"""Define the entries of a study's record, which may be written again after a failure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from sweeps.study.codec import epoch_key


@dataclass(frozen=True)
class Destination:
    """Names the study that is written to; `ids` are those of its trials, by number."""

    storage: BaseStorage
    study: int
    ids: list[int]


class Entry(Protocol):
    """Describes one write."""

    def write(self, to: Destination) -> None:
        """Write the entry, which may have been written before."""

    def written(self, to: Destination) -> bool:
        """Whether the entry is there already."""


@dataclass(frozen=True)
class NewTrial:
    """Adds a trial, the next of the study, with all that is known of it."""

    number: int
    trial: FrozenTrial

    def write(self, to: Destination) -> None:
        """Create the trial, and keep its id."""
        to.ids.append(to.storage.create_new_trial(to.study, self.trial))

    def written(self, to: Destination) -> bool:
        """Whether the study has a trial of this number; raises KeyError if it is another one."""
        try:
            trial_id = to.storage.get_trial_id_from_study_id_trial_number(to.study, self.number)
        except KeyError:
            return False
        if to.storage.get_trial(trial_id).params != self.trial.params:
            raise KeyError(f"trial {self.number} is another")
        to.ids.append(trial_id)
        return True


@dataclass(frozen=True)
class Attribute:
    """Sets an attribute of a trial."""

    trial: int
    key: str
    value: Any

    def write(self, to: Destination) -> None:
        """Set the attribute."""
        to.storage.set_trial_user_attr(to.ids[self.trial], self.key, self.value)

    def written(self, to: Destination) -> bool:
        """Whether the attribute has this value."""
        attributes = to.storage.get_trial(to.ids[self.trial]).user_attrs
        return self.key in attributes and json.dumps(attributes[self.key]) == json.dumps(self.value)


@dataclass(frozen=True)
class Metrics:
    """Sets an epoch's metrics, and what is kept beside them; they never change."""

    trial: int
    epoch: int
    metrics: Mapping[str, Any]

    def write(self, to: Destination) -> None:
        """Set the metrics."""
        key = epoch_key(self.epoch)
        to.storage.set_trial_system_attr(to.ids[self.trial], key, dict(self.metrics))

    def written(self, to: Destination) -> bool:
        """Whether the epoch has metrics."""
        return epoch_key(self.epoch) in to.storage.get_trial(to.ids[self.trial]).system_attrs


@dataclass(frozen=True)
class Value:
    """Sets a trial's objective after an epoch."""

    trial: int
    epoch: int
    value: float

    def write(self, to: Destination) -> None:
        """Set the value."""
        to.storage.set_trial_intermediate_value(to.ids[self.trial], self.epoch, self.value)

    def written(self, to: Destination) -> bool:
        """Whether the epoch has a value, which never changes."""
        return self.epoch in to.storage.get_trial(to.ids[self.trial]).intermediate_values


@dataclass(frozen=True)
class End:
    """Ends a trial."""

    trial: int
    state: TrialState
    values: Sequence[float] | None

    def write(self, to: Destination) -> None:
        """End the trial."""
        to.storage.set_trial_state_values(to.ids[self.trial], self.state, self.values)

    def written(self, to: Destination) -> bool:
        """Whether the trial has ended in this state."""
        return to.storage.get_trial(to.ids[self.trial]).state is self.state


@dataclass(frozen=True)
class Note:
    """Sets an attribute of the study; `sampler`: one that a sampler has written."""

    key: str
    value: Any
    sampler: bool = False

    def write(self, to: Destination) -> None:
        """Set the attribute."""
        if self.sampler:
            to.storage.set_study_system_attr(to.study, self.key, self.value)
        else:
            to.storage.set_study_user_attr(to.study, self.key, self.value)

    def written(self, to: Destination) -> bool:
        """Return False: it may be written twice."""
        return False
