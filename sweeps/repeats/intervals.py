"""Estimate means, intervals and differences of a few scores by Student's t-distribution."""

from __future__ import annotations

import math
import statistics
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

#: Confidence of an interval, and the confidence required to drop a candidate from the race.
CONFIDENCE = 0.95

#: The most seeds considered: nobody runs more.
MANY = 1000

#: Share of a score: differences below it are rounding errors.
ROUNDING = 1e-9

Scores = Mapping[int, float]  # seed -> value


@dataclass(frozen=True)
class Mean:
    """Holds a mean and its 95 % margin to either side, infinite for a single value."""

    value: float
    margin: float
    count: int

    @property
    def low(self) -> float:
        """Lower end of the interval."""
        return self.value - self.margin

    @property
    def high(self) -> float:
        """Upper end of the interval."""
        return self.value + self.margin


def mean(values: Sequence[float]) -> Mean:
    """Estimate the mean of one or more values, with its two-sided interval (Student 1908)."""
    count = len(values)
    if count < 2:
        return Mean(values[0], math.inf, count)
    error = statistics.stdev(values) / math.sqrt(count)
    return Mean(statistics.fmean(values), _t((1 + CONFIDENCE) / 2, count - 1) * error, count)


def differences(a: Scores, b: Scores) -> list[float]:
    """Return a - b for each seed that both have: the effect of the seed cancels out."""
    return [a[seed] - b[seed] for seed in a if seed in b]


def same(gaps: Sequence[float], scores: Scores) -> bool:
    """Return whether the differences of such scores are all equal, but for rounding."""
    return max(gaps) - min(gaps) <= ROUNDING * max(map(abs, scores.values()))


def seeds_needed(values: Sequence[float]) -> int | None:
    """Estimate how many differences are needed for their interval to exclude 0.

    Takes the mean and the spread of the values for the true ones. None if more than `MANY` are
    needed.

    Args:
        values: two or more differences.
    """
    gap, spread = abs(statistics.fmean(values)), statistics.stdev(values)

    def excludes_zero(count: int) -> bool:
        return _t((1 + CONFIDENCE) / 2, count - 1) * spread / math.sqrt(count) < gap

    counts = range(2, MANY + 1)  # if one count excludes 0, all larger ones do
    at = bisect_left(counts, True, key=excludes_zero)
    return counts[at] if at < len(counts) else None


def surely_behind(scores: Mapping[str, Scores], maximize: bool) -> set[str]:
    """Return the candidates that are behind the leader by more than chance explains.

    A race like F-Race (Birattari et al. 2002), but simpler: there is no joint test of all
    candidates first, and each candidate is compared with the leader by the one-sided t-test over
    the seeds that both have, at 95 % at each look. Differences that are all equal say nothing about
    chance, and drop no candidate.

    Args:
        scores: candidate -> its scores by seed; of equal candidates the first leads.
        maximize: whether higher scores are better.
    """
    sign = 1.0 if maximize else -1.0
    means = {
        candidate: sign * statistics.fmean(own.values())
        for candidate, own in scores.items()
        if len(own) > 1
    }
    if not means:
        return set()
    leader = max(means, key=lambda candidate: means[candidate])
    behind = set()
    for candidate in scores:
        gaps = [sign * gap for gap in differences(scores[leader], scores[candidate])]
        if candidate == leader or len(gaps) < 2:
            continue
        if same(gaps, scores[leader]):
            continue
        limit = _t(CONFIDENCE, len(gaps) - 1) * statistics.stdev(gaps) / math.sqrt(len(gaps))
        if statistics.fmean(gaps) > limit:
            behind.add(candidate)
    return behind


def _t(probability: float, freedom: int) -> float:
    """Return the quantile of Student's t-distribution at this probability."""
    from scipy.stats import t

    return float(t.ppf(probability, freedom))
