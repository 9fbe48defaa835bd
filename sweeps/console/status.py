"""How a sweep stands while it runs: counts, the best, what runs, how long it will yet take."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len

from sweeps.console.eta import eta
from sweeps.driver.budget import UNLIMITED, Budget, Spent
from sweeps.formatting import FAILED, counts, number, one_line, outcome
from sweeps.trials import Objective, Ranked, State, TrialRecord

ENOUGH_EPOCHS = 3  # to guess from, before a trial has ended: the first epochs include start-up


@dataclass(frozen=True)
class Plan:
    """What is known of a sweep before it runs.

    Attributes:
        search, stop: what proposes trials and what stops them, in a word each ("tpe", "asha").
        machines: where it runs, in words ("4 at once on atlas").
        trials: in all, those of earlier sessions and repeats included, but not who goes on in
            the place of another; None if only time bounds them.
        epochs: the most a trial runs, unless `epochs` is among its parameters.
        slots: trials that run at once.
        budget_s: seconds that a budget of time leaves to this session, if there is one.
        budget: all limits, of which is told what is left.
        population: whether whoever is stopped has a child that goes on (stop=pbt).
    """

    sweep: str
    objective: Objective
    search: str
    stop: str
    machines: str
    trials: int | None
    epochs: int
    slots: int
    budget_s: float | None = None
    budget: Budget = UNLIMITED
    population: bool = False


@dataclass
class Running:
    """A trial in a slot. Its seconds and epochs include those of earlier sessions."""

    trial: TrialRecord
    description: str
    place: str
    since: float  # the clock when it would have begun, had it never been interrupted
    seconds: float  # at its last epoch
    epoch: int
    value: float | None


class Standing:
    """What is known of a sweep while it runs. Time comes in with each event, as `now`."""

    def __init__(self, plan: Plan, earlier: Sequence[TrialRecord], now: float) -> None:
        """Begin a session, knowing the trials that ended in earlier ones."""
        self.plan, self.began, self.over = plan, now, False
        self.ended: dict[str, tuple[State, float]] = {}  # trial -> how, after how many seconds
        self.infeasible = 0  # proposals that never took a slot
        self.running: dict[str, Running] = {}
        self.paused: dict[str, Running] = {}
        self.best: Ranked | None = None
        self.failure = ""  # the last one of this session, in words
        self.widths: dict[str, int] = {}  # parameter -> cells of its widest value so far
        self.places: set[str] = set()
        self.spent: tuple[Spent, float] | None = None  # as last told, and when
        self._leads: dict[str, Ranked] = {}  # trial -> its best epoch, unless it failed
        self._children: set[str] = set()  # that go on in the place of others, who count already
        self._epochs, self._epochs_s = 0, 0.0
        for trial in earlier:
            if trial.state.ended:
                self._epochs += trial.trained
                self._epochs_s += trial.seconds
                self.end(trial, now)
        self.failure = ""

    def start(self, trial: TrialRecord, description: str, now: float) -> None:
        """A trial takes a slot, perhaps not for the first time."""
        self.ended.pop(trial.id, None)
        self.paused.pop(trial.id, None)
        epoch = trial.last_epoch
        value = trial.epochs[epoch].get(self.plan.objective.metric) if epoch else None
        place, since = self._meet(trial), now - trial.seconds
        self.running[trial.id] = Running(
            trial, one_line(description), place, since, trial.seconds, epoch, value
        )
        self._lead(trial, trial.best(self.plan.objective))

    def epoch(
        self, trial: str, epoch: int, metrics: Mapping[str, float], place: str, now: float
    ) -> bool:
        """An epoch ended; whether its trial thereby took the lead from another."""
        if (running := self.running.get(trial)) is None:
            return False
        seconds = now - running.since
        self._epochs += 1
        self._epochs_s += seconds - running.seconds
        running.epoch, running.seconds = epoch, seconds
        running.value = metrics.get(self.plan.objective.metric)
        if place:
            running.place = place
            self.places.add(place)
        held, before = self._leads.get(trial), self.best
        better = self.plan.objective.better
        if running.value is not None and (held is None or better(running.value, held.value)):
            self._lead(running.trial, (epoch, running.value))
        after = self.best
        return after is not None and (before is None or after.trial.id != before.trial.id)

    def pause(self, trial: str) -> None:
        """A trial gives its slot back, perhaps for a while."""
        if running := self.running.pop(trial, None):
            self.paused[trial] = running

    def end(self, trial: TrialRecord, now: float) -> None:
        """A trial gives its slot back, or never took one."""
        self.paused.pop(trial.id, None)
        if trial.state is State.INFEASIBLE:
            self.infeasible += 1
            return
        running = self.running.pop(trial.id, None)
        self.ended[trial.id] = trial.state, now - running.since if running else trial.seconds
        self._meet(trial)
        self._lead(trial, trial.best(self.plan.objective) if trial.state.scored else None)
        if trial.state in FAILED:
            self.failure = f"{trial.id} {outcome(trial, self.plan.objective)}"

    @property
    def counted(self) -> int:
        """How many have ended of the trials that the plan counts."""
        return len(self.ended.keys() - self._children)

    @property
    def counts(self) -> str:
        """How many trials run, and how the others ended."""
        states = Counter(state for state, _ in self.ended.values())
        told = counts({**states, State.INFEASIBLE: self.infeasible})
        if self.paused:
            told += f" · {len(self.paused)} paused"
        word = "unfinished" if self.over else "running"
        return f"{len(self.running)} {word} · {told}" if self.running or not self.over else told

    def length(self, running: Running) -> int:
        """The most epochs that a trial runs."""
        swept = running.trial.params.get("epochs")
        return swept if isinstance(swept, int) else self.plan.epochs

    def left_s(self, now: float) -> float | None:
        """Seconds until the sweep ends, or None when it has, or while it is too early to tell."""
        budget_s = self.plan.budget_s
        left_s = None if budget_s is None else max(self.began + budget_s - now, 0.0)
        if self.over or self.plan.trials is None:
            return None if self.over else left_s
        scored = any(state.scored for state, _ in self.ended.values())
        if not scored and self._epochs < ENOUGH_EPOCHS:
            return None
        pace = self._epochs_s / max(self._epochs, 1)
        if self.plan.population:
            ends = self._generations(self.plan.trials) * pace
            return ends if left_s is None else min(ends, left_s)
        running = [
            (now - r.since, self.length(r) * (r.seconds / r.epoch if r.epoch else pace))
            for r in self.running.values()
        ]
        waiting = max(self.plan.trials - self.counted - len(running) - len(self.paused), 0)
        lasted = [seconds for _, seconds in self.ended.values()]
        return eta(lasted, running, waiting, self.plan.slots, left_s)

    def _generations(self, size: int) -> float:
        """The epochs, one after the other, until all of a population of this size have had all."""
        alive = [*self.running.values(), *self.paused.values()]
        begun = self.counted + sum(not r.trial.taken_over for r in alive)
        ended = sum(state is not State.STOPPED for state, _ in self.ended.values())
        children = begun - ended - len(alive)  # that have yet to take a slot
        at = [r.epoch for r in alive] + [0] * (size - begun)
        at += [max((r.epoch for r in self.paused.values()), default=0)] * children
        rounds = math.ceil(len(at) / self.plan.slots)  # the last are waited for
        return rounds * sum(self.plan.epochs - epoch for epoch in at) / max(len(at), 1)

    def budget(self, now: float) -> str:
        """What is left of the budget besides its trials, which are told by their number."""
        if self.spent is None or self.over:
            return ""
        spent, told = self.spent
        return self.plan.budget.left(replace(spent, hours=spent.hours + (now - told) / 3600))

    def _meet(self, trial: TrialRecord) -> str:
        """Note how wide its values are, so that columns do not jump, where it runs, what it is."""
        if trial.taken_over:
            self._children.add(trial.id)
        for key, value in trial.params.items():
            self.widths[key] = max(self.widths.get(key, 1), cell_len(number(value)))
        place = one_line("/".join(filter(None, (trial.member, trial.machine))))
        self.places |= {place} if place else set()
        return place

    def _lead(self, trial: TrialRecord, best: tuple[int, float] | None) -> None:
        """Set a trial's best epoch, or drop it, and with it the best of all."""
        if trial.repeat_of is not None:
            return  # the best of the search is who it is, and its repeats are told by their means
        if best is not None and not math.isnan(best[1]):
            self._leads[trial.id] = Ranked(trial, *best)
        else:
            self._leads.pop(trial.id, None)
        own, better = self._leads.get(trial.id), self.plan.objective.better
        rivals = [] if own is None else [own]
        if self.best is not None and self.best.trial.id == trial.id:
            if own is None or better(self.best.value, own.value):  # else it leads as it did
                rivals = list(self._leads.values())
            self.best = None
        for rival in rivals:
            if self.best is None or better(rival.value, self.best.value):
                self.best = rival
