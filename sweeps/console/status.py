"""Track the status of a running sweep: counts, the best trial, running trials, time left."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len

from sweeps.console.eta import TrialProgress, Waiting, eta
from sweeps.driver.budget import UNLIMITED, Budget, Spent
from sweeps.formatting import FAILED, counts, number, one_line, outcome
from sweeps.stop.rehearsal import Rehearsed
from sweeps.trials import Objective, Ranked, State, TrialRecord, place_name

#: Seconds after which the time left is reckoned anew where nothing has happened.
RECKON_AGAIN_S = 2.0
#: Epochs needed to estimate the time left before a trial has ended: the first include start-up.
ENOUGH_EPOCHS = 3


@dataclass(frozen=True)
class Overview:
    """Describes a sweep as far as it is known before it runs.

    Attributes:
        search, stop: the choices that propose and stop trials, a word each ("tpe", "asha").
        machines: the machines it runs on, in words ("4 at once on atlas").
        trials: number of trials, with those of previous sessions and repeats, but without the
            children that continue other trials; None if only time limits them.
        proposals: number that the search has in all, with repeats: of a grid the infeasible ones
            are none of the trials; None if it never ends.
        repeats: how many of the trials repeat the best, at most.
        rehearsed: what the stopping rule lets trials have; empty where no rule stops them.
        epochs: length of a trial, at most, unless `epochs` is among its parameters.
        slots: number of trials that run at once.
        budget_s: seconds that a budget of time leaves to this session, if there is one.
        budget: all limits; the display shows what is left of them.
        population: whether a stopped trial has a child that continues it (stop=pbt).
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
    proposals: int | None = None
    repeats: int = 0
    rehearsed: Sequence[Rehearsed] = ()


@dataclass
class Running:
    """Holds a trial in a slot; its seconds and epochs include those of previous sessions."""

    trial: TrialRecord
    description: str
    place: str
    since: float  # the clock time at which it would have begun, had it never been interrupted
    seconds: float  # at its last epoch
    epoch: int
    value: float | None
    begun: int = 0  # the epochs it had when it took its slot
    first_s: float = 0.0  # the seconds at the end of its first epoch since
    epoch_s: float = 0.0  # the seconds of its last epoch, as itself measured them

    @property
    def pace(self) -> float:
        """Return the seconds of an epoch; 0 before the first has ended."""
        if (since := self.epoch - self.begun) > 1:
            return (self.seconds - self.first_s) / (since - 1)
        if since == 1 and self.epoch_s:
            return self.epoch_s
        return self.seconds / self.epoch if self.epoch else 0.0


