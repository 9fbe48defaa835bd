"""Take the learning curves of a sweep that has been run.

A proposal is answered by the recorded trial nearest to it (`encoding.Neighbours`), so any search
can be simulated, and the configurations of the record itself get their own curves. Trials that
failed, never trained or are not of the space are left out; those that diverged diverge again. A
trial that ended before the longest is continued by an estimate, and how many are is told.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from sweeps import results_folder
from sweeps.simulation.curves import Curve
from sweeps.simulation.encoding import Encoding, Neighbours
from sweeps.space.space import Space
from sweeps.study import reader
from sweeps.study.url import Database, Journal
from sweeps.trials import Objective, State, TrialRecord
from trainers.errors import ConfigError

_KEPT = (State.COMPLETE, State.STOPPED, State.RUNNING, State.ABANDONED, State.DIVERGED)


class Recorded:
    """Holds the curves of a sweep's trials.

    Attributes:
        configurations: of the trials that have a curve here, in their order.
        continued: how many of these curves are in part an estimate.
        left_out: how many trials have no curve.
        running: how many trials have not ended.
    """

    def __init__(
        self, trials: Sequence[TrialRecord], space: Space, objective: Objective, name: str
    ) -> None:
        """Take the trials of a sweep, and the space they are of.

        Raises:
            ConfigError: no trial has an epoch.
        """
        self.name = name
        trained = [t for t in trials if t.state in _KEPT and (t.epochs or _diverged(t))]
        # An ablation tries values that are not listed; another search of its record does not.
        kept = [t for t in trained if space.holds(t.params)]
        own = [_own(trial, objective) for trial in kept]
        self.epochs = max((len(c.values) for c in own), default=0)
        whole = [c for c in own if len(c.values) == self.epochs]
        if self.epochs == 0:
            raise ConfigError(
                f"none of the {len(trials)} trials of {name} has an epoch on record, so there is "
                "no curve to replay: let the sweep run first"
            )
        short = [not c.diverges and len(c.values) < self.epochs for c in own]
        self._curves = [
            continued(c, whole, objective) if is_short else c
            for c, is_short in zip(own, short, strict=True)
        ]
        self.continued = sum(short)
        self.left_out = len(trials) - len(kept)
        self.running = sum(not trial.state.ended for trial in trials)
        self.configurations = tuple(trial.params for trial in kept)
        self._neighbours = Neighbours(Encoding(space), self.configurations)

    def curve(self, params: Mapping[str, Any]) -> Curve:
        """Return the curve of the nearest recorded trial."""
        return self._curves[self._neighbours.nearest(params)]

    def describe(self) -> list[str]:
        """Say how many trials there are, and what had to be made of them."""
        lines = [
            f"curves: {len(self._curves)} trials of {self.name}, up to {self.epochs} epochs; a "
            "proposal gets that of the nearest"
        ]
        if self.continued:
            lines.append(
                f"{self.continued} of them ended earlier and are continued like the most similar "
                "whole one, an estimate: stop=none records whole ones"
            )
        if self.left_out:
            lines.append(
                f"{self.left_out} that failed, never trained or are not of the space are left out"
            )
        return lines


def continued(curve: Curve, whole: Sequence[Curve], objective: Objective) -> Curve:
    """Estimate how a curve that ended early might have gone on.

    It goes on as the whole curve that was most like it (least mean square difference over the
    epochs that it has), moved up or down to begin where it ended; and it never
    gets better than both the best of the whole curves and its own best, for what has not been seen
    is not to be promised. Its epochs last as long as the median of those it has.
    """
    there = len(curve.values)

    def difference(other: Curve) -> float:
        pairs = zip(curve.values, other.values[:there], strict=True)
        squares = sum((a - b) ** 2 for a, b in pairs)
        return math.inf if math.isnan(squares) else squares

    like = min(whole, key=difference)
    best = max if objective.maximize else min
    worst = min if objective.maximize else max
    seen = [v for c in (curve, *whole) for v in c.values if not math.isnan(v)]
    bound = best(seen, default=math.nan)
    shift = curve.values[-1] - like.values[there - 1]
    values = [worst(value + shift, bound) for value in like.values[there:]]
    pace = statistics.median(curve.seconds)
    return Curve(
        curve.values + tuple(values), curve.seconds + (pace,) * len(values), curve.diverges
    )


def read(
    folder: results_folder.Folder,
    space: Space,
    objective: Objective,
    shared: Database | Journal | None = None,
) -> Recorded:
    """Read the curves of a sweep's folder.

    Args:
        folder: an existing sweep's.
        shared: where its study is, if not there.
        space: the sweep's own.
        objective: the sweep's own.

    Raises:
        ConfigError: it has no study, or no curve.
    """
    if shared is None and not folder.study.is_file():
        raise ConfigError(f"{folder.path} has no study.log: there are no curves to replay")
    record = reader.read(shared or folder.study, folder.path.name, space.values)
    searched = [trial for trial in record.trials if trial.repeat_of is None]
    return Recorded(searched, space, objective, str(folder.path))


def _diverged(trial: TrialRecord) -> bool:
    return trial.state is State.DIVERGED


def _own(trial: TrialRecord, objective: Objective) -> Curve:
    """Return a trial's curve as far as it went; one that diverges takes another epoch to do so."""
    epochs = [trial.epochs[number] for number in sorted(trial.epochs)]
    values = tuple(float(epoch[objective.metric]) for epoch in epochs)
    seconds = tuple(float(epoch.get("epoch_s", 0.0)) for epoch in epochs)
    if not _diverged(trial):
        return Curve(values, seconds)
    pace = statistics.median(seconds) if seconds else 0.0
    return Curve(values, (*seconds, pace), trial.reason or "diverged")
