"""Estimate the time left of a sweep from the durations of its trials."""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate


def eta(
    ended: Sequence[float],
    running: Sequence[tuple[float, float]],
    waiting: int,
    slots: int,
    left_s: float | None = None,
) -> float | None:
    """Estimate the seconds until the sweep ends; None without any trial to judge by.

    A running trial may still be stopped early, so it is expected to last as long as the ended
    trials that outlasted it did, and at most to its last epoch. The waiting trials are expected
    to last the mean of the ended and the running ones; leaving the latter out would favour
    trials stopped early, which end first (Kaplan and Meier's redistribution to the right).

    Args:
        ended: seconds of each ended trial, however it ended.
        running: of each running trial, (seconds so far, seconds if it runs to its last epoch).
        waiting: number of trials that have not started.
        slots: number of trials that run at once, at least 1.
        left_s: seconds that a budget of time leaves, if there is one: an upper limit of the ETA.
    """
    lasted = sorted(ended)
    sums = [0.0, *accumulate(lasted)]
    remaining: list[float] = []
    for so_far, full in running:
        longer = bisect_right(lasted, so_far)
        rest = max(full - so_far, 0.0)
        if longer < len(lasted):
            rest = min(rest, (sums[-1] - sums[longer]) / (len(lasted) - longer) - so_far)
        remaining.append(rest)
    lengths = [
        *lasted,
        *(so_far + rest for (so_far, _), rest in zip(running, remaining, strict=True)),
    ]
    if waiting and not lengths:
        return None
    free = remaining + [0.0] * (slots - len(remaining))  # seconds until each slot is free
    end = max(free)
    if waiting and (mean := sum(lengths) / len(lengths)) > 0:
        heapq.heapify(free)
        while waiting and end - free[0] > mean:
            heapq.heapreplace(free, free[0] + mean)
            waiting -= 1
        rounds, rest = divmod(waiting, len(free))  # from here on the slots take turns
        end += rounds * mean
        if rest:
            end = max(end, sorted(free)[rest - 1] + (rounds + 1) * mean)
    return end if left_s is None else min(end, max(left_s, 0.0))
