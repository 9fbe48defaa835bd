"""Define what crosses the seams of a sweep: a trial's states, and records of what happened.

Everything here is plain, frozen data. The study writes it, and the report, the progress view
and the CSV files read it; none of them needs Optuna, Ray or W&B to do so.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from operator import itemgetter

#: Seconds since 1970 of 9999-12-31: later ones are no date.
LATEST = 253_402_214_400.0


class State(str, Enum):
    """Says how a trial stands. Each state but `RUNNING` and `COMPLETE` comes with a reason."""

    RUNNING = "running"
    COMPLETE = "complete"
    STOPPED = "stopped"  # early: by the stopping rule, the budget, or a person
    FAILED = "failed"  # raised, ran out of memory, or its process could not be kept alive
    DIVERGED = "diverged"  # a loss that is not finite
    INFEASIBLE = "infeasible"  # never took a slot: it could not run as asked
    ABANDONED = "abandoned"  # given up unfinished

    @property
    def ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self is not State.RUNNING

    @property
    def scored(self) -> bool:
        """Whether its epochs count as results (a failed trial's do not)."""
        return self in (State.COMPLETE, State.STOPPED)


@dataclass(frozen=True)
class Objective:
    """Describes what a sweep optimises: the name of a per-epoch metric and its direction."""

    metric: str
    maximize: bool

    @property
    def goal(self) -> str:
        """Name what is looked for, such as "the lowest val_loss"."""
        return f"the {'highest' if self.maximize else 'lowest'} {self.metric}"

    def better(self, a: float, b: float) -> bool:
        """Whether `a` is strictly better than `b`."""
        return a > b if self.maximize else a < b


def place_name(member: str, machine: str) -> str:
    """Name the place of a trial to a person: "alpha/atlas", and less where less is known."""
    return "/".join(filter(None, (member, machine)))


@dataclass(frozen=True)
class Place:
    """Describes where a trial runs: whose machine, which, and how busy it is.

    Attributes:
        load: reading -> value (`sweeps.backend.machine_load`), for W&B; it goes on no record.
        node: id of the machine in this cluster, where it has one; it goes on no record either.
        streams: whether it does not reach the results: its files are sent, and arrive later.
    """

    member: str
    machine: str
    load: Mapping[str, float] = field(default_factory=dict)
    node: str = ""
    streams: bool = False

    @property
    def told(self) -> str:
        """Name the machine to a person."""
        return place_name(self.member, self.machine)


@dataclass(frozen=True)
class Source:
    """Describes what a trial was made of that no search has proposed.

    Attributes:
        trial: the id of the one whose configuration it repeats, or whose training it goes on with.
        epoch: of that training, the last epoch it takes over; 0 if it begins afresh.
        seed: in the place of the sweep's own; None: the same.
    """

    trial: str
    epoch: int = 0
    seed: int | None = None

    @property
    def told(self) -> str:
        """Describe the source in words."""
        if self.epoch:
            return f"goes on from {self.trial} after epoch {self.epoch}"
        return f"repeats {self.trial}"


@dataclass(frozen=True)
class Moment:
    """Says when and where an epoch was trained.

    Attributes:
        at: when the driver heard of its end, in seconds since 1970 by the driver's clock.
        gpus: cards that it took, if not as many as the sweep's trials usually do.
    """

    at: float
    member: str
    machine: str
    gpus: float | None = None


@dataclass(frozen=True)
class TrialRecord:
    """Describes one trial as the study remembers it.

    Attributes:
        id: zero-padded number, the name of its folder ("0007").
        number: its number in the study, from 0.
        state, reason: how it stands, and why (empty while running or when complete).
        params: swept key -> value, only the keys that exist under its choices.
        epochs: epoch number (from 1) -> its metrics; no gaps.
        member, machine: where its last epoch ran (empty before the first).
        seconds: training seconds, summed over its epochs.
        passed: the last epoch after which it was told to go on.
        alone: how it ran out of memory beside others, so that it has a card to itself since; empty
            if it did not.
        source: None if the search has proposed it.
        moments: epoch -> when and where it was trained; without those that were taken over, and
            those of records of version 2. Two records that differ in them alone are equal.
    """

    id: str
    number: int
    state: State
    reason: str = ""
    params: Mapping[str, object] = field(default_factory=dict)
    epochs: Mapping[int, Mapping[str, float]] = field(default_factory=dict)
    member: str = ""
    machine: str = ""
    seconds: float = 0.0
    passed: int = 0
    alone: str = ""
    source: Source | None = None
    moments: Mapping[int, Moment] = field(default_factory=dict, compare=False, repr=False)

    @property
    def repeat_of(self) -> str | None:
        """Return the id of the trial that it runs again, with another seed; None if it does not."""
        source = self.source
        return None if source is None or source.seed is None else source.trial

    @property
    def last_epoch(self) -> int:
        """Return the number of its last epoch, 0 before the first."""
        return max(self.epochs, default=0)

    @property
    def taken_over(self) -> int:
        """Return how many epochs it has from another trial, in whose place it goes on; else 0."""
        return 0 if self.source is None else self.source.epoch

    @property
    def trained(self) -> int:
        """Return how many epochs it has trained itself: none of those it took over."""
        return len(self.epochs) - self.taken_over

    def gpu_s(self, gpus: float) -> float:
        """Return the seconds of training times the cards taken, of which `gpus` are usual."""
        others = {n: m.gpus for n, m in self.moments.items() if m.gpus is not None}
        if not others:
            return self.seconds * gpus
        return sum(
            metrics.get("epoch_s", 0.0) * others.get(epoch, gpus)
            for epoch, metrics in self.epochs.items()
        )

    def best(self, objective: Objective) -> tuple[int, float] | None:
        """(epoch, value) of its best epoch, the earliest of equals; None before the first.

        Neither what is no number nor what is infinite is a score.
        """
        told = ((epoch, self.epochs[epoch].get(objective.metric)) for epoch in sorted(self.epochs))
        numbers = [(epoch, v) for epoch, v in told if v is not None and math.isfinite(v)]
        first = max if objective.maximize else min  # each the first of equals
        return first(numbers, key=itemgetter(1), default=None)


@dataclass(frozen=True)
class Ranked:
    """Describes a scored trial at its best epoch."""

    trial: TrialRecord
    epoch: int
    value: float


@dataclass(frozen=True)
class Tally:
    """Counts the trials of a sweep, wherever they are counted for a person.

    Attributes:
        trials: all that took a slot; one that goes on in another's place counts as the same.
        states: how they stand.
        replaced: how many times one gave way to a copy of a better one (stop=pbt).
        infeasible: proposals that were not to be trained, and are no trials of the budget.
        repeats: how many of the trials repeat another one with another seed.
    """

    trials: int
    states: Mapping[State, int]
    replaced: int
    infeasible: int
    repeats: int


def tally(trials: Sequence[TrialRecord]) -> Tally:
    """Count trials."""
    states = Counter(trial.state for trial in trials)
    infeasible = states.pop(State.INFEASIBLE, 0)
    replaced = min(sum(trial.taken_over > 0 for trial in trials), states[State.STOPPED])
    states[State.STOPPED] -= replaced
    return Tally(
        trials=len(trials) - infeasible - replaced,
        states=states,
        replaced=replaced,
        infeasible=infeasible,
        repeats=sum(trial.repeat_of is not None for trial in trials),
    )


def ranking(trials: list[TrialRecord], objective: Objective) -> list[Ranked]:
    """Rank the scored trials, best first; of equals the earlier trial. Repeats have no rank."""
    ranked = [
        Ranked(trial, *best)
        for trial in trials
        if trial.state.scored
        and trial.repeat_of is None
        and (best := trial.best(objective)) is not None
    ]
    return sorted(
        ranked, key=lambda r: (-r.value if objective.maximize else r.value, r.trial.number)
    )


def scores(trial: TrialRecord, objectives: Sequence[Objective]) -> tuple[float, ...] | None:
    """Return what a trial is worth by each objective, at its best epoch by the first."""
    best = trial.best(objectives[0])
    if best is None:
        return None
    at_best = trial.epochs[best[0]]
    return (best[1], *(at_best.get(objective.metric, math.nan) for objective in objectives[1:]))


def front(trials: list[TrialRecord], objectives: Sequence[Objective]) -> list[Ranked]:
    """List the scored trials that none beats in an objective without losing in another (Pareto).

    In the order of the first objective, best first; of trials with equal values the earliest.
    """
    kept: dict[tuple[float, ...], Ranked] = {}
    for ranked in ranking(trials, objectives[0]):
        values = scores(ranked.trial, objectives)
        if values is not None and all(map(math.isfinite, values)):
            kept.setdefault(values, ranked)
    return [
        ranked
        for values, ranked in kept.items()
        if not any(_dominates(other, values, objectives) for other in kept)
    ]


def _dominates(
    one: tuple[float, ...], other: tuple[float, ...], objectives: Sequence[Objective]
) -> bool:
    """Whether one is as good by every objective, and better by some."""
    triples = list(zip(one, other, objectives, strict=True))
    worse = any(objective.better(b, a) for a, b, objective in triples)
    return not worse and any(objective.better(a, b) for a, b, objective in triples)


SEED = "seed"


def derived(seed: int, what: str) -> int:
    """Another seed, made of one and of what it is for; from 0 to 2**32 - 1."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{what}".encode()).digest()[:4], "big")