class Status:
    """Tracks a sweep while it runs; each event brings the time as `now`."""

    def __init__(self, overview: Overview, previous: Sequence[TrialRecord], now: float) -> None:
        """Begin a session; `previous` are the trials of previous sessions."""
        self.overview, self.began, self.over = overview, now, False
        self.ended: dict[str, tuple[State, float]] = {}  # trial -> state and seconds
        self.infeasible = 0  # proposals that never took a slot
        self.running: dict[str, Running] = {}
        self.paused: dict[str, Running] = {}
        self.best: Ranked | None = None
        self.failure = ""  # the last failure of this session, in words
        self.widths: dict[str, int] = {}  # parameter -> width of its widest value so far, in cells
        self.places: set[str] = set()
        self.spent: tuple[Spent, float] | None = None  # last report, and its time
        self._leads: dict[str, Ranked] = {}  # trial -> its best epoch, unless it failed
        self._children: set[str] = set()  # continue other trials, which are counted already
        self._epochs, self._epochs_s, self._any_epoch = 0, 0.0, False
        self._trained: dict[str, TrialProgress] = {}  # of those that have ended
        self._between: list[float] = []  # seconds between trainings in a slot
        self._begun = self._repeats_begun = 0
        self._reckoned: tuple[float, tuple[float, float] | None] | None = None
        for trial in previous:
            if trial.state.ended:
                self._epochs += trial.trained
                self._epochs_s += trial.seconds
                self.end(trial, now)
        self.failure = ""

    def start(self, trial: TrialRecord, description: str, now: float) -> None:
        """Record that a trial takes a slot, perhaps not for the first time."""
        self.ended.pop(trial.id, None)
        self.paused.pop(trial.id, None)
        epoch = trial.last_epoch
        value = trial.epochs[epoch].get(self.overview.objective.metric) if epoch else None
        place, since = self._register(trial), now - trial.seconds
        self.running[trial.id] = Running(
            trial, one_line(description), place, since, trial.seconds, epoch, value, epoch
        )
        self._trained.pop(trial.id, None)
        self._begun += 1
        self._repeats_begun += trial.repeat_of is not None
        self._reckoned = None
        self._lead(trial, trial.best(self.overview.objective))

    def epoch(
        self, trial: str, epoch: int, metrics: Mapping[str, float], place: str, now: float
    ) -> bool:
        """Record the end of an epoch; return whether its trial took the lead from another."""
        if (running := self.running.get(trial)) is None:
            return False
        self._any_epoch = True
        seconds = now - running.since
        self._epochs += 1
        self._epochs_s += seconds - running.seconds
        if epoch == running.begun + 1:
            running.first_s = seconds
            if self._begun > self.overview.slots:  # the first ones start their processes as well
                own = metrics.get("epoch_s", seconds - running.seconds)
                self._between.append(max(seconds - running.seconds - own, 0.0))
        running.epoch, running.seconds = epoch, seconds
        running.epoch_s = metrics.get("epoch_s", 0.0)
        self._reckoned = None
        running.value = metrics.get(self.overview.objective.metric)
        if place:
            running.place = place
            self.places.add(place)
        own_best, before = self._leads.get(trial), self.best
        better = self.overview.objective.better
        if running.value is not None and (
            own_best is None or better(running.value, own_best.value)
        ):
            self._lead(running.trial, (epoch, running.value))
        after = self.best
        return after is not None and (before is None or after.trial.id != before.trial.id)

    def pause(self, trial: str) -> None:
        """Record that a trial gives its slot back and may continue later."""
        if running := self.running.pop(trial, None):
            self.paused[trial] = running
            self._reckoned = None

    def end(self, trial: TrialRecord, now: float) -> None:
        """Record the end of a trial, whether or not it had a slot."""
        self.paused.pop(trial.id, None)
        if trial.state is State.INFEASIBLE:
            self.infeasible += 1
            return
        self._reckoned = None
        running = self.running.pop(trial.id, None)
        pace = running.pace if running else trial.seconds / max(trial.trained, 1)
        if trial.repeat_of is None:
            length = self.length(trial)
            self._trained[trial.id] = TrialProgress(trial.last_epoch, length, pace)
        self.ended[trial.id] = trial.state, now - running.since if running else trial.seconds
        self._register(trial)
        self._lead(trial, trial.best(self.overview.objective) if trial.state.scored else None)
        if trial.state in FAILED:
            self.failure = f"{trial.id} {outcome(trial, self.overview.objective)}"

    @property
    def trials(self) -> int | None:
        """Return how many trials there will be; None if only time limits them.

        What a grid has proposed and could not be trained is not among them.
        """
        overview = self.overview
        if overview.trials is None or overview.proposals is None:
            return overview.trials
        return min(overview.trials, overview.proposals - self.infeasible)

    @property
    def counted(self) -> int:
        """Return the number of ended trials among those that `Overview.trials` counts."""
        return len(self.ended.keys() - self._children)

    @property
    def starting(self) -> bool:
        """Whether trials have slots, and no epoch of this session has ended yet."""
        return bool(self.running) and not self.over and not self._any_epoch

    @property
    def counts(self) -> str:
        """Text of how many trials run and how the others ended."""
        states = Counter(state for state, _ in self.ended.values())
        replaced = min(len(self._children), states[State.STOPPED])
        states[State.STOPPED] -= replaced
        text = counts(states, self.infeasible, replaced)
        if self.paused:
            text += f" · {len(self.paused)} paused"
        word = "unfinished" if self.over else "running"
        return f"{len(self.running)} {word} · {text}" if self.running or not self.over else text

    def length(self, trial: TrialRecord) -> int:
        """Return the number of epochs that a trial runs at most."""
        swept = trial.params.get("epochs")
        return swept if isinstance(swept, int) else self.overview.epochs

    def left_s(self, now: float) -> tuple[float, float] | None:
        """Estimate the least and the most seconds until the sweep ends.

        None once it has, or while it is too early. The least is 0 where a target or a lack of
        progress may end it at any time.
        """
        if self.over:
            return None
        budget, limits = self.overview.budget, [math.inf]
        if self.overview.budget_s is not None:
            limits.append(max(self.began + self.overview.budget_s - now, 0.0))
        if self.spent is not None and budget.epochs is not None and self._epochs:
            left = max(budget.epochs - self.spent[0].epochs, 0)
            limits.append(left * self._epochs_s / self._epochs / self.overview.slots)
        estimate = self._estimated(now)
        if estimate is None and (self.trials is not None or min(limits) == math.inf):
            return None
        low, high = estimate or (math.inf, math.inf)
        if budget.target is not None or budget.stalled is not None:
            low = 0.0
        return min(low, *limits), min(high, *limits)

    def _estimated(self, now: float) -> tuple[float, float] | None:
        """Estimate the seconds until all trials have ended, reckoned anew after each event."""
        if self._reckoned is None or now - self._reckoned[0] > RECKON_AGAIN_S:
            self._reckoned = now, self._reckon(now)
        at, estimate = self._reckoned
        if estimate is None:
            return None
        return max(estimate[0] - (now - at), 0.0), max(estimate[1] - (now - at), 0.0)

    def _reckon(self, now: float) -> tuple[float, float] | None:
        if self.trials is None:
            return None
        scored = any(state.scored for state, _ in self.ended.values())
        if not scored and self._epochs < ENOUGH_EPOCHS:
            return None
        if self.overview.population:
            ends = self._generations(self.trials) * self._epochs_s / max(self._epochs, 1)
            return ends, ends
        known = dict(self._trained)
        known |= {trial: self._so_far(r, now) for trial, r in self.running.items()}
        known |= {t: replace(self._so_far(r, now), runs=False) for t, r in self.paused.items()}
        left = max(self.trials - self.counted - len(self.running) - len(self.paused), 0)
        repeats = min(max(self.overview.repeats - self._repeats_begun, 0), left)
        between = sorted(self._between)
        waiting = Waiting(
            trials=left - repeats,
            full=repeats,
            length=self.overview.epochs,
            rehearsed=[r.epochs for r in self.overview.rehearsed if 2 * r.order >= self._begun],
            between_s=between[len(between) // 2] if between else 0.0,
        )
        return eta([known[trial] for trial in sorted(known)], waiting, self.overview.slots)

    def _so_far(self, running: Running, now: float) -> TrialProgress:
        return TrialProgress(
            epochs=running.epoch,
            length=self.length(running.trial),
            epoch_s=running.pace,
            waited_s=max(now - running.since - running.seconds, 0.0) if running.pace else 0.0,
            runs=True,
        )

    def _generations(self, size: int) -> float:
        """Estimate the sequential epochs until a population of this size has trained in full."""
        alive = [*self.running.values(), *self.paused.values()]
        begun = self.counted + sum(not r.trial.taken_over for r in alive)
        ended = sum(state is not State.STOPPED for state, _ in self.ended.values())
        children = begun - ended - len(alive)  # waiting for a slot
        at = [r.epoch for r in alive] + [0] * (size - begun)
        at += [max((r.epoch for r in self.paused.values()), default=0)] * children
        rounds = math.ceil(len(at) / self.overview.slots)  # a generation waits for its last trial
        return rounds * sum(self.overview.epochs - epoch for epoch in at) / max(len(at), 1)

    def budget(self, now: float) -> str:
        """Format what is left of the budget, without the trials, whose number is shown anyway."""
        if self.spent is None or self.over:
            return ""
        spent, reported = self.spent
        return self.overview.budget.left(
            replace(spent, hours=spent.hours + (now - reported) / 3600)
        )

    def _register(self, trial: TrialRecord) -> str:
        """Record whether a trial is a child, its column widths and its place; return the place.

        The widths only grow, so that columns do not jump.
        """
        if trial.taken_over:
            self._children.add(trial.id)
        for key, value in trial.params.items():
            self.widths[key] = max(self.widths.get(key, 1), cell_len(number(value)))
        place = one_line(place_name(trial.member, trial.machine))
        self.places |= {place} if place else set()
        return place

    def _lead(self, trial: TrialRecord, best: tuple[int, float] | None) -> None:
        """Set or drop the best epoch of a trial, and update the best of all trials."""
        if trial.repeat_of is not None:
            return  # repeats do not compete with the search: their means are shown at the end
        if best is not None and not math.isnan(best[1]):
            self._leads[trial.id] = Ranked(trial, *best)
        else:
            self._leads.pop(trial.id, None)
        own, better = self._leads.get(trial.id), self.overview.objective.better
        rivals = [] if own is None else [own]
        if self.best is not None and self.best.trial.id == trial.id:
            if own is None or better(self.best.value, own.value):  # else it still leads
                rivals = list(self._leads.values())
            self.best = None
        for rival in rivals:
            if self.best is None or better(rival.value, self.best.value):
                self.best = rival
