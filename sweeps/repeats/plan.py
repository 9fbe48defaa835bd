"""Plan which repeats of the best trials are due, as a function of the records alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sweeps.repeats.intervals import surely_behind
from sweeps.repeats.settings import Repeats
from sweeps.trials import Objective, Ranked, State, TrialRecord, derived, ranking


@dataclass(frozen=True)
class Candidate:
    """Holds one of the best trials of the search and the scores of its repeats.

    Attributes:
        ranked: the trial at its best epoch in the search.
        scores: seed -> best value of the repeat with this seed, if it ran to its end.
        dropped: whether the candidate was dropped early.
    """

    ranked: Ranked
    scores: Mapping[int, float]
    dropped: bool


@dataclass(frozen=True)
class Standing:
    """Holds the progress of the repeats.

    Attributes:
        candidates: in the order in which the search ranks them.
        due: (id, seed) of the repeats that may begin now, in this order.
        open: whether some repeats have begun and not ended.
        waits: whether more repeats will be due once the open ones have ended.
        left: number of repeats that have not begun, at most.
    """

    candidates: tuple[Candidate, ...]
    due: tuple[tuple[str, int], ...]
    open: bool
    waits: bool
    left: int

    @property
    def over(self) -> bool:
        """Whether no repeat is left or running."""
        return not (self.due or self.open or self.waits)


def stand(
    repeats: Repeats, trials: Sequence[TrialRecord], objective: Objective, seed: int
) -> Standing:
    """Determine the progress of a sweep's repeats from its records, once its search is over.

    Args:
        trials: all trials of the sweep.
        seed: the sweep's seed, from which the fresh ones are derived.
    """
    ranked = ranking(list(trials), objective)[: repeats.top]
    repeats_run = {
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
            trial = repeats_run.get((one, fresh))
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
    """Derive the seeds of the repeats at the end, the same for each candidate."""
    return [derived(seed, f"repeat/{turn}") for turn in range(1, repeats.seeds + 1)]


def _score(trial: TrialRecord, objective: Objective) -> float | None:
    """Return the best value of a repeat that ran to its end; None of any other."""
    best = trial.best(objective) if trial.state is State.COMPLETE else None
    return best[1] if best is not None and math.isfinite(best[1]) else None
