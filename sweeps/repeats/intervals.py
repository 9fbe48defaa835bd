"""What a few scores with different seeds allow to say, by Student's t-distribution."""

from __future__ import annotations

import math
import statistics
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

#: How sure an interval is, and how sure it must be that a candidate cannot win.
CONFIDENCE = 0.95

#: More seeds than this nobody runs.
MANY = 1000

#: Of a score: what differs by less is the same.
ROUNDING = 1e-9

Scores = Mapping[int, float]  # seed -> value


@dataclass(frozen=True)
class Mean:
    """A mean, uncertain by `margin` to either side (95 %); infinite for a single value."""

    value: float
    margin: float
    count: int

    @property
    def low(self) -> float:
        """The lower end of its interval."""
        return self.value - self.margin

    @property
    def high(self) -> float:
        """The upper end of its interval."""
        return self.value + self.margin


def mean(values: Sequence[float]) -> Mean:
    """The mean of one or more values, with its two-sided interval (Student 1908)."""
    count = len(values)
    if count < 2:
        return Mean(values[0], math.inf, count)
    error = statistics.stdev(values) / math.sqrt(count)
    return Mean(statistics.fmean(values), _t((1 + CONFIDENCE) / 2, count - 1) * error, count)


def differences(a: Scores, b: Scores) -> list[float]:
    """a - b for each seed that both have: what the seed does to both cancels out."""
    return [a[seed] - b[seed] for seed in a if seed in b]


def same(gaps: Sequence[float], scores: Scores) -> bool:
    """Whether differences of such scores are all the same, but for rounding."""
    return max(gaps) - min(gaps) <= ROUNDING * max(map(abs, scores.values()))


def seeds_needed(values: Sequence[float]) -> int | None:
    """How many such differences it would take for their interval to leave out 0.

    If mean and spread are what they seem to be; None if that is more than `MANY`.

    Args:
        values: two or more differences.
    """
    gap, spread = abs(statistics.fmean(values)), statistics.stdev(values)

    def tells(count: int) -> bool:
        return _t((1 + CONFIDENCE) / 2, count - 1) * spread / math.sqrt(count) < gap

    counts = range(2, MANY + 1)  # once it tells, more tell too
    at = bisect_left(counts, True, key=tells)
    return counts[at] if at < len(counts) else None


def surely_behind(scores: Mapping[str, Scores], maximize: bool) -> set[str]:
    """Those that are behind the leader by more than chance explains.

    A race as F-Race (Birattari et al. 2002), but simpler: no test of all together comes first, and
    each is compared with the leader by the one-sided t-test over the seeds that both have, at 95 %
    at each look. Differences that are all the same tell nothing of chance, and drop nobody.

    Args:
        scores: candidate -> its scores, by seed; of equals the first leads.
        maximize: whether more is better.
    """
    sign = 1.0 if maximize else -1.0
    known = {one: [sign * v for v in own.values()] for one, own in scores.items() if len(own) > 1}
    if not known:
        return set()
    leader = max(known, key=lambda one: statistics.fmean(known[one]))
    behind = set()
    for one in scores:
        gaps = [sign * gap for gap in differences(scores[leader], scores[one])]
        if one == leader or len(gaps) < 2:
            continue
        if same(gaps, scores[leader]):
            continue
        limit = _t(CONFIDENCE, len(gaps) - 1) * statistics.stdev(gaps) / math.sqrt(len(gaps))
        if statistics.fmean(gaps) > limit:
            behind.add(one)
    return behind


def _t(share: float, freedom: int) -> float:
    """The value that a t-distributed number is below with this probability."""
    from scipy.stats import t

    return float(t.ppf(share, freedom))
