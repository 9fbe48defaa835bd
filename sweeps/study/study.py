"""The memory of a sweep: one Optuna study, the single record of what was tried and what came of it.

The record is a journal file in the sweep's folder, or in a storage that several sweeps share;
while that is away, what is to be written waits (`sweeps.study.outbox`). Proposals are drawn on an
image of it in memory and then written as one entry, parameters and all: a kill leaves either a
whole trial or none. A simulation has the image alone.

What is kept of a trial beside Optuna's own fields, as user attributes:
    epoch:N    the metrics of epoch N, seconds included
    state      the state in our terms (`sweeps.trials.State`), and `reason`
    passed     the last epoch after which it was told to go on
    member, machine    where its last epoch ran
    source     of a trial that the search has not proposed (`sweeps.trials.Source`): samplers
               know nothing of it, and it is not counted among the proposals
And of the sweep as a whole:
    earlier    trials of other sweeps that samplers see before its own, as this space has them
"""

from __future__ import annotations

import copy
import secrets
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import optuna
from optuna.samplers import RandomSampler
from optuna.study import Study as OptunaStudy
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial

from sweeps.search.propose import Proposals
from sweeps.search.sampler_memory import SamplerMemory
from sweeps.search.search import Search
from sweeps.space.space import Space
from sweeps.stop.curves import Growing
from sweeps.study.codec import OPTUNA_STATE, decode, encode, epochs_of, state_of
from sweeps.study.entries import Attribute, End, Entry, NewTrial, Note, Value
from sweeps.study.lock import OWNER, Owner
from sweeps.study.outbox import Writer
from sweeps.study.storage import Place, Storage, opened, refuse, uncollected
from sweeps.trials import Objective, Source, State, TrialRecord, scores
from trainers.errors import ConfigError

#: The layout of what is recorded; a later one is refused rather than misread.
VERSION = 1

#: The id in the image of a trial that samplers do not see.
_UNSEEN = -1


