"""The memory of a sweep: one Optuna study, the single record of what was tried and what came of it.

The record is a journal file in the sweep's folder. Proposals are drawn on an image of it in
memory and then written as one entry, parameters and all, so that a kill leaves either a whole
trial or none. A simulation has the image alone.

What is kept of a trial beside Optuna's own fields, as user attributes:
    epoch:N    the metrics of epoch N, seconds included
    state      the state in our terms (`sweeps.records.State`), and `reason`
    passed     the last epoch after which it was told to go on
    member, machine    where its last epoch ran
    source     of a trial that the search has not proposed (`sweeps.records.Source`): samplers
               know nothing of it, and it is not counted among the proposals
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import optuna
from optuna.samplers import RandomSampler
from optuna.storages import BaseStorage
from optuna.study import Study as OptunaStudy
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from sweeps.image import Image
from sweeps.records import Objective, Source, State, TrialRecord
from sweeps.search import Search
from sweeps.space import Space
from sweeps.stop.growing import Growing
from sweeps.storage import hold, journal
from trainers.errors import ConfigError

#: The layout of what is recorded; a later one is refused rather than misread.
VERSION = 1

#: The id in the image of a trial that samplers do not see.
_UNSEEN = -1

#: Draws for one trial, in search of a configuration that no other has.
_ATTEMPTS = 20

_OPTUNA_STATE = {
    State.COMPLETE: TrialState.COMPLETE,
    State.STOPPED: TrialState.PRUNED,
    State.FAILED: TrialState.FAIL,
    State.DIVERGED: TrialState.FAIL,
    State.INFEASIBLE: TrialState.FAIL,
    State.ABANDONED: TrialState.FAIL,
}
_OUR_STATE = {
    TrialState.COMPLETE: State.COMPLETE,
    TrialState.PRUNED: State.STOPPED,
    TrialState.FAIL: State.FAILED,
}


class Study:
    """A sweep's record, open for reading and writing. Every write is on disk when it returns."""

    def __init__(
        self, path: Path | None, objective: Objective, space: Space, name: str, create: bool
    ) -> None:
        """Open or create the journal at `path`; None: nothing is written, the image is all.

        Raises:
            ConfigError: another process has it open, or a later version wrote it.
        """
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.objective = objective
        self.space = space
        self._image = Image(self._direction)
        self._disk: BaseStorage | None = None
        self._lock = -1 if path is None else hold(path)
        try:
            if path is not None:
                self._disk = journal(path)
            study = (
                self._image.optuna if self._disk is None else self._begin(self._disk, name, create)
            )
        except BaseException:
            self.close()
            raise
        self.uid: str = study.user_attrs.get("uid", "")
        self._study = study
        self._records: dict[str, TrialRecord] = {}
        self._ids: dict[str, tuple[int, int]] = {}  # trial -> its Optuna id on disk, in the image
        self._curves = Growing()
        self._proposed = 0
        self._tried: set[frozenset[tuple[str, Any]]] = set()
        self._unlooked: Iterator[dict[str, Any]] | None = None  # of a finite space
        self._point: dict[str, Any] | None = None  # the one before them
        self._noted: set[str] = set()
        if self._disk is not None:
            noted = self._disk.get_study_system_attrs(_study_id(study, self._disk))
            for key, value in noted.items():
                self._image.note(key, value)
            self._noted |= set(noted)
            for trial in study.get_trials(deepcopy=False):
                self._adopt(trial, self._disk)

    @property
    def _direction(self) -> StudyDirection:
        return StudyDirection.MAXIMIZE if self.objective.maximize else StudyDirection.MINIMIZE

    def _begin(self, disk: BaseStorage, name: str, create: bool) -> OptunaStudy:
        """The study on disk, made whole if it was killed while it was made."""
        if create or not optuna.get_all_study_names(disk):
            study = optuna.create_study(storage=disk, study_name=name, direction=self._direction)
        else:
            study = optuna.load_study(storage=disk, study_name=None)
        known = study.user_attrs
        version = known.get("version", VERSION)
        if version > VERSION:
            raise ConfigError(
                f"the study of {name} was written by a newer Caviar (record version {version}, "
                f"this one knows {VERSION}): update, or use another name"
            )
        for key, value in (
            ("version", VERSION),
            ("metric", self.objective.metric),
            ("uid", secrets.token_hex(4)),
        ):
            if key not in known:
                study.set_user_attr(key, value)
        return study

    def close(self) -> None:
        """Let other processes open it. Calling it again does nothing."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    @property
    def trials(self) -> list[TrialRecord]:
        """All trials, by number."""
        return list(self._records.values())

    @property
    def count(self) -> int:
        """How many trials the search has proposed."""
        return self._proposed

    @property
    def curves(self) -> Mapping[int, Mapping[str, float]]:
        """Epoch -> trial -> objective, signed so that more is better. A live view."""
        return self._curves

    @property
    def optuna(self) -> OptunaStudy:
        """The image in memory as an Optuna study, for Optuna's own analyses."""
        return self._image.optuna

    def trial(self, trial: str) -> TrialRecord:
        """One trial."""
        return self._records[trial]

    def propose(self, search: Search) -> TrialRecord:
        """A new trial, running, with parameters of the search that no other trial has.

        In a finite space that the sampler keeps to a corner of, what it has not drawn is taken in
        the order of the space.
        """
        number = self._proposed
        point = search.point(number)
        for attempt in range(_ATTEMPTS):
            drawn = self._image.draw(search.sampler(number, attempt), self.space, point)
            if frozenset(drawn.params.items()) not in self._tried:
                break
            self._image.forget(drawn)
        else:
            point = self._untried() or point
            drawn = self._image.draw(search.sampler(number), self.space, point)
        if self._disk is not None:
            study = _study_id(self._study, self._disk)
            for key, value in self._image.notes.items():
                if key not in self._noted:
                    self._disk.set_study_system_attr(study, key, value)
                    self._noted.add(key)
        return self._enter(drawn, self._put(drawn), drawn._trial_id)

    def derive(self, params: Mapping[str, Any], source: Source) -> TrialRecord:
        """A new trial, running, that the search has not proposed and will not know of.

        Args:
            params: swept key -> value, each in the space, all that exist with each other.
            source: what it is made of; the epochs it takes over are on record as its own, but took
                no time.
        """
        drawn = self._image.draw(RandomSampler(0), self.space, params)
        self._image.forget(drawn)
        told = {k: v for k, v in asdict(source).items() if v is not None}
        attributes: dict[str, Any] = {"source": told}
        values = {}
        for epoch in range(1, source.epoch + 1):
            metrics = {**self._records[source.trial].epochs[epoch], "epoch_s": 0.0}
            attributes[f"epoch:{epoch}"] = metrics
            values[epoch] = float(metrics[self.objective.metric])
        if source.epoch:
            attributes["passed"] = source.epoch
        drawn.user_attrs, drawn.intermediate_values = attributes, values
        return self._enter(drawn, self._put(drawn), _UNSEEN)

    def _put(self, trial: FrozenTrial) -> int:
        """Write a new trial; returns its id on disk."""
        if self._disk is None:
            return -1
        return self._disk.create_new_trial(_study_id(self._study, self._disk), trial)

    def _untried(self) -> dict[str, Any] | None:
        """A configuration of a finite space that no trial has; None if there is none such."""
        if self.space.size() is None:
            return None
        if self._unlooked is None:
            self._unlooked = self.space.enumerate()
            self._point = next(self._unlooked, None)
        # What was tried once stays so: nobody need look at it again.
        while (
            self._point is not None
            and frozenset(self.space.labels(self._point).items()) in self._tried
        ):
            self._point = next(self._unlooked, None)
        return self._point

    def report(
        self, trial: str, epoch: int, metrics: Mapping[str, float], member: str, machine: str
    ) -> bool:
        """Record an epoch. False, and nothing done, if it was recorded before."""
        record = self._records[trial]
        if epoch <= record.last_epoch:
            return False
        if (member, machine) != (record.member, record.machine):
            self._attribute(trial, "member", member)
            self._attribute(trial, "machine", machine)
        # The attribute first: an epoch counts when its attribute is there (see _adopt).
        self._attribute(trial, f"epoch:{epoch}", dict(metrics))
        disk, image = self._ids[trial]
        value = float(metrics[self.objective.metric])
        if self._disk is not None:
            self._disk.set_trial_intermediate_value(disk, epoch, value)
        if image != _UNSEEN:
            self._image.report(image, epoch, value)
        self._records[trial] = replace(
            record,
            epochs={**record.epochs, epoch: dict(metrics)},
            member=member,
            machine=machine,
            seconds=record.seconds + metrics.get("epoch_s", 0.0),
        )
        self._curve(trial, epoch, metrics)
        return True

    def go_on(self, trial: str, epoch: int) -> None:
        """Record that the trial was judged after this epoch, and is to go on."""
        self._attribute(trial, "passed", epoch)
        self._records[trial] = replace(self._records[trial], passed=epoch)

    def end(self, trial: str, state: State, reason: str = "") -> TrialRecord:
        """Record how a trial ended; a complete or stopped one is worth its best epoch."""
        record = replace(self._records[trial], state=state, reason=reason)
        best = record.best(self.objective) if state.scored else None
        if state is State.COMPLETE and best is None:
            raise ValueError(f"trial {trial} cannot be complete without an epoch")
        self._attribute(trial, "reason", reason)
        self._attribute(trial, "state", state.value)
        values = None if best is None else [best[1]]
        disk, image = self._ids[trial]
        if self._disk is not None:
            self._disk.set_trial_state_values(disk, _OPTUNA_STATE[state], values)
        if image != _UNSEEN:
            self._image.end(image, state, _OPTUNA_STATE[state], values)
        self._records[trial] = record
        return record

    @property
    def wall_s(self) -> float:
        """Seconds spent on this sweep in all sittings, as last told by `spend`."""
        return float(self._study.user_attrs.get("wall_s", 0.0))

    def spend(self, wall_s: float) -> None:
        """Record the seconds spent in all sittings."""
        self._study.set_user_attr("wall_s", wall_s)

    def _attribute(self, trial: str, key: str, value: Any) -> None:
        if self._disk is not None:
            self._disk.set_trial_user_attr(self._ids[trial][0], key, value)

    def _adopt(self, trial: FrozenTrial, disk: BaseStorage) -> None:
        """Take a trial found on disk into the image and the records."""
        epochs = _epochs(trial)
        for epoch, metrics in epochs.items():
            if epoch not in trial.intermediate_values:  # killed between attribute and value
                value = float(metrics[self.objective.metric])
                disk.set_trial_intermediate_value(trial._trial_id, epoch, value)
                trial.intermediate_values[epoch] = value
        derived = "source" in trial.user_attrs
        image = _UNSEEN if derived else self._image.adopt(trial, _state(trial))
        self._enter(trial, trial._trial_id, image)

    def _enter(self, trial: FrozenTrial, disk: int, image: int) -> TrialRecord:
        attributes = trial.user_attrs
        epochs = _epochs(trial)
        state = _state(trial)
        number = len(self._records)
        source = attributes.get("source")
        record = TrialRecord(
            id=f"{number:04d}",
            number=number,
            state=state,
            reason=attributes.get("reason", "") if state.ended else "",
            params=self.space.values(trial.params),
            epochs=epochs,
            member=attributes.get("member", ""),
            machine=attributes.get("machine", ""),
            passed=int(attributes.get("passed", 0)),
            seconds=sum(metrics.get("epoch_s", 0.0) for metrics in epochs.values()),
            source=None if source is None else Source(**source),
        )
        self._records[record.id] = record
        if record.source is None:
            self._proposed += 1
            self._tried.add(frozenset(trial.params.items()))
        self._ids[record.id] = (disk, image)
        for epoch, metrics in epochs.items():
            self._curve(record.id, epoch, metrics)
        return record

    def _curve(self, trial: str, epoch: int, metrics: Mapping[str, float]) -> None:
        sign = 1.0 if self.objective.maximize else -1.0
        source = self._records[trial].source
        if source is None or source.epoch:  # what repeats another is not compared with it
            value = sign * metrics[self.objective.metric]
            self._curves.setdefault(epoch, {})[trial] = value


def _state(trial: FrozenTrial) -> State:
    """Where a trial found on disk stands."""
    state = _OUR_STATE.get(trial.state, State.RUNNING)
    return State(trial.user_attrs.get("state", state)) if state.ended else state


def _epochs(trial: FrozenTrial) -> dict[int, dict[str, float]]:
    numbered = {
        int(key.removeprefix("epoch:")): metrics
        for key, metrics in trial.user_attrs.items()
        if key.startswith("epoch:")
    }
    return dict(sorted(numbered.items()))


def _study_id(study: OptunaStudy, storage: BaseStorage) -> int:
    return storage.get_study_id_from_name(study.study_name)
