"""Average a configuration over several seeds (`seed=1,2,3`): one row, with its spread."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sweeps.space.dimensions import label_of
from sweeps.trials import SEED, Objective, TrialRecord

#: Shares of the longest run at which curves are compared.
_MARKS = (0.125, 0.25, 0.5, 1.0)


@dataclass(frozen=True)
class Repeated:
    """Describes one configuration, over its seeds.

    Attributes:
        params: swept key -> value, but for the seed.
        trials: how many seeds have a score.
        mean, sd: of the best values; sd is nan for one trial.
        curve: epoch -> mean of what the trials had at that epoch; those stopped before it, none.
    """

    params: dict[str, Any]
    trials: int
    mean: float
    sd: float
    curve: dict[int, float]


def repeated(trials: Sequence[TrialRecord], objective: Objective) -> list[Repeated]:
    """Configurations by their mean, the best first; none unless the seed was swept."""
    groups: dict[tuple[Any, ...], list[TrialRecord]] = {}
    for trial in trials:
        if SEED in trial.params and trial.state.scored and trial.best(objective):
            key = tuple((k, label_of(v)) for k, v in trial.params.items() if k != SEED)
            groups.setdefault(key, []).append(trial)
    longest = max((t.last_epoch for group in groups.values() for t in group), default=0)
    marks = sorted({math.ceil(share * longest) for share in _MARKS})
    rows = [_row(group, objective, marks) for group in groups.values()]
    return sorted(rows, key=lambda row: -row.mean if objective.maximize else row.mean)


def _row(group: Sequence[TrialRecord], objective: Objective, marks: Sequence[int]) -> Repeated:
    bests = [best[1] for trial in group if (best := trial.best(objective))]
    curve = {}
    for mark in marks:
        metric = objective.metric
        there = [t.epochs[mark][metric] for t in group if metric in t.epochs.get(mark, {})]
        curve[mark] = statistics.fmean(there) if there else math.nan
    return Repeated(
        params={key: value for key, value in group[0].params.items() if key != SEED},
        trials=len(group),
        mean=statistics.fmean(bests),
        sd=statistics.stdev(bests) if len(bests) > 1 else math.nan,
        curve=curve,
    )
