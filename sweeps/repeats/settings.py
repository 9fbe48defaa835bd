"""Repeats: the same configuration with other seeds, and which of them is due next.

`repeats.runs` trains every configuration with several seeds, as one trial.
`repeats.top` runs the best few again once the search is over, with seeds that none of them was
chosen by. Which repeat comes next is a function of the records alone, in rounds: every candidate
with the first fresh seed, then every one with the second. Where candidates may be dropped after a
round, the next begins when all of the round have ended, so it does not matter how many run at once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from sweeps.repeats.intervals import surely_behind
from sweeps.report.repeat_means import SEED, derived
from sweeps.trials import Objective, Ranked, State, TrialRecord, ranking
from trainers.errors import ConfigError


@dataclass(frozen=True)
class Repeats:
    """What is run more than once.

    Attributes:
        runs: seeds that each trial is trained with; what it reports are means.
        top: so many of the best are run again when the search is over.
        seeds: fresh ones, each of these with each.
        race: drop one of them as soon as it cannot win any more.
    """

    runs: int = 1
    top: int = 0
    seeds: int = 3
    race: bool = True

    def __post_init__(self) -> None:
        _whole("runs", self.runs, 1, "repeats=3 trains each configuration with three seeds")
        _whole("top", self.top, 0, "repeats.top=5 runs the five best again")
        _whole("seeds", self.seeds, 2, "one score has no interval, repeats.seeds=3")
        if not isinstance(self.race, bool):
            raise ConfigError(f"repeats.race must be true or false, not {self.race!r}")

    @classmethod
    def read(cls, given: object) -> Repeats:
        """As configured: a number is one of runs; None is as good as nothing.

        Raises:
            ConfigError: a value out of its range, or a key that there is not.
        """
        if not isinstance(given, Mapping):
            return cls() if given is None else cls(runs=given)  # type: ignore[arg-type]
        known = [f.name for f in fields(cls)]
        for key in given:
            if key not in known:
                raise ConfigError(f"repeats.{key}: there is no such key ({', '.join(known)})")
        return cls(**given)

    def check(self, swept: Sequence[str], overrides: Sequence[str]) -> None:
        """See that they go with the rest of the sweep.

        Args:
            swept: the keys that vary.
            overrides: the command line.

        Raises:
            ConfigError: the seed is swept as well, or two overrides contradict each other.
        """
        if SEED in swept and (self.runs > 1 or self.top):
            raise ConfigError(
                "repeats: the seed is swept too, and repeats have seeds of their own: fix it, "
                "seed=0, or leave out the repeats"
            )
        keys = [word.lstrip("+").partition("=")[0] for word in overrides]
        if "repeats" in keys and any(key.startswith("repeats.") for key in keys):
            raise ConfigError(
                "repeats=… replaces all of repeats.…: write repeats.runs=3 beside the others"
            )

    @property
    def most(self) -> int:
        """The most trials that are run again at the end."""
        return self.top * self.seeds

    @property
    def told(self) -> str:
        """What comes after the search, in words; empty if nothing does."""
        if not self.top:
            return ""
        who = "the best one is" if self.top == 1 else f"the {self.top} best are"
        races = self.race and self.top > 1 and self.seeds > 2
        race = ", fewer where one cannot win any more" if races else ""
        return (
            f"{who} run again with {self.seeds} fresh seeds{'' if self.top == 1 else ' each'}, on "
            f"top of the budget: at most {self.most} more trials{race}"
        )


@dataclass(frozen=True)
class Candidate:
    """One of the best, and what came of running it again.

    Attributes:
        found: as the search has it.
        scores: seed -> its best value, of the repeats that ran to their end.
        dropped: whether it was dropped early.
    """

    found: Ranked
    scores: Mapping[int, float]
    dropped: bool


@dataclass(frozen=True)
class Standing:
    """Where the repeats stand.

    Attributes:
        candidates: as the search ranks them.
        due: (id, seed) of repeats that may begin now, in this order.
        open: whether some have begun and not ended.
        waits: whether more will be due once those that are open have ended.
        left: how many have not begun, at most.
    """

    candidates: tuple[Candidate, ...]
    due: tuple[tuple[str, int], ...]
    open: bool
    waits: bool
    left: int

    @property
    def over(self) -> bool:
        """Whether no repeat is left, or runs."""
        return not (self.due or self.open or self.waits)


def stand(
    repeats: Repeats, trials: Sequence[TrialRecord], objective: Objective, seed: int
) -> Standing:
    """Where the repeats of a sweep stand, by its records, its search being over.

    Args:
        trials: all of the sweep.
        seed: the sweep's, of which the fresh ones are made.
    """
    ranked = ranking(list(trials), objective)[: repeats.top]
    again = {
        (trial.repeat_of, trial.source.seed): trial
        for trial in trials
        if trial.source is not None and trial.repeat_of is not None
    }
    scores: dict[str, dict[int, float]] = {one.trial.id: {} for one in ranked}
    alive = list(scores)
    due: list[tuple[str, int]] = []
    is_open = waits = False
    later = 0
    for turn, fresh in enumerate(fresh_seeds(repeats, seed), 1):
        for one in alive:
            trial = again.get((one, fresh))
            if trial is None:
                due.append((one, fresh))
            elif not trial.state.ended:
                is_open = True
            elif (value := _score(trial, objective)) is not None:
                scores[one][fresh] = value
        if repeats.race and 2 <= turn < repeats.seeds:
            if due or is_open:
                waits = True
                later = len(alive) * (repeats.seeds - turn)
                break
            behind = surely_behind({one: scores[one] for one in alive}, objective.maximize)
            alive = [one for one in alive if one not in behind]
    candidates = (Candidate(one, scores[one.trial.id], one.trial.id not in alive) for one in ranked)
    return Standing(tuple(candidates), tuple(due), is_open, waits, len(due) + later)


def fresh_seeds(repeats: Repeats, seed: int) -> list[int]:
    """The seeds of the repeats at the end, the same for each candidate."""
    return [derived(seed, f"repeat/{turn}") for turn in range(1, repeats.seeds + 1)]


def _score(trial: TrialRecord, objective: Objective) -> float | None:
    """What a repeat is worth; nothing unless it ran to its end."""
    best = trial.best(objective) if trial.state is State.COMPLETE else None
    return best[1] if best is not None and math.isfinite(best[1]) else None


def _whole(name: str, value: object, least: int, remedy: str) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ConfigError(
            f"repeats.{name} must be a whole number of {least} or more, not {value!r}: {remedy}"
        )


#: Everything once.
NO_REPEATS = Repeats()