class Study:
    """A sweep's record, open for reading and writing.

    Every write is on disk when it returns, unless the storage is away; see `notes`.
    """

    def __init__(
        self,
        place: Place | None,
        objective: Objective,
        space: Space,
        name: str,
        create: bool,
        further: Sequence[Objective] = (),
    ) -> None:
        """Open or create the study; None: nothing is written, the image is all.

        Args:
            objective: what trials are ranked and stopped by.
            further: other objectives, for the samplers to trade it off against.

        Raises:
            ConfigError: another process has it open, it is there or not there against what is
                expected, a later version wrote it, or the storage cannot be reached.
        """
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.objective = objective
        self.objectives = (objective, *further)
        self.space = space
        self._memory = SamplerMemory(self._directions)
        self._proposals = Proposals(self._memory)
        self._writer: Writer | None = None
        self._records: dict[str, TrialRecord] = {}
        self._images: dict[str, int] = {}  # trial -> its Optuna id in the image
        self._curves = Growing()
        self._proposed = 0
        self._noted: set[str] = set()
        self._told: dict[str, Any] = {}  # of the sweep as a whole
        self.uid = ""
        self._storage: Storage | None = None
        if place is None:
            return
        me = Owner.me()
        with uncollected():
            self._storage = opened(place, name, me)
            try:
                self._begin(self._storage, place, name, create, me)
            except BaseException:
                self.close()
                raise

    @property
    def _directions(self) -> list[StudyDirection]:
        up, down = StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE
        return [up if objective.maximize else down for objective in self.objectives]

    def _begin(self, storage: Storage, place: Place, name: str, create: bool, me: Owner) -> None:
        """Read the study, made whole if it was killed while it was made."""
        names = optuna.get_all_study_names(storage)
        own = isinstance(place, Path)
        refuse(place, name, create, names)
        if create or not names:
            optuna.create_study(storage=storage, study_name=name, directions=self._directions)
        elif own:
            (name,) = names  # a folder may have been renamed
        study = storage.get_study_id_from_name(name)
        known = storage.get_study_user_attrs(study)
        version = known.get("version", VERSION)
        if version > VERSION:
            raise ConfigError(
                f"the study of {name} was written by a newer Caviar (record version {version}, "
                f"this one knows {VERSION}): update, or use another name"
            )
        self.uid = known.get("uid") or secrets.token_hex(4)
        self._told = dict(known)
        self._memory.feed(self.earlier, self.space, self.objective)
        for key, value in (
            ("version", VERSION),
            ("metric", self.objective.metric),
            ("uid", self.uid),
        ):
            if key not in known:
                storage.set_study_user_attr(study, key, value)
        if not own:  # the lock of an own one tells who has it
            storage.set_study_user_attr(study, OWNER, me.record)
        noted = storage.get_study_system_attrs(study)
        for key, value in noted.items():
            self._memory.set_study_attr(key, value)
        self._noted |= set(noted)
        trials = storage.get_all_trials(study, deepcopy=False)
        self._writer = Writer(storage, study, [trial._trial_id for trial in trials])
        for trial in trials:
            self._adopt(trial)

    def close(self) -> None:
        """Let other processes open it. Calling it again does nothing."""
        if self._writer is not None:
            self._writer.close()
        if self._storage is not None:
            self._storage.close()
            self._storage = None

    def discard(self) -> None:
        """Close it and leave nothing behind, so that its name is free."""
        if self._writer is not None:
            self._writer.discard()
        self.close()

    @property
    def waiting(self) -> int:
        """Records that are not written yet, because the storage is away."""
        return 0 if self._writer is None else self._writer.waiting

    @property
    def lost(self) -> str:
        """Why nothing can be recorded any more; empty while it can."""
        return "" if self._writer is None else self._writer.lost

    def notes(self) -> list[str]:
        """What a person should know of the storage, each told once."""
        return [] if self._writer is None else self._writer.notes()

    def together(self) -> AbstractContextManager[None]:
        """Within, writes are on disk only at the end, all at once: one wait for the disk."""
        return nullcontext() if self._writer is None else self._writer.together()

    def _write(self, *entries: Entry) -> None:
        if self._writer is not None and entries:
            self._writer.write(*entries)

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
        """The sweep's own trials in memory as an Optuna study, for Optuna's own analyses."""
        return self._memory.own

    @property
    def fed(self) -> bool:
        """Whether `feed` has been called, in whatever sitting."""
        return "earlier" in self._told

    @property
    def earlier(self) -> list[TrialRecord]:
        """The trials that it was fed: of other sweeps, and counted nowhere."""
        return decode(self._told.get("earlier", ()), self.space, self.objective)

    def feed(self, earlier: Sequence[TrialRecord]) -> None:
        """Let samplers see scored trials of other sweeps, once, before the first of this one.

        Args:
            earlier: params in this space, all that exist with each other.
        """
        self.remember("earlier", encode(earlier, self.space, self.objective))
        self._memory.feed(self.earlier, self.space, self.objective)

    def trial(self, trial: str) -> TrialRecord:
        """One trial."""
        return self._records[trial]

    def propose(self, search: Search) -> TrialRecord:
        """A new trial, running, with parameters of the search that no other trial has."""
        drawn = self._proposals.draw(search, self._proposed)
        fresh = {k: v for k, v in self._memory.study_attrs.items() if k not in self._noted}
        self._write(*(Note(key, value, sampler=True) for key, value in fresh.items()))
        self._noted |= set(fresh)
        self._put(drawn)
        return self._enter(drawn, drawn._trial_id)

    def derive(self, params: Mapping[str, Any], source: Source) -> TrialRecord:
        """A new trial, running, that the search has not proposed and will not know of.

        Args:
            params: swept key -> value, each in the space, all that exist with each other.
            source: what it is made of; the epochs it takes over are on record as its own, but took
                no time.
        """
        drawn = self._memory.draw(RandomSampler(0), self.space, params)
        self._memory.forget(drawn)
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
        self._put(drawn)
        return self._enter(drawn, _UNSEEN)

    def _put(self, trial: FrozenTrial) -> None:
        """Write a new trial, as it is now: it may be written later."""
        if self._writer is None:
            return
        as_is = copy.copy(trial)
        as_is.system_attrs = dict(trial.system_attrs)
        self._write(NewTrial(len(self._records), as_is))

    def report(
        self, trial: str, epoch: int, metrics: Mapping[str, float], member: str, machine: str
    ) -> bool:
        """Record an epoch. False, and nothing done, if it was recorded before."""
        record = self._records[trial]
        if epoch <= record.last_epoch:
            return False
        value = float(metrics[self.objective.metric])
        number, image = record.number, self._images[trial]
        moved: list[Entry] = []
        if (member, machine) != (record.member, record.machine):
            moved = [Attribute(number, "member", member), Attribute(number, "machine", machine)]
        # The attribute first: an epoch counts when its attribute is there (see _adopt).
        told = Attribute(number, f"epoch:{epoch}", dict(metrics))
        self._write(*moved, told, Value(number, epoch, value))
        if image != _UNSEEN:
            self._memory.report(image, epoch, value)
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
        record = self._records[trial]
        self._write(Attribute(record.number, "passed", epoch))
        self._records[trial] = replace(record, passed=epoch)
        if (image := self._images[trial]) != _UNSEEN:
            self._memory.resume(image)

    def wait(self, trial: str) -> None:
        """Let samplers learn from a trial as it is: it waits, and may never go on. Not recorded."""
        if (image := self._images[trial]) != _UNSEEN:
            self._memory.pause(image)

    def end(self, trial: str, state: State, reason: str = "") -> TrialRecord:
        """Record how a trial ended; a complete or stopped one is worth its best epoch."""
        record = replace(self._records[trial], state=state, reason=reason)
        values = scores(record, self.objectives) if state.scored else None
        if state is State.COMPLETE and values is None:
            raise ValueError(f"trial {trial} cannot be complete without an epoch")
        number, image = record.number, self._images[trial]
        self._write(
            Attribute(number, "reason", reason),
            Attribute(number, "state", state.value),
            End(number, OPTUNA_STATE[state], values),
        )
        if image != _UNSEEN:
            self._memory.end(image, state, OPTUNA_STATE[state], values)
        self._records[trial] = record
        return record

    @property
    def wall_s(self) -> float:
        """Seconds spent on this sweep in all sittings, as last told by `spend`."""
        return float(self._told.get("wall_s", 0.0))

    @property
    def repeats_s(self) -> float:
        """Of these seconds, those after the search, on running the best again."""
        return float(self._told.get("repeats_s", 0.0))

    def spend(self, wall_s: float, repeats_s: float = 0.0) -> None:
        """Record the seconds spent in all sittings."""
        self.remember("wall_s", wall_s)
        if repeats_s:
            self.remember("repeats_s", repeats_s)

    def remember(self, key: str, value: Any) -> None:
        """Record something about the study as a whole, as plain containers, in one write."""
        self._told[key] = value
        self._write(Note(key, value))

    def remembered(self, key: str) -> Any:
        """What `remember` has recorded; None if nothing."""
        return self._told.get(key)

    def _adopt(self, trial: FrozenTrial) -> None:
        """Take a trial found on disk into the image and the records."""
        epochs = epochs_of(trial)
        for epoch, metrics in epochs.items():
            if epoch not in trial.intermediate_values:  # killed between attribute and value
                value = float(metrics[self.objective.metric])
                self._write(Value(len(self._records), epoch, value))
                trial.intermediate_values[epoch] = value
        derived = "source" in trial.user_attrs
        image = _UNSEEN if derived else self._memory.adopt(trial, state_of(trial))
        self._enter(trial, image)

    def _enter(self, trial: FrozenTrial, image: int) -> TrialRecord:
        attributes = trial.user_attrs
        epochs = epochs_of(trial)
        state = state_of(trial)
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
            self._proposals.record(trial)
        self._images[record.id] = image
        for epoch, metrics in epochs.items():
            self._curve(record.id, epoch, metrics)
        return record

    def _curve(self, trial: str, epoch: int, metrics: Mapping[str, float]) -> None:
        sign = 1.0 if self.objective.maximize else -1.0
        source = self._records[trial].source
        if source is None or source.epoch:  # what repeats another is not compared with it
            value = sign * metrics[self.objective.metric]
            self._curves.setdefault(epoch, {})[trial] = value
