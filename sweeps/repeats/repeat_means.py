"""Average a configuration over several seeds (`seed=1,2,3`): one row, with its spread."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sweeps.space.dimensions import label_of
from sweeps.trials import SEED, Objective, Ranked, TrialRecord, ranking

#: Shares of the longest run at which curves are compared.
_MARKS = (0.125, 0.25, 0.5, 1.0)


@dataclass(frozen=True)
class Repeated:
    """Describes one configuration, over its seeds.

    Attributes:
        params: swept key -> value, but for the seed.
        runs: the trials that have a score, one a seed, by number.
        curve: epoch -> mean of what the trials had at that epoch; those stopped before it, none.
    """

    params: Mapping[str, Any]
    runs: tuple[Ranked, ...]
    curve: Mapping[int, float]

    @property
    def trials(self) -> int:
        """Count the seeds that have a score."""
        return len(self.runs)

    @property
    def mean(self) -> float:
        """Return the mean of the best values."""
        return statistics.fmean(one.value for one in self.runs)

    @property
    def sd(self) -> float:
        """Return the standard deviation of the best values; nan of one trial."""
        values = [one.value for one in self.runs]
        return statistics.stdev(values) if len(values) > 1 else math.nan

    @property
    def by_seed(self) -> dict[int, float]:
        """Map seeds to best values."""
        return {int(str(one.trial.params[SEED])): one.value for one in self.runs}


def repeated(trials: Sequence[TrialRecord], objective: Objective) -> list[Repeated]:
    """Configurations by their mean, the best first; none unless the seed was swept.

    One with a single score comes last: that may be luck.
    """
    groups: dict[tuple[Any, ...], list[Ranked]] = {}
    seeded = [trial for trial in trials if SEED in trial.params]
    for one in sorted(ranking(seeded, objective), key=lambda one: one.trial.number):
        key = tuple((k, repr(label_of(v))) for k, v in one.trial.params.items() if k != SEED)
        groups.setdefault(key, []).append(one)
    longest = max((one.trial.last_epoch for group in groups.values() for one in group), default=0)
    marks = sorted({math.ceil(share * longest) for share in _MARKS})
    rows = [_row(group, objective, marks) for group in groups.values()]
    sign = -1 if objective.maximize else 1
    return sorted(rows, key=lambda row: (row.trials < 2, sign * row.mean))


def _row(group: Sequence[Ranked], objective: Objective, marks: Sequence[int]) -> Repeated:
    curve = {}
    for mark in marks:
        at = (one.trial.epochs.get(mark, {}).get(objective.metric) for one in group)
        there = [value for value in at if value is not None]
        curve[mark] = statistics.fmean(there) if there else math.nan
    params = {k: v for k, v in group[0].trial.params.items() if k != SEED}
    return Repeated(params, tuple(group), curve)
