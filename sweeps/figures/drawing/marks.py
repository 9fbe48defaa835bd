"""Mark what is drawn of a trial: whose it is, how it ended, how well it did."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sweeps.figures.drawing.canvas import coordinate, escape, title
from sweeps.formatting import number, score, short_names
from sweeps.recorded.recorded_sweep import RecordedSweep
from sweeps.trials import Ranked, State, TrialRecord

#: Trials that are drawn, at most: half of them the best, the others spread over the rest.
MOST_DRAWN = 1000


@dataclass(frozen=True)
class TrialMarks:
    """Tells how the trials of a sweep are drawn, the same in all of its figures.

    Attributes:
        best, baseline: ids; empty where there is none.
        scored: id -> the trial at its best epoch, of those that ended well or run, and whose value
            is finite.
        tenths: id -> tenth of the ranks, from 0 to 9; the best are in 9.
        drawn: the trials that have an element of their own, by number; without repeats.
        unscored: how many trials of the search with epochs have no finite value to be drawn.
    """

    sweep: RecordedSweep
    prefix: str
    best: str
    baseline: str
    scored: Mapping[str, Ranked]
    tenths: Mapping[str, int]
    drawn: tuple[TrialRecord, ...]
    unscored: int

    def attributes(self, trial: TrialRecord) -> str:
        """Return the classes and the id of a trial's element, as attributes."""
        classes = ["t", trial.state.value]
        if (tenth := self.tenths.get(trial.id)) is not None:
            classes.append(f"v{tenth}")
        if trial.id == self.best:
            classes.append("best")
        if trial.id == self.baseline:
            classes.append("baseline")
        return f' class="{" ".join(classes)}" data-t="{self.key(trial.id)}"'

    def key(self, trial: str) -> str:
        """Return what a trial's elements carry as `data-t`, for the inside of an attribute."""
        return escape(self.prefix + trial)

    def told(self, trial: TrialRecord) -> str:
        """Describe a trial in a line: "0007, stopped after 3 epochs: 0.9312 at epoch 2"."""
        epochs = counted(trial.last_epoch, "epoch")
        ended = "after" if trial.state.ended else "at"
        line = f"{self.prefix}{trial.id}, {trial.state.value} {ended} {epochs}"
        if (ranked := self.scored.get(trial.id)) is not None:
            line += f": {score(ranked.value)} at epoch {ranked.epoch}"
        return line

    def brief(self, trial: TrialRecord) -> str:
        """Name a trial and its value: "0007: 0.9312"."""
        ranked = self.scored.get(trial.id)
        value = trial.state.value if ranked is None else score(ranked.value)
        return f"{self.prefix}{trial.id}: {value}"

    def dot(self, trial: TrialRecord, x: float, y: float, more: str = "") -> str:
        """Return the circle of a trial.

        Args:
            more: told on hover beside the trial and its value.
        """
        radius = 5 if trial.id in (self.best, self.baseline) else 3
        return (
            f'<circle{self.attributes(trial)} cx="{coordinate(x)}" cy="{coordinate(y)}" '
            f'r="{radius}">{title(self.brief(trial) + more)}</circle>'
        )

    def quality(self, trial: TrialRecord) -> float:
        """Return a scored trial's value, signed so that more is better."""
        value = self.scored[trial.id].value
        return value if self.sweep.objective.maximize else -value

    def in_order(self, trials: list[TrialRecord]) -> list[TrialRecord]:
        """Sort trials for drawing: the worst first, the baseline and the best on top."""
        return sorted(
            trials,
            key=lambda t: (t.id == self.best, t.id == self.baseline, self.tenths.get(t.id, -1)),
        )

    @property
    def left_out(self) -> str:
        """Say how many trials have no place, as they have no finite result."""
        return f"Left out, without a finite result: {counted(self.unscored, 'trial')}."

    @property
    def thinned(self) -> str:
        """Say that not all trials are drawn; empty where they are."""
        count = len(self.sweep.searched)
        if len(self.drawn) == count:
            return ""
        return (
            f" Of {count:,} trials {len(self.drawn):,} are drawn: the best, and a part of the rest."
        )


def marks_of(sweep: RecordedSweep, prefix: str = "") -> TrialMarks:
    """Rank the trials of a sweep once, for all of its figures.

    Args:
        prefix: before each id; tells the trials of several sweeps apart: "mnist/".
    """
    objective = sweep.objective
    searched = sweep.searched
    scored = {}
    for trial in searched:
        if trial.state.scored or trial.state is State.RUNNING:
            best = sweep.best_epochs[trial.id]
            if best is not None and math.isfinite(best[1]):
                scored[trial.id] = Ranked(trial, *best)
    sign = 1 if objective.maximize else -1
    worst_first = sorted(scored.values(), key=lambda r: (sign * r.value, -r.trial.number))
    order = [one.trial.id for one in worst_first]
    ranked = sweep.ranked
    first = sweep.baseline
    best_id = ranked[0].trial.id if ranked and ranked[0].trial.id in scored else ""
    drawn = _drawn(searched, order, {best_id, "" if first is None else first.id})
    return TrialMarks(
        sweep=sweep,
        prefix=prefix,
        best=best_id,
        baseline="" if first is None else first.id,
        scored=scored,
        tenths={trial: 10 * place // len(order) for place, trial in enumerate(order)},
        drawn=drawn,
        unscored=sum(bool(trial.epochs) for trial in searched) - len(scored),
    )


def _drawn(
    trials: list[TrialRecord], order: list[str], wanted: set[str]
) -> tuple[TrialRecord, ...]:
    if len(trials) <= MOST_DRAWN:
        return tuple(trials)
    kept = {*order[-MOST_DRAWN // 2 :], *wanted}
    rest = [trial.id for trial in trials if trial.id not in kept]
    step = len(rest) / (MOST_DRAWN - len(kept))
    kept |= {rest[int(place * step)] for place in range(MOST_DRAWN - len(kept))}
    return tuple(trial for trial in trials if trial.id in kept)


def described(trial: TrialRecord, keys: list[str]) -> str:
    """List what was swept and what a trial has of it: "lr 3.0e-04, depth 2"."""
    names = short_names(keys)
    return ", ".join(f"{names[k]} {number(trial.params[k])}" for k in keys if k in trial.params)


def any_stopped(trials: Iterable[TrialRecord]) -> bool:
    """Whether any of some trials was stopped before its end."""
    return any(trial.state is State.STOPPED for trial in trials)


def counted(count: int, what: str) -> str:
    """Write a count with its noun: "1 trial", "2,000 trials"."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def slug(text: str) -> str:
    """Turn a name into letters, digits and hyphens, different for different names."""
    plain = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    if re.fullmatch(r"[a-z0-9]+(\.[a-z0-9]+)*", text) and len(text) <= 40:
        return plain
    return (
        f"{plain[:40] or 'key'}-{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:6]}"
    )
