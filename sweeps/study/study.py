"""Keep the record of a sweep: one Optuna study, of what was tried and what came of it.

The record is a journal file in the sweep's folder, or in a storage that several sweeps share;
while the storage is away, what is to be written waits (`sweeps.study.outbox`). Proposals are drawn
in memory (`sweeps.search.sampler_memory`) and then written as one entry, parameters and all: a
kill leaves either a whole trial or none. A simulation has the memory alone.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from typing import Any

from optuna.samplers import RandomSampler
from optuna.study import Study as OptunaStudy
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial

from sweeps.search.propose import Proposals
from sweeps.search.sampler_memory import SamplerMemory
from sweeps.search.search import Search
from sweeps.space.space import Space
from sweeps.stop.curves import Growing
from sweeps.study.codec import (
    CONTINUES,
    OPTUNA_STATE,
    Whole,
    decode,
    encode,
    epoch_entry,
    epoch_key,
    epochs_of,
    record_of,
    state_of,
    whole,
    without_epochs,
)
from sweeps.study.entries import Attribute, End, Entry, Metrics, NewTrial, Note, Value
from sweeps.study.outbox import Writer
from sweeps.study.storage import Storage
from sweeps.trials import Moment, Objective, Source, State, TrialRecord, scores

#: The id in the samplers' memory of a trial that samplers do not see.
_UNSEEN = -1


def directions(objectives: Sequence[Objective]) -> list[StudyDirection]:
    """Return Optuna's direction of each objective."""
    up, down = StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE
    return [up if objective.maximize else down for objective in objectives]


@dataclass(frozen=True)
class OnRecord:
    """Holds what a storage has of a study, and where more is written; see `sweeps.study.open`.

    Attributes:
        attributes, sampler_attributes: of the study: Caviar's, and those of Optuna's samplers.
        trials: by number.
    """

    storage: Storage
    writer: Writer
    attributes: Mapping[str, Any]
    sampler_attributes: Mapping[str, Any]
    trials: Sequence[FrozenTrial]


