"""What crosses the seams of a sweep: the states of a trial and the records of what happened.

Everything here is plain, frozen data. The study writes it, and the report, the progress view
and the CSV files read it; none of them needs Optuna, Ray or W&B to do so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from operator import itemgetter


class State(str, Enum):
    """How a trial stands. Each state but `RUNNING` and `COMPLETE` comes with a reason."""

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
    """What a sweep optimises: the name of a per-epoch metric and its direction."""

    metric: str
    maximize: bool

    def better(self, a: float, b: float) -> bool:
        """Whether `a` is strictly better than `b`."""
        return a > b if self.maximize else a < b


@dataclass(frozen=True)
class Place:
    """Where a trial runs: whose machine, and which."""

    member: str
    machine: str


@dataclass(frozen=True)
class Source:
    """What a trial was made of that no search has proposed.

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
        """In words."""
        if self.epoch:
            return f"goes on from {self.trial} after epoch {self.epoch}"
        return f"repeats {self.trial}"


@dataclass(frozen=True)
class TrialRecord:
    """One trial as the study remembers it.

    Attributes:
        id: zero-padded number, the name of its folder ("0007").
        number: its number in the study, from 0.
        state, reason: how it stands, and why (empty while running or when complete).
        params: swept key -> value, only the keys that exist under its choices.
        epochs: epoch number (from 1) -> its metrics; no gaps.
        member, machine: where its last epoch ran (empty before the first).
        seconds: training seconds, summed over its epochs.
        passed: the last epoch after which it was told to go on.
        source: None if the search has proposed it.
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
    source: Source | None = None

    @property
    def repeat_of(self) -> str | None:
        """The id of the trial that it runs again, with another seed; None if it does not."""
        source = self.source
        return None if source is None or source.seed is None else source.trial

    @property
    def last_epoch(self) -> int:
        """The number of its last epoch, 0 before the first."""
        return max(self.epochs, default=0)

    @property
    def taken_over(self) -> int:
        """How many epochs it has from another trial, in whose place it goes on; else 0."""
        return 0 if self.source is None else self.source.epoch

    @property
    def trained(self) -> int:
        """How many epochs it has trained itself: none of those it took over."""
        return len(self.epochs) - self.taken_over

    def best(self, objective: Objective) -> tuple[int, float] | None:
        """(epoch, value) of its best epoch, the earliest of equals; None before the first."""
        told = ((epoch, self.epochs[epoch].get(objective.metric)) for epoch in sorted(self.epochs))
        numbers = [(epoch, v) for epoch, v in told if v is not None and not math.isnan(v)]
        first = max if objective.maximize else min  # each the first of equals
        return first(numbers, key=itemgetter(1), default=None)


@dataclass(frozen=True)
class Ranked:
    """A scored trial at its best epoch."""

    trial: TrialRecord
    epoch: int
    value: float


def ranking(trials: list[TrialRecord], objective: Objective) -> list[Ranked]:
    """The scored trials, best first; of equals the earlier trial. Repeats have no rank."""
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
    """What a trial is worth by each objective, at its best epoch by the first."""
    best = trial.best(objectives[0])
    if best is None:
        return None
    at_best = trial.epochs[best[0]]
    return (best[1], *(at_best.get(objective.metric, math.nan) for objective in objectives[1:]))


def front(trials: list[TrialRecord], objectives: Sequence[Objective]) -> list[Ranked]:
    """The scored trials that no other beats in one objective without losing in another (Pareto).

    In the order of the first objective, best first; of trials with equal values the earliest.
    """
    kept: dict[tuple[float, ...], Ranked] = {}
    for ranked in ranking(trials, objectives[0]):
        values = scores(ranked.trial, objectives)
        if values is not None and not any(map(math.isnan, values)):
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


@dataclass(frozen=True)
class Rerun:
    """One of the best configurations, run again with seeds that it was not chosen by.

    Attributes:
        trial: its id in the search; `score` is what it had there.
        mean, low, high: of its new scores, and the 95 % interval; infinite for a single one.
        seeds: how many new scores it has.
        dropped: early, as one that could not win.
    """

    trial: str
    score: float
    mean: float
    low: float
    high: float
    seeds: int
    dropped: bool


@dataclass(frozen=True)
class Importance:
    """How much of the objective's variation a parameter explains, by one evaluator (0 to 1)."""

    parameter: str
    values: Mapping[str, float]  # evaluator -> share


@dataclass(frozen=True)
class Change:
    """A row of the ablation sheet: what one change has done.

    Attributes:
        told: the change as Hydra overrides; empty for the baseline.
        trials: how many runs of it have a score (several with several seeds).
        mean, sd: of their best values; sd is nan for a single one.
        difference: of the mean to the baseline's, above 0 if it is better.
        margin: the difference is uncertain by so much to either side (95 %); nan if unknown.
    """

    told: str
    trials: int
    mean: float
    sd: float
    difference: float
    margin: float

    @property
    def verdict(self) -> str:
        """In a word or two."""
        if not self.told:
            return "baseline"
        if math.isnan(self.margin):
            return {1: "better, one run", -1: "worse, one run"}.get(_sign(self.difference), "equal")
        if abs(self.difference) <= self.margin:
            return "no difference seen"
        return "worked" if self.difference > 0 else "hurt"


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)


@dataclass(frozen=True)
class Ending:
    """All that is told when a sweep ends or is interrupted.

    Attributes:
        overrides: the best configuration as Hydra overrides ("optimizer.lr=0.003").
        test: metrics of the best trial on the test part, when it was evaluated.
        diagnosis: what a look at the best trial's model on the validation part has shown.
        objectives: all of them, `objective` first; `front` is empty if it is the only one.
        front: the trials that none beats in one objective without losing in another.
        baseline: the value of the configuration as it is, if that was a trial.
        sheet: of an ablation: the baseline, then what each change has done, the best first.
        reruns: of the best that were run again with fresh seeds, the winner first.
        verdict: what these say, in sentences.
        importances: most important first; `importances_note` warns when they mean little.
        overhead: 1 - train_s / (wall_s x slots), or None when nothing was trained.
        stopped_because: why the sweep ended before its budget did, or empty.
        paths: what -> where ("checkpoints" -> "results/quickstart/trials").
        next_commands: command -> what it does.
    """

    sweep: str
    objective: Objective
    trials: tuple[TrialRecord, ...]
    wall_s: float
    train_s: float
    overhead: float | None
    overrides: tuple[str, ...] = ()
    test: Mapping[str, float] = field(default_factory=dict)
    diagnosis: str = ""
    objectives: tuple[Objective, ...] = ()
    front: tuple[Ranked, ...] = ()
    baseline: float | None = None
    sheet: tuple[Change, ...] = ()
    reruns: tuple[Rerun, ...] = ()
    verdict: tuple[str, ...] = ()
    importances: tuple[Importance, ...] = ()
    importances_note: str = ""
    stopped_because: str = ""
    paths: Mapping[str, str] = field(default_factory=dict)
    next_commands: Mapping[str, str] = field(default_factory=dict)
