"""The decisions of a sweep while it runs: which trial comes next, which stops, when all is over.

Knows no Ray: whoever runs trials asks `next`, tells `epoch` and `failed`, and looks at `halted`.
Every event is in the study before anyone else hears of it.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sweeps.config.require import MOST_INFEASIBLE, Constraints, Refused
from sweeps.driver import pbt_generations
from sweeps.driver.best_so_far import Lead
from sweeps.driver.budget import Budget, Spent
from sweeps.driver.contract import Assignment, Trainings
from sweeps.driver.observer import Onlooker
from sweeps.driver.repeat_best import Again
from sweeps.driver.unrecorded_folders import set_aside
from sweeps.repeats.settings import NO_REPEATS, Repeats
from sweeps.results_folder import Folder, write_config
from sweeps.search.search import Search
from sweeps.stop import Breeding, Promoting, Stop
from sweeps.study.study import Study
from sweeps.tracking import Tracker
from sweeps.trials import SEED, Place, State, TrialRecord
from trainers import history
from trainers.config import TrainConfig

#: Seconds between two records of the time spent, which a kill may lose.
SPENDING_INTERVAL_S = 5.0


class Driver:
    """One sitting of a sweep."""

    def __init__(
        self,
        study: Study,
        composition: Trainings,
        constraints: Constraints,
        search: Search,
        stop: Stop,
        budget: Budget,
        folder: Path | None,
        tracker: Tracker,
        progress: Onlooker,
        clock: Callable[[], float] = time.monotonic,
        repeats: Repeats = NO_REPEATS,
    ) -> None:
        """Take up a sweep where its study stands.

        Args:
            repeats: which of the best are run again once the search is over.
            folder: where the sweep leaves its files; None: it leaves none.
            clock: gives seconds; a simulation's are not real ones.
        """
        self._study = study
        self._composition = composition
        self._constraints = constraints
        self._search = search
        self._stop = stop
        # Asked once: to compare with a protocol takes as long as to record an epoch.
        self._promoting = stop if isinstance(stop, Promoting) else None
        self._breeding = stop if isinstance(stop, Breeding) else None
        self._begun = None if self._breeding is None else pbt_generations.begun(study)
        self._budget = budget
        self._folder = None if folder is None else Folder(folder)
        self._tracker = tracker
        self._progress = progress
        self._clock = clock
        self._began = clock()
        self._earlier_s = study.wall_s
        self._told_s = 0.0
        self._again = Again(repeats, study, search.setting.seed, progress, clock)
        # Repeats come on top of the budget: none of them counts in what is spent and found.
        searched = [trial for trial in study.trials if trial.repeat_of is None]
        self._epochs = sum(trial.trained for trial in searched)
        self._gpus = float(composition.base.resources.gpu)
        self._gpu_s = sum(trial.seconds for trial in searched) * self._gpus
        self._lead = Lead(study.objective, searched)
        self._over = ""  # why the budget ends the sweep, once a person has been told
        self._unfinished = deque(t.id for t in study.trials if not t.state.ended)
        self._running: set[str] = set()
        self._paused: dict[str, int] = {}  # trial -> the epoch after which it waits
        self._trainings: dict[str, TrainConfig] = {}  # of the trials that run
        self._refused = Refused()
        self._infeasible = sum(
            t.source is None and t.state is State.INFEASIBLE for t in study.trials
        )
        self._failures = 0  # in a row
        self._most_failures = int(composition.base.failures.in_a_row)
        self.halted = ""
        progress.spent(self._spent())

    @property
    def wall_s(self) -> float:
        """Seconds spent on the sweep in all sittings."""
        return self._earlier_s + self._clock() - self._began

    @property
    def running(self) -> int:
        """Trials that have been handed out and have not ended."""
        return len(self._running)

    @property
    def finished(self) -> bool:
        """Whether no trial is left to hand out."""
        if self.halted or self._unfinished:
            return bool(self.halted)
        return self._searched and not self._again.left(self._active)

    @property
    def _searched(self) -> bool:
        """Whether the search hands out no further trial."""
        # What runs may yet make room at the top for one that waits.
        goes_on = self._running or self._promotable() is not None or self._breeds()
        waits = bool(self._paused) and bool(goes_on)
        return not waits and self._no_more()

    @property
    def extension(self) -> str:
        """Overrides with which a sweep whose budget has ended it would go on; else empty."""
        return self._budget.extension(self._spent())

    def halt(self, reason: str) -> None:
        """End this sitting. Trials that run stay on record as running, to be gone on with."""
        self.halted = self.halted or reason

    def next(self) -> Assignment | None:
        """The next trial, unfinished ones of earlier sittings first; None if there is none."""
        if self._begun is not None:
            self._succeed()
        while self._unfinished and not self.halted:
            record = self._study.trial(self._unfinished.popleft())
            assignment = self._assign(record)
            if assignment is None or self._settled(record.id, record.last_epoch, self._spent()):
                continue
            return assignment
        if not self.halted and (promoted := self._promotable()) is not None:
            self._study.go_on(promoted, self._paused.pop(promoted))
            return self._assign(self._study.trial(promoted))
        while not self.halted and not self._no_more():
            if (assignment := self._assign(self._study.propose(self._search))) is not None:
                return assignment
            if self._refused.count >= MOST_INFEASIBLE:
                self.halt(self._refused.message())
        if self._refused.count and self._infeasible == self._study.count:
            self.halt(self._refused.message())  # a grid has no more
        if not self._running and self._breeds():
            self._succeed()
            return self.next()
        self._dismiss()
        repeat = None if self.halted else self._again.next(self._active)
        return None if repeat is None else self._assign(repeat)

    def epoch(self, trial: str, epoch: int, metrics: Mapping[str, float], place: Place) -> bool:
        """Record an epoch; True if the trial is to stop."""
        if trial not in self._running:
            return True
        with self._study.together():
            return self._epoch(trial, epoch, metrics, place)

    def _epoch(self, trial: str, epoch: int, metrics: Mapping[str, float], place: Place) -> bool:
        if not self._study.report(trial, epoch, metrics, place.member, place.machine):
            return False  # told before: its process was lost after that
        record = self._study.trial(trial)
        if not self._repeated(trial):
            self._epochs += 1
            self._gpu_s += metrics.get("epoch_s", 0.0) * self._gpus
            self._lead.note(record)
        where = f"{place.member}/{place.machine}" if place.member else place.machine
        spent = self._spent()
        self._progress.spent(spent)
        self._progress.epoch(trial, epoch, metrics, where)
        checkpoint = None if self._folder is None else self._folder.checkpoint(trial, epoch)
        best = record.best(self._study.objective)
        leads = best is not None and best[0] == epoch
        self._tracker.epoch(trial, epoch, metrics, checkpoint, leads)
        if self.wall_s - self._told_s > SPENDING_INTERVAL_S:
            self.spend()
        settled = self._settled(trial, epoch, spent)
        if settled:
            self._dismiss()
        return settled

    def failed(self, trial: str, state: State, reason: str) -> None:
        """A trial ended badly: FAILED, DIVERGED or INFEASIBLE."""
        if trial in self._running:
            self._end(trial, state, reason)
            self._dismiss()

    def note(self, text: str) -> None:
        """Tell the person something."""
        self._progress.note(text)

    def listen(self) -> None:
        """Pass on what the tracker and the study have to say. Cheap; call it often."""
        for text in (*self._tracker.notes(), *self._study.notes()):
            self._progress.note(text)
        if self._study.lost:
            self.halt(self._study.lost)

    def spend(self) -> None:
        """Put the time spent on record."""
        self._told_s = self.wall_s
        self._study.spend(self._told_s, self._again.seconds)

    def _assign(self, record: TrialRecord) -> Assignment | None:
        """Hand out a trial; None, and it is ended as infeasible, if it is one not to be trained."""
        source = record.source
        seeded = {} if source is None or source.seed is None else {SEED: source.seed}
        config, training = self._composition.training({**record.params, **seeded})
        if refusals := self._constraints.judge(record.params, config, training):
            self._infeasible += record.source is None
            self._refused.add(refusals)
            reason = "; ".join(refusal.reason for refusal in refusals)
            self._progress.ended(self._study.end(record.id, State.INFEASIBLE, reason))
            return None
        self._refused.clear()
        container = _anywhere(config)
        folder = self._begin(record, container)
        self._running.add(record.id)
        if seeded and self._searched:
            self.spend()  # so that a kill does not take from what ended the search
            self._again.begin(self._active)
        self._trainings[record.id] = training
        self._progress.started(record)
        self._tracker.trial_started(
            record.id,
            {
                **container,
                "swept": {**record.params, **seeded},
                **({} if source is None else {"source": source.told}),
            },
            record.last_epoch,
        )
        return Assignment(record.id, container, folder, record.last_epoch)

    def _begin(self, trial: TrialRecord, container: dict[str, Any]) -> Path:
        """The folder of a trial, its configuration in it."""
        if self._folder is None:
            return Path(os.devnull)
        folder = self._folder.trials / trial.id
        if not trial.epochs and (told := set_aside(folder, container, trial.params)):
            self._progress.note(told)
        folder.mkdir(parents=True, exist_ok=True)
        write_config(folder / "config.yaml", container)
        return folder

    def _settled(self, trial: str, epoch: int, spent: Spent) -> bool:
        """Judge a trial after an epoch on record; True if that was its last."""
        training = self._trainings[trial]
        objective = self._study.objective
        if epoch >= training.epochs and self._study.trial(trial).best(objective) is None:
            self._end(trial, State.DIVERGED, f"{objective.metric} was a number in no epoch")
        elif epoch >= training.epochs:
            self._end(trial, State.COMPLETE, "")
        elif stalled := self._stalled(trial, training):
            self._end(trial, State.COMPLETE, stalled)
        elif reason := self._verdict(trial, epoch):
            self._end(trial, State.STOPPED, reason)
        elif trial in self._tracker.stop_requests():
            self._end(trial, State.STOPPED, "a person stopped it in W&B")
        elif not self._repeated(trial) and (over := self._budget.over(spent)):
            self._end(trial, State.STOPPED, over)
        elif self._pauses(trial, epoch):
            self._pause(trial, epoch)
        else:
            if epoch > self._study.trial(trial).passed:
                self._study.go_on(trial, epoch)
            return False
        return True

    def _verdict(self, trial: str, epoch: int) -> str | None:
        """The stopping rule's, unless it has let the trial pass this epoch before."""
        if epoch <= self._study.trial(trial).passed or self._repeated(trial):
            return None
        return self._stop.judge(trial, epoch, self._study.curves)

    def _pauses(self, trial: str, epoch: int) -> bool:
        rule = self._promoting or self._breeding
        if rule is None or epoch <= self._study.trial(trial).passed:
            return False
        if self._repeated(trial):
            return False
        return epoch > 0 and rule.pauses(epoch)

    def _pause(self, trial: str, epoch: int) -> None:
        """A trial gives its slot back until it is promoted; on record it is still running."""
        self._paused[trial] = epoch
        self._study.wait(trial)
        self._running.discard(trial)
        self._progress.paused(trial)
        self._tracker.trial_ended(trial, "paused", "", {})

    def _promotable(self) -> str | None:
        """The trial that is to go on before a new one begins, if there is any."""
        if not self._paused or self._promoting is None or self._budget.over(self._spent()):
            return None
        return self._promoting.promote(self._paused, self._study.curves)

    def _breeds(self) -> bool:
        """Whether those that wait are a population whose next generation may begin."""
        waits = self._breeding is not None and bool(self._paused) and not self.halted
        return waits and not self._budget.over(self._spent())

    def _succeed(self) -> None:
        """Let the next generation begin, or one whose beginning a kill has cut short."""
        assert self._breeding is not None
        study, rule, seed = self._study, self._breeding, self._search.setting.seed
        found = self._begun or pbt_generations.decide(study, rule, self._paused, seed)
        self._begun = None
        for birth in pbt_generations.births(study, rule, found, seed, self._trainable):
            try:
                if self._folder is not None:
                    self._folder.hand_over(birth.child)
            except FileNotFoundError as error:
                self._end(birth.child.id, State.FAILED, str(error))
            self._end(birth.trial, State.STOPPED, birth.reason)
        for trial in found.survivors:
            if study.trial(trial).passed < found.epoch:
                study.go_on(trial, found.epoch)
        for trial in (*found.survivors, *(trial for trial, _ in found.exploits)):
            self._paused.pop(trial, None)
        # In the order in which a sitting that begins after a kill would take them up.
        alive = (t.id for t in study.trials if not t.state.ended)
        self._unfinished = deque(trial for trial in alive if trial not in self._paused)

    def _trainable(self, params: Mapping[str, Any]) -> bool:
        return not self._constraints.judge(params, *self._composition.training(params))

    def _dismiss(self) -> None:
        """End those that wait once nothing can promote them any more."""
        if self._running or self._unfinished or self.halted or not self._searched:
            return
        over = self._budget.over(self._spent())
        for trial, epoch in sorted(self._paused.items()):
            self._end(trial, State.STOPPED, over or f"not promoted after epoch {epoch}")
        self._paused.clear()

    def _stalled(self, trial: str, training: TrainConfig) -> str:
        """Whether the trial's own patience is out: the trial, told or not, ends itself then."""
        return history.stalled(self._study.trial(trial).epochs, training.task, training.patience)

    def _end(self, trial: str, state: State, reason: str) -> None:
        record = self._study.end(trial, state, reason)
        if record.repeat_of is None:
            self._lead.note(record)
        self._again.note(record)
        self._progress.spent(self._spent())
        self._running.discard(trial)
        self._progress.ended(record)
        best = record.best(self._study.objective)
        summary = {} if best is None else {"best_epoch": best[0], "best_value": best[1]}
        self._tracker.trial_ended(trial, state.value, reason, summary)
        self._failures = 0 if state.scored else self._failures + 1
        if (limit := self._most_failures) <= self._failures:
            self.halt(f"{limit} trials in a row have failed; the last, {trial}: {reason}")
        if not self._over and (over := self._budget.over(self._spent())):
            self._over = over  # the trial that ended may have another reason of its own
            self._progress.note(f"{over}: no more trials")

    @property
    def _active(self) -> list[str]:
        """Trials that have begun and not ended."""
        return [*self._running, *self._unfinished, *self._paused]

    def _repeated(self, trial: str) -> bool:
        return self._study.trial(trial).repeat_of is not None

    def _no_more(self) -> bool:
        limit = self._search.limit()
        everything = limit is not None and self._study.count >= limit
        return everything or self._budget.no_more_trials(self._spent())

    def _spent(self) -> Spent:
        hours = (self.wall_s - self._again.seconds) / 3600
        trials = self._study.count - self._infeasible
        best, fruitless = self._lead.best, self._lead.fruitless
        return Spent(trials, hours, self._gpu_s / 3600, self._epochs, best, fruitless)


def _anywhere(config: Mapping[str, Any]) -> dict[str, Any]:
    """A trial's configuration, for a process that may have another current folder than we have."""
    data = config["data"]
    paths = {key: str(Path(data[key]).absolute()) for key in ("root", "cache") if data.get(key)}
    return {**config, "data": {**data, **paths}}
