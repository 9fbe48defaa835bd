"""Decide while a sweep runs: which trial comes next, which stops, when all is over.

Knows no Ray: whoever runs trials asks `next`, reports `epoch` and `failed`, and looks at `halted`.
Every event is in the study before anyone else hears of it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sweeps.config.require import MOST_INFEASIBLE, Refused
from sweeps.driver import tracked_trials
from sweeps.driver.arriving import ArrivingEpochs
from sweeps.driver.contract import Assignment, Slots, Trainings, with_absolute_paths
from sweeps.driver.ledger import Ledger
from sweeps.driver.observer import Observer
from sweeps.driver.pbt_generations import Birth
from sweeps.driver.repeat_best import RepeatBest
from sweeps.driver.rules import Rules
from sweeps.driver.running import RunningTrials, UnfinishedTrials
from sweeps.driver.trial_folders import TrialFolders
from sweeps.driver.waiting import WaitingTrials
from sweeps.results_folder import Folder
from sweeps.study.study import Study
from sweeps.tracking import Tracker
from sweeps.trials import Place, State, TrialRecord
from trainers.config import TrainConfig
from trainers.errors import ConfigError


class Driver:
    """Makes the decisions of one session of a sweep.

    Attributes:
        ledger: what is spent.
        running: the trials that have been handed out and have not ended.
        waiting: those that are paused, and which of those that run are to give way.
        arriving: the epochs on their way.
        halted: why the session ends, if it does.
    """

    def __init__(
        self,
        study: Study,
        composition: Trainings,
        rules: Rules,
        folder: Path | None,
        tracker: Tracker,
        observer: Observer,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take up a sweep where its study stands.

        Args:
            folder: where the sweep leaves its files; None: it leaves none.
            clock: gives seconds; a simulation's are not real ones.
        """
        self._study = study
        self._composition = composition
        self._rules = rules
        own = None if folder is None else Folder(folder)
        self._folders = TrialFolders(own, observer, self.listen)
        self._tracker, self._observer = tracker, observer
        self.arriving = ArrivingEpochs(own, tracker)
        resources, failures = composition.base.resources, composition.base.failures
        most_failures, gpus = int(failures.in_a_row), float(resources.gpu)
        self.ledger = Ledger(study, rules.budget, gpus, most_failures, clock)
        self.waiting = WaitingTrials(study, rules)
        seed = rules.search.setting.seed
        self._repeats = RepeatBest(rules.repeats, study, seed, observer, self.ledger)
        self._unfinished = UnfinishedTrials(t for t in study.trials if not t.state.ended)
        self.running = RunningTrials(gpus)
        self._slots = Slots(sys.maxsize, sys.maxsize)
        self._trainings: dict[str, TrainConfig] = {}  # of the trials that run
        self._refused = Refused()
        self.halted = ""
        observer.spent(self.ledger.spent)

    @property
    def wanted(self) -> int | None:
        """Return how many slots it could use now; None if new trials come without end."""
        if not self.halted and (not self._no_more_proposals() or self._repeats.left(self._active)):
            return None
        later = self._unfinished.slots(self.running.of_a_card) + len(self.waiting.epochs)
        return self.running.slots + (0 if self.halted else later)

    @property
    def finished(self) -> bool:
        """Whether no trial is left to hand out."""
        if self.halted or self._unfinished:
            return bool(self.halted)
        return self._search_over and not self._repeats.left(self._active)

    def halt(self, reason: str) -> None:
        """End this session. Trials that run stay on record as running, for a resume."""
        self.halted = self.halted or reason

    def next(self) -> Assignment | None:
        """Hand out the next trial, unfinished ones first; None if there is none now."""
        if self.waiting.generation_cut_short:
            self._begin_generation()
        assignment = self._next_unfinished() or self._next_promoted() or self._next_proposed()
        if assignment is None and not self.running:
            assignment = self._next_alone()
        if assignment is not None:
            return assignment
        if self._refused.count and self.ledger.all_infeasible:
            self.halt(self._refused.message())  # a grid has no more
        if not self.running and self._generation_due():
            self._begin_generation()
            return self.next()
        self._end_waiting()
        repeat = None if self.halted else self._repeats.next(self._active)
        return None if repeat is None else self._assign(repeat)

    def epoch(self, trial: str, epoch: int, metrics: Mapping[str, float], place: Place) -> bool:
        """Record an epoch; True if the trial is to stop, but one that `arriving` holds."""
        if trial not in self.running:
            return True
        with self._study.together():
            gpus = self.running.gpus(trial)
            if self._study.report(trial, epoch, metrics, place.member, place.machine, gpus):
                self._show_epoch(trial, epoch, metrics, place)
                self.ledger.record_if_due()
            else:  # on record before: its process was lost after that
                record = self._study.trial(trial)
                if epoch <= record.passed or epoch < record.last_epoch:
                    return False
                self.arriving.told_again(trial, epoch, place)
            return self._ends(trial, epoch, place.node)

    def arrived(self, trial: str) -> bool | None:
        """Judge a trial that was held; True if it is to stop, None if it is held still."""
        if trial not in self.running:
            return True
        if self.arriving.is_held(trial):
            return None
        machine, last = self.arriving.held_on(trial), self._study.trial(trial).last_epoch
        with self._study.together():
            return self._ends(trial, last, machine)

    def failed(self, trial: str, state: State, reason: str) -> None:
        """End a trial badly: FAILED, DIVERGED or INFEASIBLE."""
        if trial in self.running:
            self._end(trial, state, reason)
            self._end_waiting()

    def try_alone(self, trial: str, reason: str) -> bool:
        """Let a trial that ran out of memory go on later, once, with a card to itself.

        Returns:
            Whether it is to; False if it had one, or no card gives it more.
        """
        if not self.running.gains_alone(self._study.trial(trial)):
            return False
        self._study.let_alone(trial, reason)
        self.notify(f"{trial}: {reason}; it is tried once more, alone on a card")
        self.give_back(trial)
        return True

    def give_back(self, trial: str) -> None:
        """Take a trial's slot; it goes on later, perhaps elsewhere."""
        self._unfinished.append(self._study.trial(trial))
        self._pause(trial)

    def share(self, slots: Slots) -> None:
        """Take in how many trials may run; those beyond give way at the ends of their epochs."""
        self._slots = slots
        self.waiting.make_room(self.running, slots)
        self._observer.slots(slots.trials)

    def notify(self, message: str) -> None:
        """Show a person a message."""
        self._observer.notify(message)

    def listen(self) -> str:
        """Pass on the messages of the tracker and the study; returns `halted`. Call it often."""
        self.arriving.look()
        for message in (*self._tracker.notes(), *self._study.notes()):
            self._observer.notify(message)
        if self._study.lost:
            self.halt(self._study.lost)
        return self.halted

    def close(self) -> None:
        """Put the time spent on record, and wait for no epoch any more."""
        self.arriving.forget_all()
        self.ledger.record()

    @property
    def _search_over(self) -> bool:
        """Whether the search hands out no further trial."""
        if self.waiting.epochs and (
            # What runs may yet make room at the top for one that waits.
            self.running or self._promotable() is not None or self._generation_due()
        ):
            return False
        return self._no_more_proposals()

    @property
    def _active(self) -> list[str]:
        """List the trials that have begun and not ended."""
        return [*self.running, *self._unfinished, *self.waiting.epochs]

    def _no_more_proposals(self) -> bool:
        limit = self._rules.search.limit()
        everything = limit is not None and self._study.count >= limit
        return everything or self.ledger.no_more_trials

    def _next_unfinished(self) -> Assignment | None:
        """Hand out a trial that an earlier session has begun, unless it ends as it is judged."""
        while not self.halted and (trial := self._unfinished.take(self.running, self._slots)):
            if (assignment := self._go_on(trial)) is not None:
                return assignment
        return None

    def _next_alone(self) -> Assignment | None:
        """Hand out a trial that is to be alone on a card, once nothing else is left to run."""
        while self._unfinished.alone and not self.halted:
            trial = self._unfinished.take_alone()
            if self._slots.on_cards == 0:
                why = self._study.trial(trial).alone
                self._end(trial, State.FAILED, f"{why}; no card is left to try it alone")
            elif (assignment := self._go_on(trial)) is not None:
                return assignment
        return None

    def _go_on(self, trial: str) -> Assignment | None:
        """Hand out a trial that has begun, unless it ends as it is judged."""
        record = self._study.trial(trial)
        assignment = self._assign(record)
        if assignment is None:
            return None
        lacks = assignment.after < record.last_epoch  # it comes again, and is judged then
        return assignment if lacks or not self._judge(trial, record.last_epoch) else None

    def _next_promoted(self) -> Assignment | None:
        if self.halted or (promoted := self._promotable()) is None:
            return None
        self.waiting.promote(promoted)
        return self._assign(self._study.trial(promoted))

    def _next_proposed(self) -> Assignment | None:
        """Hand out the search's next proposal that may be trained."""
        while not self.halted and not self._no_more_proposals():
            try:
                proposed = self._study.propose(self._rules.search)
            except ConfigError as error:  # a sampler of the user's own may raise anything
                self.halt(str(error))
                return None
            assignment = self._assign(proposed)
            if assignment is not None:
                return assignment
            if self._refused.count >= MOST_INFEASIBLE:
                self.halt(self._refused.message())
        return None

    def _promotable(self) -> str | None:
        """Return the trial that is to go on before a new one begins, if there is any."""
        if not self.waiting.epochs or self.ledger.over:
            return None
        return self.waiting.promotable()

    def _generation_due(self) -> bool:
        """Whether those that wait are a population whose next generation may begin."""
        return self.waiting.is_population and not self.halted and not self.ledger.over

    def _begin_generation(self) -> None:
        for birth in self.waiting.next_generation(self._trainable):
            self._replace(birth)
        self._unfinished = UnfinishedTrials(map(self._study.trial, self.waiting.ready()))

    def _replace(self, birth: Birth) -> None:
        """End a trial that gives way, its child having its checkpoint."""
        try:
            self._folders.hand_over(birth.child, self._owner(birth.child.id))
            if self.halted:
                return  # the generation is begun again by the next session
        except FileNotFoundError as error:
            self._end(birth.child.id, State.FAILED, str(error))
        self._end(birth.trial, State.STOPPED, birth.reason)

    def _trainable(self, params: Mapping[str, Any]) -> bool:
        return not self._rules.constraints.judge(params, *self._composition.training(params))

    def _assign(self, record: TrialRecord) -> Assignment | None:
        """Hand out a trial; None, and it is ended as infeasible, if it is one not to be trained."""
        params = tracked_trials.drawn(record)
        config, training = self._composition.training(params)
        if refusals := self._rules.constraints.judge(record.params, config, training):
            self.ledger.count_infeasible(record)
            self._refused.add(refusals)
            reason = "; ".join(refusal.reason for refusal in refusals)
            self._observer.ended(self._study.end(record.id, State.INFEASIBLE, reason))
            return None
        self._refused.clear()
        container = self.running.add(record, with_absolute_paths(config), self._slots)
        folder = self._folders.make(record, container)
        if folder is None:
            self.running.discard(record.id)
            return None  # it goes on in the next session
        if record.repeat_of is not None and self._search_over:
            self.ledger.record()  # so that a kill does not take from what ended the search
            self._repeats.begin(self._active)
        self._trainings[record.id] = training
        self._observer.started(record)
        setting = self._rules.search.setting
        tracked_trials.started(self._tracker, record, container, self._composition, setting)
        last = self.arriving.last_here(record.id, record.last_epoch)
        return Assignment(record.id, container, folder, last, self._owner(record.id))

    def _owner(self, trial: str) -> str:
        """Return the id that the checkpoints of a trial carry."""
        return f"{self._study.uid}/{trial}"

    def _show_epoch(
        self, trial: str, epoch: int, metrics: Mapping[str, float], place: Place
    ) -> None:
        """Count an epoch that is on record, and show it."""
        record = self._study.trial(trial)
        self.ledger.count_epoch(record, metrics.get("epoch_s", 0.0))
        self._observer.spent(self.ledger.spent)
        self._observer.epoch(trial, epoch, metrics, place.told)
        best = record.best(self._study.objective)
        self.arriving.show(trial, epoch, metrics, place, best is not None and best[0] == epoch)

    def _ends(self, trial: str, epoch: int, machine: str) -> bool:
        """Judge a trial that runs after its epoch, and what its end brings; True if it stops."""
        ends = self._judge(trial, epoch, machine)
        if ends:
            self._end_waiting()
        return ends

    def _judge(self, trial: str, epoch: int, machine: str = "") -> bool:
        """Judge a trial after an epoch on record; True if it gives its slot back."""
        record = self._study.trial(trial)
        end = self._end_of(record, epoch)
        pauses = end is None and self.waiting.pauses(record, epoch)
        if end is None and not pauses:
            if epoch > record.passed:
                self._study.go_on(trial, epoch)
            if not self.waiting.leaves(trial, machine, self.running, self._slots):
                return False
        if self.arriving.holds(trial, machine):
            return False
        if end is not None:
            self._end(trial, *end)
        elif pauses:
            self.waiting.pause(trial, epoch)
            self._pause(trial)
        else:
            self.give_back(trial)
        return True

    def _end_of(self, trial: TrialRecord, epoch: int) -> tuple[State, str] | None:
        """Return how and why a trial ends after this epoch; None if it does not."""
        training, study = self._trainings[trial.id], self._study
        if end := self._rules.end_of(trial, epoch, training, study.objective, study.curves):
            return end
        if trial.id in self._tracker.stop_requests():
            return State.STOPPED, "a person stopped it in W&B"
        if trial.repeat_of is None and (over := self.ledger.over):
            return State.STOPPED, over
        return None

    def _pause(self, trial: str) -> None:
        """Take a trial's slot until it goes on; on record it is still running."""
        self.running.discard(trial)
        self.waiting.has_left(trial)
        self.arriving.forget(trial)
        self._observer.paused(trial)
        self._tracker.trial_ended(trial, "paused", "", {})

    def _end_waiting(self) -> None:
        """End those that wait once nothing can promote them any more."""
        if self.running or self._unfinished or self.halted or not self._search_over:
            return
        over = self.ledger.over
        for trial, epoch in sorted(self.waiting.epochs.items()):
            why = over or f"waited after epoch {epoch}, and was not chosen to go on"
            self._end(trial, State.STOPPED, why)
        self.waiting.clear()

    def _end(self, trial: str, state: State, reason: str) -> None:
        self.arriving.forget(trial)
        record = self._study.end(trial, state, reason)
        self.ledger.count_end(record)
        self._repeats.ended(record)
        self._observer.spent(self.ledger.spent)
        self.running.discard(trial)
        self._observer.ended(record)
        tracked_trials.ended(self._tracker, record, self._study.objective)
        if limit := self.ledger.failures_in_a_row:
            self.halt(f"{limit} trials in a row have failed; the last, {trial}: {reason}")
        if over := self.ledger.newly_over:  # the trial that ended may have a reason of its own
            self._observer.notify(f"{over}: no more trials")
