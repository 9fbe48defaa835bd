"""Make of the trials what effects are estimated from: scores at equal epochs, and factors.

A stopped trial's early score says less than a finished one's, so all are compared at one epoch:
the last that every trial has which a stopping rule has judged. Whoever comes later in the order of
trials may have been chosen by what came before; whoever comes earlier never was.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweeps.space.dimensions import Choice, Dimension, Interval, label_of
from sweeps.trials import SEED, Objective, State, TrialRecord

Numbers = NDArray[np.float64]

#: Searches whose proposals do not depend on what came of earlier ones.
_BLIND = ("RandomSampler", "QMCSampler", "Sobol", "Grid", "BruteForceSampler", "Ablation")
#: So many trials in each third of an interval, or else it is cut into halves.
_FEWEST_IN_THIRD = 10
#: A part of an interval, or a value, needs so many trials to be compared.
FEWEST = 2
#: The reason of a trial that a rule has stopped: "asha: 3rd of 9 at epoch 3, …".
_RULE = re.compile(r"[a-z_]+: ")


def stopped_by_rule(trial: TrialRecord) -> bool:
    """Whether a stopping rule has ended a trial, not the budget, nor a person."""
    return trial.state is State.STOPPED and _RULE.match(trial.reason) is not None


def blind(search: object) -> bool:
    """Whether a search (its configuration) proposes without looking at scores."""
    target = search.get("_target_", "") if isinstance(search, Mapping) else ""
    return str(target).rpartition(".")[2] in _BLIND


@dataclass(frozen=True)
class Level:
    """Describes a value of a factor, or a part of an interval.

    Attributes:
        value: the value; of a part the median of what was tried in it.
        low, high: ends of what was tried in a part; None for a value.
    """

    value: Any
    low: Any = None
    high: Any = None

    @property
    def part(self) -> bool:
        """Whether it is a part of an interval."""
        return self.low is not None


@dataclass(frozen=True, eq=False)  # arrays have no truth
class Factor:
    """Holds a swept key as a design has it.

    Attributes:
        levels: what is compared; of an interval in ascending order.
        codes: (trials,) index of each trial's level; -1 where it lacks the key.
        positions: (trials,) from -1 to 1 on the parameter's own scale, 0 where it lacks the key;
            None for a choice.
        reference: index of the level that the others are compared with.
    """

    key: str
    levels: tuple[Level, ...]
    codes: NDArray[np.int64]
    positions: Numbers | None
    reference: int

    @property
    def contrasts(self) -> list[tuple[int, int]]:
        """List (level, reference): parts of an interval with the one below, values with one."""
        if self.positions is not None:
            return [(index, index - 1) for index in range(1, len(self.levels))]
        return [(i, self.reference) for i in range(len(self.levels)) if i != self.reference]


@dataclass(frozen=True)
class Observations:
    """Holds the trials that are compared, in the order in which they were proposed.

    Attributes:
        scores: (trials,) best value up to `epoch`, signed so that more is better.
        epoch: at which they are compared; 0 if there are none.
        blind: whether no trial was chosen by the scores of others.
    """

    trials: tuple[TrialRecord, ...]
    scores: Numbers
    epoch: int
    blind: bool
    dimensions: Mapping[str, Dimension]
    baseline: TrialRecord | None

    @property
    def at_epoch(self) -> str:
        """Say when they are compared: " at epoch 3"; empty where all are at their ends."""
        early = any(trial.last_epoch > self.epoch for trial in self.trials)
        return f" at epoch {self.epoch}" if early else ""

    @cached_property
    def factors(self) -> tuple[Factor, ...]:
        """Return the keys that have several levels among the trials, in the order of the space."""
        keys = [key for key in self.dimensions if any(key in t.params for t in self.trials)]
        made = (self._factor(key, self.dimensions[key]) for key in keys)
        return tuple(factor for factor in made if len(factor.levels) > 1)

    def thinned(self, most: int) -> Observations:
        """Return at most so many of the trials, evenly from the first to the last."""
        step = math.ceil(len(self.trials) / most)
        if step <= 1:
            return self
        return replace(self, trials=self.trials[::step], scores=self.scores[::step])

    def _factor(self, key: str, dimension: Dimension) -> Factor:
        if isinstance(dimension, Interval):
            return _interval(key, dimension, [trial.params.get(key) for trial in self.trials])
        return self._choice(key, dimension)

    def _choice(self, key: str, dimension: Choice) -> Factor:
        tried = {_name(t.params[key]): t.params[key] for t in self.trials if key in t.params}
        declared = [_name(value) for value in dimension.values]
        order = [n for n in declared if n in tried] + [n for n in tried if n not in declared]
        index = {name: number for number, name in enumerate(order)}
        codes = [index[_name(t.params[key])] if key in t.params else -1 for t in self.trials]
        own = self.baseline.params.get(key, _NOTHING) if self.baseline else _NOTHING
        reference = index.get(_name(own), 0)
        levels = tuple(Level(tried[name]) for name in order)
        return Factor(key, levels, np.array(codes, dtype=np.int64), None, reference)


_NOTHING = object()


def _name(value: Any) -> str:
    return "" if value is _NOTHING else repr(label_of(value))


def position(dimension: Interval, value: Any) -> float:
    """Return where a value lies between the ends of an interval: 0 to 1, on its own scale."""
    if dimension.log1m:
        low, high, own = (-math.log(1 - v) for v in (dimension.low, dimension.high, value))
    elif dimension.log:
        low, high, own = (math.log(v) for v in (dimension.low, dimension.high, value))
    else:
        low, high, own = float(dimension.low), float(dimension.high), float(value)
    return (own - low) / (high - low) if high > low else 0.5


def place_of(dimension: Interval, value: Any) -> float | None:
    """Return the position of a value; None if it is no number that the scale has."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        at = position(dimension, value)
    except (ValueError, OverflowError, ZeroDivisionError):
        return None
    return at if math.isfinite(at) else None


