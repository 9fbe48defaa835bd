"""Say what stopping trials early has saved, and what it has risked."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence

import numpy as np

from sweeps.findings.finding import CONFIDENCE, Certainty, Finding, Topic
from sweeps.findings.observations import score_at, stopped_by_rule
from sweeps.recorded.recorded_sweep import RecordedSweep
from sweeps.trials import Objective, State, TrialRecord
from trainers.config import AUTO_GPU

#: Rungs that are spoken of: those that stopped the most.
_MOST_RUNGS = 3
#: Trials that must have gone on to the end for a correlation.
_FEWEST = 5
#: A rung that ranks like the end, and one that hardly does.
_ALIKE, _UNLIKE = 0.7, 0.3


def stopping_findings(sweep: RecordedSweep) -> Iterator[Finding]:
    """Yield what is found of the trials that a rule has stopped; nothing of a population's."""
    searched = [trial for trial in sweep.searched if trial.state is not State.INFEASIBLE]
    stopped = [trial for trial in searched if stopped_by_rule(trial)]
    if not stopped or any(trial.taken_over for trial in searched):
        return
    yield _saved(sweep, searched, stopped)
    ended = [trial for trial in searched if trial.state is State.COMPLETE]
    counts: dict[int, int] = {}
    for trial in stopped:
        counts[trial.last_epoch] = counts.get(trial.last_epoch, 0) + 1
    rungs = sorted(sorted(counts, key=lambda rung: (-counts[rung], rung))[:_MOST_RUNGS])
    for rung in rungs:
        yield _rung(sweep.objective, rung, counts[rung], ended, searched)


def full_length(sweep: RecordedSweep, trial: TrialRecord) -> int:
    """Return the epochs of a trial that nothing ends early."""
    epochs = trial.params.get("epochs", sweep.config.get("epochs"))
    if not isinstance(epochs, int) or isinstance(epochs, bool):
        return trial.last_epoch
    return max(epochs, trial.last_epoch)


def _saved(
    sweep: RecordedSweep, searched: Sequence[TrialRecord], stopped: Sequence[TrialRecord]
) -> Finding:
    """Count the epochs, and estimate the hours, that the stopped trials would have taken."""
    left = {trial.id: full_length(sweep, trial) - trial.last_epoch for trial in stopped}
    saved = sum(left.values())
    asked = sum(full_length(sweep, trial) for trial in searched)
    hours = (
        sum(left[t.id] * t.seconds / len(t.epochs) for t in stopped if t.epochs and t.seconds)
        / 3600
    )
    share = _gpu_share(sweep)
    unit = "GPU-hours" if share else "hours of training"
    hours *= share or 1.0
    text = (
        f"{len(stopped)} of {len(searched)} trials were stopped early: {saved:,} of {asked:,} "
        f"epochs were saved ({saved / asked:.0%}), about {_hours(hours)} {unit} by the speed of "
        "these trials"
        if asked
        else f"{len(stopped)} of {len(searched)} trials were stopped early"
    )
    return Finding(
        "stopping-saved",
        Topic.STOPPING,
        Certainty.COUNTED,
        text,
        value=hours,
        unit=unit,
        trials=tuple(trial.id for trial in stopped[:50]),
    )


def _gpu_share(sweep: RecordedSweep) -> float:
    """Return how much of a GPU a trial has; 1 where a record does not say so, 0 if not all have."""
    gpu = (sweep.config.get("resources") or {}).get("gpu")
    if gpu == AUTO_GPU:
        return 0.0
    if isinstance(gpu, bool) or not isinstance(gpu, int | float):
        return 1.0
    return float(gpu) if math.isfinite(gpu) and gpu >= 0 else 1.0


def _hours(hours: float) -> str:
    return f"{hours:,.0f}" if hours >= 100 else f"{hours:.2g}"


def _rung(
    objective: Objective,
    rung: int,
    count: int,
    ended: Sequence[TrialRecord],
    searched: Sequence[TrialRecord],
) -> Finding:
    """Correlate a rung with the end among those that went on, and say what it tells of the risk."""
    both = [
        (trial, early, best[1] if objective.maximize else -best[1])
        for trial in ended
        if (early := _value(trial, objective, rung)) is not None
        and (best := trial.best(objective)) is not None
        and math.isfinite(best[1])
        and trial.last_epoch > rung
    ]
    text = f"epoch {rung} stopped {count}"
    if both:
        winner = max(both, key=lambda one: one[2])
        there = [v for t in searched if (v := _value(t, objective, rung)) is not None]
        place = 1 + sum(value > winner[1] for value in there)
        text += f"; the best of those that went on was number {place} of {len(there)} there"
    named = tuple(trial.id for trial, _, _ in sorted(both, key=lambda one: -one[2])[:50])
    value = spearman([one[1] for one in both], [one[2] for one in both])
    if len(both) < _FEWEST or value is None:
        text += (
            f"; only {len(both)} went on to the end: whether it stopped the best cannot be told"
            if len(both) != 1
            else "; only one went on to the end: whether it stopped the best cannot be told"
        )
        return Finding(f"stopping-rung-{rung}", Topic.STOPPING, Certainty.OPEN, text, trials=named)
    low, high = spearman_interval(value, len(both))
    if low > _ALIKE:
        risk, certainty = "it ranks like the end: little risk", Certainty.CLEAR
    elif high < _UNLIKE:
        risk = "it hardly ranks like the end: a later first rung risks less"
        certainty = Certainty.CLEAR
    else:
        risk, certainty = "how often it stops the best cannot be told from so few", Certainty.OPEN
    text += (
        f"; among the {len(both)} that went on its rank correlation with the end is {value:.2f} "
        f"({low:.2f} to {high:.2f}): {risk}"
    )
    return Finding(
        f"stopping-rung-{rung}",
        Topic.STOPPING,
        certainty,
        text,
        value=value,
        low=low,
        high=high,
        unit="rank correlation",
        trials=named,
    )


def _value(trial: TrialRecord, objective: Objective, rung: int) -> float | None:
    return score_at(trial, objective, rung) if trial.state.scored else None


def spearman(a: Sequence[float], b: Sequence[float]) -> float | None:
    """Return the rank correlation (Spearman 1904), equals sharing a rank; None if undefined."""
    if len(a) < 3:
        return None
    from scipy.stats import rankdata

    x, y = rankdata(a), rankdata(b)
    if x.std() == 0 or y.std() == 0:
        return None
    return float(np.clip(np.corrcoef(x, y)[0, 1], -1, 1))


def spearman_interval(value: float, count: int) -> tuple[float, float]:
    """Return the 95 % interval of a rank correlation (Bonett and Wright 2000).

    That of few may be perfect by luck: it is taken to be off by half of a swap of two neighbours.
    """
    if count < 4:
        return -1.0, 1.0
    most = 1 - 6 / (count**3 - count)
    margin = statistics.NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    margin *= math.sqrt((1 + value**2 / 2) / (count - 3))
    middle = math.atanh(min(max(value, -most), most))
    return math.tanh(middle - margin), math.tanh(middle + margin)
