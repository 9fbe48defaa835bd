"""What came of running the best again: who wins, how sure that is, and what it says of the search.

The best of many scores is optimistic: it was picked for its luck as well (the winner's curse). The
mean over fresh seeds, by which nobody was picked, is the honest score.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from sweeps.formatting import score
from sweeps.repeats.intervals import Mean, differences, mean, same, seeds_needed
from sweeps.repeats.plan import Candidate, Standing
from sweeps.trials import Objective


def rows(standing: Standing, objective: Objective) -> list[Rerun]:
    """A row for each candidate that has a new score, the best first.

    Those with two scores and more come before the others, and those still in the race before those
    that were dropped. The first is the winner, if the repeats are over and it has two scores.
    """
    found = [_row(candidate) for candidate in standing.candidates if candidate.scores]
    sign = -1.0 if objective.maximize else 1.0
    found.sort(key=lambda row: (row.seeds < 2, row.dropped, sign * row.mean))
    return found


def winner(standing: Standing, objective: Objective) -> Candidate | None:
    """The candidate with the best mean, once all repeats have ended; None if none has two scores.

    One that was dropped cannot win, whatever its few scores are.
    """
    if not standing.over:
        return None
    sign = 1.0 if objective.maximize else -1.0
    able = [c for c in standing.candidates if len(c.scores) > 1 and not c.dropped]
    return max(able, key=lambda c: sign * _mean(c).value, default=None)


def verdict(standing: Standing, objective: Objective, scores: int) -> list[str]:
    """In sentences: the winner, whether it is told apart from the second, and the best of so many.

    Args:
        scores: how many trials the search has scored.
    """
    best = winner(standing, objective)
    if best is None:
        if standing.over:
            return ["no winner: none of them has two new scores"]
        return [f"not over: {standing.left} more to begin, so nobody has won yet"]
    told = []
    first = standing.candidates[0]
    again = _mean(first)
    if first.scores:
        told.append(
            f"{score(first.found.value)} ({first.found.trial.id}) was the best of {scores} scores; "
            f"run again: {_told(again)}"
        )
    rivals = [c for c in standing.candidates if c is not best and len(c.scores) > 1]
    alive = [c for c in rivals if not c.dropped]
    name = best.found.trial.id
    if len(standing.candidates) > 1:
        told.append(f"{name} wins: {_told(_mean(best))}")
    if alive:
        sign = 1.0 if objective.maximize else -1.0
        told.append(_apart(best, max(alive, key=lambda c: sign * _mean(c).value), objective))
    elif rivals:
        told.append("the others were dropped early: each was behind, 95 % sure (one-sided)")
    return told


def _apart(best: Candidate, second: Candidate, objective: Objective) -> str:
    """Whether the difference of two is there for sure, over the seeds that both have."""
    names = f"{best.found.trial.id} and {second.found.trial.id}"
    gaps = differences(best.scores, second.scores)
    if not objective.maximize:
        gaps = [-gap for gap in gaps]
    if len(gaps) < 2:
        return f"{names} cannot be told apart: they have too few seeds in common"
    gap = mean(gaps)
    if same(gaps, best.scores) and gap.value > 0:  # as scores that are counts often are
        return (
            f"{best.found.trial.id} is better than {second.found.trial.id} by {score(gap.value)} "
            f"with each of {gap.count} seeds, which does not tell how much of that is chance"
        )
    told = f"{best.found.trial.id} is better by {score(gap.value)} ± {score(gap.margin)}"
    if gap.low > 0:
        return f"{names} are told apart: over {gap.count} seeds {told}"
    needed = seeds_needed(gaps)
    more = f"about {needed} seeds" if needed else "more seeds than anybody runs"
    return (
        f"{names} cannot be told apart: over {gap.count} seeds {told} (to be sure of that much "
        f"takes {more})"
    )


def _mean(candidate: Candidate) -> Mean:
    return mean(list(candidate.scores.values()) or [math.nan])


def _told(of: Mean) -> str:
    return score(of.value) if math.isinf(of.margin) else f"{score(of.value)} ± {score(of.margin)}"


def _row(candidate: Candidate) -> Rerun:
    again = _mean(candidate)
    return Rerun(
        trial=candidate.found.trial.id,
        score=candidate.found.value,
        mean=again.value,
        low=again.low,
        high=again.high,
        seeds=again.count,
        dropped=candidate.dropped,
    )


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