def _interval(key: str, dimension: Interval, values: Sequence[Any]) -> Factor:
    """Cut an interval into thirds, or halves, equally wide on its own scale.

    The cuts do not depend on the scores, nor on what a search made of them.
    """
    places = [place_of(dimension, value) for value in values]
    there = np.array([p is not None for p in places])
    at = np.clip([0.5 if p is None else p for p in places], 0.0, 1.0)
    for parts in (3, 2):
        raw = np.minimum((at * parts + 1e-9).astype(np.int64), parts - 1)
        counts = np.bincount(raw[there], minlength=parts)
        if parts == 2 or counts.min() >= _FEWEST_IN_THIRD:
            break
    used = [part for part in range(parts) if counts[part]]
    codes = np.full(len(values), -1, dtype=np.int64)
    levels = []
    for index, part in enumerate(used):
        codes[there & (raw == part)] = index
        inside = sorted(v for v, code in zip(values, codes, strict=True) if code == index)
        levels.append(Level(inside[len(inside) // 2], inside[0], inside[-1]))
    centred = np.where(there, 2 * at - 1, 0.0)
    return Factor(key, tuple(levels), codes, centred, 0)


def observe(
    trials: Sequence[TrialRecord],
    objective: Objective,
    dimensions: Mapping[str, Dimension],
    search: object,
    baseline: TrialRecord | None,
) -> Observations:
    """Collect the trials that can be compared, and their scores at equal epochs.

    Trials that run count once they have the epoch; failed ones do not, and neither do those that
    go on from another's training (stop=pbt), whose epochs are of several configurations.

    Args:
        search: its configuration.
        baseline: the trial of the configuration as it is, if there is one.
    """
    own = [t for t in trials if (t.state.scored or not t.state.ended) and not t.taken_over]
    epoch = comparable_epoch(own)
    compared = [(t, s) for t in own if (s := score_at(t, objective, epoch)) is not None]
    return Observations(
        trials=tuple(trial for trial, _ in compared),
        scores=np.array([score for _, score in compared], dtype=np.float64),
        epoch=epoch if compared else 0,
        blind=blind(search),
        dimensions={key: d for key, d in dimensions.items() if key != SEED},
        baseline=baseline,
    )


def comparable_epoch(trials: Sequence[TrialRecord]) -> int:
    """Return the last epoch that all have which a rule has stopped, or that have completed."""
    judged = [t.last_epoch for t in trials if t.state is State.COMPLETE or stopped_by_rule(t)]
    lengths = judged or [t.last_epoch for t in trials if t.last_epoch]
    return min(lengths, default=0)


def score_at(trial: TrialRecord, objective: Objective, epoch: int) -> float | None:
    """Return a trial's best value up to an epoch, signed so that more is better.

    None if it has not got there, or if no value up to there is a finite number.
    """
    if not epoch or trial.last_epoch < epoch:
        return None
    values = (trial.epochs[e].get(objective.metric) for e in trial.epochs if e <= epoch)
    finite = [v for v in values if v is not None and math.isfinite(v)]
    if not finite:
        return None
    return max(finite) if objective.maximize else -min(finite)
