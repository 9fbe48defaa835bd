"""Search by ablation: the baseline, then each change alone; and the sheet of their effects."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any, ClassVar

from optuna.samplers import BaseSampler, RandomSampler

from sweeps.search.search import Setting
from sweeps.space.dimensions import label_of
from sweeps.trials import SEED, Objective, TrialRecord
from trainers.config.hydra_grammar import written
from trainers.errors import ConfigError

#: The confidence level of the interval of a difference.
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Ablation:
    """Propose the baseline, then each listed value alone, then, if asked for, each pair.

    A swept seed is no change: everything is run with the first seed, then with the second, and
    so on, so that a sweep that is cut short has compared all changes over fewer seeds.

    Attributes:
        pairs: propose each pair of changes too.
    """

    setting: Setting
    pairs: bool

    #: Each key's choices include the value that it has without a sweep.
    INCLUDES_OWN_VALUES: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if len(self._points) < 2:
            raise ConfigError(
                "search=ablation has nothing to change: give values that differ from those of the "
                "configuration, model.dropout=0.1,0.25"
            )

    @cached_property
    def _points(self) -> list[tuple[tuple[tuple[str, Any], ...], dict[str, Any]]]:
        """List changes (key, value) with the configuration they make; () is the baseline."""
        baseline = self.setting.as_is({})
        alone = []
        for parameter in self.setting.space.parameters:
            if parameter.key == SEED or parameter.key not in baseline:
                continue
            if parameter.dimension.size is None:
                next(self.setting.space.enumerate())  # raises, naming the interval
            own = label_of(baseline[parameter.key])
            values = parameter.dimension.enumerate()
            alone += [(parameter.key, value) for value in values if label_of(value) != own]
        wanted: list[tuple[tuple[str, Any], ...]] = [(), *((change,) for change in alone)]
        if self.pairs:
            wanted += [pair for pair in combinations(alone, 2) if pair[0][0] != pair[1][0]]
        made = ((changes, self._with(changes)) for changes in wanted)
        return [
            (changes, point)
            for changes, point in made
            if point is not None and (not changes or _labels(point) != _labels(baseline))
        ]

    def _with(self, changes: tuple[tuple[str, Any], ...]) -> dict[str, Any] | None:
        """Return the baseline with these changes; None if one removes the key of another."""
        point = self.setting.as_is(dict(changes))
        if not {key for key, _ in changes} <= set(point):
            return None
        return {key: value for key, value in point.items() if key != SEED}

    @property
    def _seeds(self) -> Sequence[Any]:
        dimensions = {p.key: p.dimension for p in self.setting.space.parameters}
        return list(dimensions[SEED].enumerate()) if SEED in dimensions else [None]

    @property
    def learns(self) -> bool:
        """Whether results change what is proposed: no, the list is fixed."""
        return False

    def sampler(self, number: int, attempt: int = 0) -> BaseSampler:
        """Return any sampler: there is nothing to draw."""
        return RandomSampler(seed=number)

    def point(self, number: int) -> Mapping[str, Any] | None:
        """Return the configuration with this number; None beyond the last."""
        turn, which = divmod(number, len(self._points))
        if turn >= len(self._seeds):
            return None
        _, point = self._points[which]
        seed = self._seeds[turn]
        return point if seed is None else {**point, SEED: seed}

    def limit(self) -> int:
        """Return the number of trials: changes times seeds."""
        return len(self._points) * len(self._seeds)

    def sheet(self, trials: Sequence[TrialRecord], objective: Objective) -> list[Change]:
        """Make the ablation sheet: the baseline, then the changes with a score, the best first."""
        changes_of = {_labels(point): changes for changes, point in self._points}
        scores: dict[tuple[tuple[str, str], ...], list[float]] = {}
        for trial in trials:
            best = trial.best(objective) if trial.state.scored else None
            params = {key: value for key, value in trial.params.items() if key != SEED}
            if best is not None and (label := _labels(params)) in changes_of:
                scores.setdefault(label, []).append(best[1])
        as_is = scores.get(_labels(self._points[0][1]))
        if as_is is None:
            return []
        changed = [(changes_of[label], values) for label, values in scores.items()]
        rows = [
            _change(changes, values, as_is, objective) for changes, values in changed if changes
        ]
        rows.sort(key=lambda row: row.difference, reverse=True)
        return [_change((), as_is, as_is, objective), *rows]


def _labels(point: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((key, repr(label_of(value))) for key, value in point.items()))


def _change(
    changes: tuple[tuple[str, Any], ...],
    values: Sequence[float],
    baseline: Sequence[float],
    objective: Objective,
) -> Change:
    sign = 1.0 if objective.maximize else -1.0
    mean, base = statistics.fmean(values), statistics.fmean(baseline)
    difference = sign * (mean - base) if changes else 0.0
    return Change(
        overrides=" ".join(f"{key}={written(value)}" for key, value in changes),
        trials=len(values),
        mean=mean,
        sd=statistics.stdev(values) if len(values) > 1 else math.nan,
        difference=difference,
        margin=_margin(values, baseline) if changes else math.nan,
    )


def _margin(a: Sequence[float], b: Sequence[float]) -> float:
    """Half the width of the interval of two means' difference (Welch 1947); nan if one value."""
    if len(a) < 2 or len(b) < 2:
        return math.nan
    from scipy.stats import t

    va, vb = statistics.variance(a) / len(a), statistics.variance(b) / len(b)
    if va + vb == 0:
        return 0.0
    freedom = (va + vb) ** 2 / (va**2 / (len(a) - 1) + vb**2 / (len(b) - 1))
    return float(t.ppf((1 + CONFIDENCE) / 2, freedom)) * math.sqrt(va + vb)


@dataclass(frozen=True)
class Change:
    """Describes a row of the ablation sheet: the effect of one change.

    Attributes:
        overrides: the change as Hydra overrides; empty for the baseline.
        trials: number of trials with this change that have a score (several with several seeds).
        mean, sd: of the best values of these trials; sd is nan for a single one.
        difference: of the mean to the baseline's mean, above 0 if better.
        margin: half the width of the difference's interval (95 %); nan if unknown.
    """

    overrides: str
    trials: int
    mean: float
    sd: float
    difference: float
    margin: float

    @property
    def verdict(self) -> str:
        """Return the effect of the change in a word or two."""
        if not self.overrides:
            return "baseline"
        if math.isnan(self.margin):
            return {1: "better, one run", -1: "worse, one run"}.get(_sign(self.difference), "equal")
        if abs(self.difference) <= self.margin:
            return "no difference seen"
        return "worked" if self.difference > 0 else "hurt"


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)