class Study:
    """Keeps a sweep's record.

    Every write is on disk when it returns, unless the storage is away; see `notes`.

    Attributes:
        uid: tells the sweep from others of its name; empty for a study in memory alone.
    """

    def __init__(
        self,
        objective: Objective,
        space: Space,
        further: Sequence[Objective] = (),
        record: OnRecord | None = None,
    ) -> None:
        """Take in what is on record; None: nothing is written, the memory is all.

        Args:
            objective: what trials are ranked and stopped by.
            further: other objectives, for the samplers to trade it off against.
        """
        self.objective = objective
        self.objectives = (objective, *further)
        self.space = space
        self._memory = SamplerMemory(directions(self.objectives))
        self._proposals = Proposals(self._memory)
        self._records: dict[str, TrialRecord] = {}
        self._memory_ids: dict[str, int] = {}  # trial -> its Optuna id in the memory
        self._written: dict[str, int] = {}  # trial -> number of Optuna's in which it goes on
        self._next = 0  # number of the next trial
        self._curves = Growing()
        self._proposed = 0
        self._storage = None if record is None else record.storage
        self._writer = None if record is None else record.writer
        self._attributes: dict[str, Any] = {} if record is None else dict(record.attributes)
        self.uid = str(self._attributes.get("uid", ""))
        self._sampler_attributes: dict[str, Any] = {}  # those of the samplers, as on record
        if record is None:
            return
        self._memory.feed(self.fed_trials, self.space, self.objective)
        for key, value in record.sampler_attributes.items():
            self._memory.set_study_attr(key, value)
        self._sampler_attributes.update(record.sampler_attributes)
        self._next = len(record.trials)
        for one in whole(record.trials):
            self._adopt(one)

    def close(self) -> None:
        """Let other processes open the study. Calling it again does nothing."""
        if self._writer is not None:
            self._writer.close()
        if self._storage is not None:
            self._storage.close()
            self._storage = None

    def discard(self) -> None:
        """Close the study and delete it, so that its name is free."""
        if self._writer is not None:
            self._writer.discard()
        self.close()

    @property
    def waiting(self) -> int:
        """Count the records that are not written yet, because the storage is away."""
        return 0 if self._writer is None else self._writer.waiting

    @property
    def lost(self) -> str:
        """Say why nothing can be recorded any more; empty while it can."""
        return "" if self._writer is None else self._writer.lost

    def notes(self) -> list[str]:
        """List what a person should know of the storage, each line once."""
        return [] if self._writer is None else self._writer.notes()

    def together(self) -> AbstractContextManager[None]:
        """Put all writes within on disk at its end, at once: one wait for the disk."""
        return nullcontext() if self._writer is None else self._writer.together()

    def _write(self, *entries: Entry) -> None:
        if self._writer is not None and entries:
            self._writer.write(*entries)

    @property
    def trials(self) -> list[TrialRecord]:
        """List all trials, by number."""
        return list(self._records.values())

    @property
    def count(self) -> int:
        """Count the trials that the search has proposed."""
        return self._proposed

    @property
    def next_number(self) -> int:
        """Return the number that the next trial will have."""
        return self._next

    @property
    def curves(self) -> Mapping[int, Mapping[str, float]]:
        """Map epoch -> trial -> objective, signed so that more is better; a live view."""
        return self._curves

    @property
    def optuna(self) -> OptunaStudy:
        """Return the sweep's own trials as an Optuna study in memory, for Optuna's analyses."""
        return self._memory.own

    @property
    def fed(self) -> bool:
        """Whether `feed` has been called, in whatever session."""
        return "earlier" in self._attributes

    @property
    def fed_trials(self) -> list[TrialRecord]:
        """List the trials of previous sweeps that samplers see; they are counted nowhere."""
        return decode(self._attributes.get("earlier", ()), self.space, self.objective)

    def feed(self, trials: Sequence[TrialRecord]) -> None:
        """Let samplers see scored trials of previous sweeps, once, before this sweep's first.

        Args:
            trials: with params in this space, all that exist with each other.
        """
        self.remember("earlier", encode(trials, self.space, self.objective))
        self._memory.feed(self.fed_trials, self.space, self.objective)

    def trial(self, trial: str) -> TrialRecord:
        """Return one trial."""
        return self._records[trial]

    def propose(self, search: Search) -> TrialRecord:
        """Begin a trial with parameters that the search proposes and no other trial has.

        Raises:
            ConfigError: the search's sampler raised something, or left the space.
        """
        drawn = self._proposals.draw(search, self._proposed)
        known = self._sampler_attributes
        fresh = {
            k: v for k, v in self._memory.study_attrs.items() if k not in known or known[k] != v
        }
        self._write(*(Note(key, value, sampler=True) for key, value in fresh.items()))
        known.update(copy.deepcopy(fresh))
        number = self._put(drawn)
        return self._enter(drawn, number, number, drawn._trial_id)

    def derive(self, params: Mapping[str, Any], source: Source) -> TrialRecord:
        """Begin a trial that the search has not proposed and will not know of.

        Args:
            params: swept key -> value, each in the space, all that exist with each other.
            source: what the trial is made of; the epochs that it takes over are on record as its
                own, but took no time.
        """
        drawn = self._memory.draw(RandomSampler(0), self.space, params)
        self._memory.forget(drawn)
        known = {k: v for k, v in asdict(source).items() if v is not None}
        attributes: dict[str, Any] = {"source": known}
        taken_over, values = {}, {}
        for epoch in range(1, source.epoch + 1):
            metrics = {**self._records[source.trial].epochs[epoch], "epoch_s": 0.0}
            taken_over[epoch_key(epoch)] = metrics
            values[epoch] = float(metrics[self.objective.metric])
        if source.epoch:
            attributes["passed"] = source.epoch
        drawn.user_attrs, drawn.intermediate_values = attributes, values
        drawn.system_attrs = {**drawn.system_attrs, **taken_over}
        number = self._put(drawn)
        return self._enter(drawn, number, number, _UNSEEN)

    def reopen(self, trials: Sequence[str]) -> None:
        """Record that complete trials go on: they do once the study is opened again."""
        for trial in trials:
            record = self._records[trial]
            again = self._memory.draw(RandomSampler(0), self.space, record.params)
            self._memory.forget(again)
            again.user_attrs = {CONTINUES: record.number}
            self._put(again)

    def _put(self, trial: FrozenTrial) -> int:
        """Write a new trial as it is now, though perhaps later; returns its number."""
        number = self._next
        self._next += 1
        if self._writer is not None:
            as_is = copy.copy(trial)
            as_is.system_attrs = dict(trial.system_attrs)
            self._write(NewTrial(number, as_is))
        return number

    def report(
        self,
        trial: str,
        epoch: int,
        metrics: Mapping[str, float],
        member: str,
        machine: str,
        gpus: float | None = None,
    ) -> bool:
        """Record an epoch; return False, having done nothing, if it was recorded before."""
        record = self._records[trial]
        if epoch <= record.last_epoch:
            return False
        value = float(metrics[self.objective.metric])
        number, memory_id = self._written[trial], self._memory_ids[trial]
        moment = Moment(time.time(), member, machine, gpus)
        has_moved = (member, machine) != (record.member, record.machine)
        moved: list[Entry] = []
        if has_moved:
            moved = [Attribute(number, "member", member), Attribute(number, "machine", machine)]
        kept = epoch_entry(metrics, moment, has_moved or epoch == 1 or number != record.number)
        # The metrics first: an epoch counts when they are there (see _adopt).
        self._write(*moved, Metrics(number, epoch, kept), Value(number, epoch, value))
        if memory_id != _UNSEEN:
            self._memory.report(memory_id, epoch, value)
        self._records[trial] = replace(
            record,
            epochs={**record.epochs, epoch: dict(metrics)},
            member=member,
            machine=machine,
            seconds=record.seconds + metrics.get("epoch_s", 0.0),
            moments={**record.moments, epoch: moment},
        )
        self._curve(trial, epoch, metrics)
        return True

    def go_on(self, trial: str, epoch: int) -> None:
        """Record that a trial was judged after this epoch, and is to go on."""
        record = self._records[trial]
        self._write(Attribute(self._written[trial], "passed", epoch))
        self._records[trial] = replace(record, passed=epoch)
        if (memory_id := self._memory_ids[trial]) != _UNSEEN:
            self._memory.resume(memory_id)

    def let_alone(self, trial: str, why: str) -> None:
        """Record that a trial is to go on with a card to itself, as it ran out of memory."""
        self._write(Attribute(self._written[trial], "alone", why))
        self._records[trial] = replace(self._records[trial], alone=why)

    def wait(self, trial: str) -> None:
        """Show a paused trial to samplers as pruned until it is resumed; not recorded."""
        if (memory_id := self._memory_ids[trial]) != _UNSEEN:
            self._memory.pause(memory_id)

    def end(self, trial: str, state: State, reason: str = "") -> TrialRecord:
        """Record how a trial ended; one that is complete or stopped is worth its best epoch."""
        record = replace(self._records[trial], state=state, reason=reason)
        values = scores(record, self.objectives) if state.scored else None
        if state is State.COMPLETE and values is None:
            raise ValueError(f"trial {trial} cannot be complete without an epoch")
        number, memory_id = self._written[trial], self._memory_ids[trial]
        self._write(
            Attribute(number, "reason", reason),
            Attribute(number, "state", state.value),
            End(number, OPTUNA_STATE[state], values),
        )
        if memory_id != _UNSEEN:
            self._memory.end(memory_id, state, OPTUNA_STATE[state], values)
        self._records[trial] = record
        return record

    @property
    def wall_s(self) -> float:
        """Return the seconds spent on this sweep in all sessions, as `spend` last recorded."""
        return float(self._attributes.get("wall_s", 0.0))

    @property
    def repeats_s(self) -> float:
        """Return those of these seconds that were spent on repeating the best."""
        return float(self._attributes.get("repeats_s", 0.0))

    def spend(self, wall_s: float, repeats_s: float = 0.0) -> None:
        """Record the seconds spent in all sessions."""
        self.remember("wall_s", wall_s)
        if repeats_s:
            self.remember("repeats_s", repeats_s)

    def remember(self, key: str, value: Any) -> None:
        """Record something about the study as a whole, as plain containers, in one write."""
        self._attributes[key] = value
        self._write(Note(key, value))

    def remembered(self, key: str) -> Any:
        """Return what `remember` has recorded; None if nothing."""
        return self._attributes.get(key)

    def _adopt(self, one: Whole) -> None:
        """Take a trial that is on record into the samplers' memory and the records."""
        trial = one.trial
        epochs = epochs_of(trial)
        for epoch, metrics in epochs.items():
            if epoch not in trial.intermediate_values:  # killed between metrics and value
                value = float(metrics[self.objective.metric])
                self._write(Value(one.written, epoch, value))
                trial.intermediate_values[epoch] = value
        derived = "source" in trial.user_attrs
        memory_id = (
            _UNSEEN if derived else self._memory.adopt(without_epochs(trial), state_of(trial))
        )
        self._enter(trial, one.number, one.written, memory_id)

    def _enter(self, trial: FrozenTrial, number: int, written: int, memory_id: int) -> TrialRecord:
        record = record_of(trial, number, self.space.values)
        self._records[record.id] = record
        self._written[record.id] = written
        if record.source is None:
            self._proposed += 1
            self._proposals.record(trial)
        self._memory_ids[record.id] = memory_id
        for epoch, metrics in record.epochs.items():
            self._curve(record.id, epoch, metrics)
        return record

    def _curve(self, trial: str, epoch: int, metrics: Mapping[str, float]) -> None:
        sign = 1.0 if self.objective.maximize else -1.0
        source = self._records[trial].source
        if source is None or source.epoch:  # what repeats another is not compared with it
            value = sign * metrics[self.objective.metric]
            self._curves.setdefault(epoch, {})[trial] = value
