"""Judge the repeats of the best trials: the winner, and how certain it is.

The best of many scores is optimistic: it was picked for its luck as well (the winner's curse). The
mean over fresh seeds, by which no trial was picked, is the honest score.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from sweeps.formatting import score
from sweeps.repeats.intervals import ROUNDING, Mean, differences, mean, same, seeds_needed
from sweeps.repeats.plan import Candidate, Standing
from sweeps.trials import Objective


def rows(standing: Standing, objective: Objective) -> list[Rerun]:
    """Return a row for each candidate that has a new score, the best first.

    Candidates with two scores or more come before the others, and candidates still in the race
    before those that were dropped. The first is the winner, if the repeats are over and it has two
    scores.
    """
    reruns = [_row(candidate) for candidate in standing.candidates if candidate.scores]
    sign = -1.0 if objective.maximize else 1.0
    reruns.sort(key=lambda row: (row.seeds < 2, row.dropped, sign * row.mean))
    return reruns


def winner(standing: Standing, objective: Objective) -> Candidate | None:
    """Return the candidate with the best mean, once all repeats have ended.

    None if no candidate has two scores. A candidate that was dropped cannot win, whatever its few
    scores are.
    """
    if not standing.over:
        return None
    sign = 1.0 if objective.maximize else -1.0
    eligible = [c for c in standing.candidates if len(c.scores) > 1 and not c.dropped]
    return max(eligible, key=lambda c: sign * _mean(c).value, default=None)


def verdict(standing: Standing, objective: Objective, scores: int) -> list[str]:
    """Describe the winner, its lead over the second, and the luck in the search's best score.

    Args:
        scores: number of trials that the search has scored.
    """
    best = winner(standing, objective)
    if best is None:
        if standing.over:
            return ["no winner: none of the reruns has two new scores"]
        return [f"not over: {standing.left} more to begin, so there is no winner yet"]
    sentences = []
    first = standing.candidates[0]
    if first.scores:
        sentences.append(
            f"{score(first.ranked.value)} ({first.ranked.trial.id}) was the best of {scores} "
            f"scores; run again: {_with_margin(_mean(first))}"
        )
    rivals = [c for c in standing.candidates if c is not best and len(c.scores) > 1]
    alive = [c for c in rivals if not c.dropped]
    name = best.ranked.trial.id
    if len(standing.candidates) > 1:
        sentences.append(f"{name} wins: {_with_margin(_mean(best))}")
    if alive:
        sign = 1.0 if objective.maximize else -1.0
        second = max(alive, key=lambda c: sign * _mean(c).value)
        sentences.append(_compared(best, second, objective))
    elif rivals:
        sentences.append("the others were dropped early: each was behind, 95 % sure (one-sided)")
    return sentences


def _compared(best: Candidate, second: Candidate, objective: Objective) -> str:
    """Describe the difference of two candidates and its certainty, over their common seeds."""
    names = f"{best.ranked.trial.id} and {second.ranked.trial.id}"
    gaps = differences(best.scores, second.scores)
    if not objective.maximize:
        gaps = [-gap for gap in gaps]
    if len(gaps) < 2:
        return f"{names} cannot be told apart: they have too few seeds in common"
    gap = mean(gaps)
    if abs(gap.value) <= ROUNDING * max(map(abs, best.scores.values())):
        return f"{names} cannot be told apart: over {gap.count} seeds their means are the same"
    if same(gaps, best.scores) and gap.value > 0:  # as scores that are counts often are
        return (
            f"{best.ranked.trial.id} is better than {second.ranked.trial.id} by {score(gap.value)} "
            f"with each of {gap.count} seeds, which does not tell how much of that is chance"
        )
    lead = f"{best.ranked.trial.id} is better by {score(gap.value)} ± {score(gap.margin)}"
    if gap.low > 0:
        return f"{names} are told apart: over {gap.count} seeds {lead}"
    needed = seeds_needed(gaps)
    more = f"about {needed} seeds" if needed else "more seeds than anybody runs"
    return (
        f"{names} cannot be told apart: over {gap.count} seeds {lead} (to be sure of that much "
        f"takes {more})"
    )


def _mean(candidate: Candidate) -> Mean:
    return mean(list(candidate.scores.values()) or [math.nan])


def _with_margin(estimate: Mean) -> str:
    text = score(estimate.value)
    return text if math.isinf(estimate.margin) else f"{text} ± {score(estimate.margin)}"


def _row(candidate: Candidate) -> Rerun:
    rerun = _mean(candidate)
    return Rerun(
        trial=candidate.ranked.trial.id,
        score=candidate.ranked.value,
        mean=rerun.value,
        low=rerun.low,
        high=rerun.high,
        seeds=rerun.count,
        dropped=candidate.dropped,
    )


@dataclass(frozen=True)
class Rerun:
    """Describes one of the best configurations, rerun with seeds by which it was not chosen.

    Attributes:
        trial: id of the trial in the search.
        score: the trial's score in the search.
        mean, low, high: mean of the new scores and its 95 % interval, infinite for a single score.
        seeds: number of new scores.
        dropped: whether the reruns ended early, as the configuration could not win.
    """

    trial: str
    score: float
    mean: float
    low: float
    high: float
    seeds: int
    dropped: bool
