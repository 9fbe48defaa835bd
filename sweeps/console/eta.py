"""Estimate when a sweep ends: a range, from what its trials have done so far.

How long the trials that wait will train is drawn from how far the others got: those that the
stopping rule has ended, those that ended well, and those that run, of which only is known that
they have come so far (Kaplan and Meier 1958). That a few trials tell little is part of the range:
each draw weighs them anew (Rubin 1981, "The Bayesian bootstrap"), and beside them stand some that
the rule has judged in a rehearsal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Draws of the rest of the sweep.
DRAWS = 150
#: Shares of the draws below the range, and below its end: skewed, as few trials run to their end.
LOW, HIGH = 0.03, 0.93
#: Spread of the mean pace of trials to come, known from one trial alone, on a log scale.
UNKNOWN_PACE = 0.5
#: Spread of the pace of a trial's further epochs against those so far, on a log scale.
UNSTEADY = 0.1
#: How many trials the rehearsal stands for at each epoch, beside those that came so far.
REHEARSED = 6
#: Trials to judge by, at most: the time of an estimate grows with their number.
ENOUGH = 300
#: Trials that wait are laid out one by one up to so many; further ones fill the slots evenly.
_ONE_BY_ONE = 100

_Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class TrialProgress:
    """Describes how far a trial has trained.

    Attributes:
        epochs: that it has trained so far.
        length: that it would train if nothing stopped it.
        epoch_s: seconds of one, 0 if none has ended.
        waited_s: seconds since its last epoch ended, of one that runs.
        runs: whether it has a slot, and goes on.
    """

    epochs: int
    length: int
    epoch_s: float
    waited_s: float = 0.0
    runs: bool = False


@dataclass(frozen=True)
class Waiting:
    """Describes the trials that have not begun.

    Attributes:
        trials: how many of them the stopping rule judges.
        full: how many train to their last epoch: repeats.
        length: epochs of one that nothing stops.
        rehearsed: epochs that the rule lets trials have that come next, in a rehearsal; empty
            where no rule stops trials.
        between_s: seconds between two trainings in a slot.
    """

    trials: int
    full: int
    length: int
    rehearsed: Sequence[int] = ()
    between_s: float = 0.0


def eta(known: Sequence[TrialProgress], waiting: Waiting, slots: int) -> tuple[float, float] | None:
    """Estimate the least and the most seconds until the sweep ends; None without any epoch yet.

    Args:
        known: all trials that have begun, ended or not, in the order in which they were proposed.
        slots: number of trials that run at once, at least 1.
    """
    running = [trial for trial in known if trial.runs]
    known = _some(known)
    paces = np.array([trial.epoch_s for trial in known if trial.epochs])
    trained = np.array([trial.epochs for trial in known if trial.epochs])
    if not waiting.trials + waiting.full + len(running):
        return 0.0, 0.0
    if not len(paces):
        return None
    random = np.random.default_rng(0)  # the same each time, so that what is shown does not flicker
    alive = _survival(known, waiting, random)
    # By epochs: those that a rule lets go on may be slow, and most of the time is theirs.
    chances = np.cumsum(random.exponential(size=(DRAWS, len(paces))) * trained, axis=1)
    chances /= chances[:, -1:]
    rests = _rests(running, alive, float(paces.mean()), random)
    one_by_one = min(waiting.trials, _ONE_BY_ONE)
    lengths = np.concatenate(
        [
            np.minimum(_lengths(alive, random.random((DRAWS, one_by_one))), waiting.length),
            np.full((DRAWS, waiting.full), waiting.length),
        ],
        axis=1,
    )
    uniform = random.random(lengths.shape)
    drawn = np.stack([chances[n].searchsorted(uniform[n]) for n in range(DRAWS)])
    unsteady = np.exp(UNSTEADY * random.standard_normal(lengths.shape))
    unsteady *= np.exp(UNKNOWN_PACE / len(paces) ** 0.5 * random.standard_normal((DRAWS, 1)))
    seconds = lengths * paces[np.minimum(drawn, len(paces) - 1)] * unsteady + waiting.between_s
    further = waiting.trials - one_by_one
    even = seconds[:, :one_by_one].mean(axis=1) * further / slots if further else 0.0
    ends = _ends(rests, seconds, slots) + even
    low, high = np.quantile(ends, [LOW, HIGH])
    return float(low), float(high)


def _some(known: Sequence[TrialProgress]) -> list[TrialProgress]:
    """Choose an even selection of the trials, in their order, where there are very many."""
    if len(known) <= ENOUGH:
        return [*known]
    return [known[round(place)] for place in np.linspace(0, len(known) - 1, ENOUGH)]


def _survival(
    known: Sequence[TrialProgress], waiting: Waiting, random: np.random.Generator
) -> _Numbers:
    """Return (draws, epochs + 1) the share of trials that go on after each epoch."""
    longest = max(waiting.length, *(trial.length for trial in known))
    at_risk, ends = np.zeros((DRAWS, longest + 1)), np.zeros((DRAWS, longest + 1))
    weights = random.exponential(size=(DRAWS, len(known)))
    if waiting.rehearsed:  # the first ones that come to an epoch are spared more often
        weights *= (np.arange(1, len(known) + 1) / len(known)) ** 2
    for trial, weight in zip(known, weights.T, strict=True):
        at_risk[:, : trial.epochs + 1] += weight[:, None]
        if not trial.runs and trial.epochs < longest:
            ends[:, trial.epochs] += weight
    if waiting.rehearsed:
        lengths = np.minimum(waiting.rehearsed, longest)
        come = (lengths[:, None] >= np.arange(longest + 1)).sum(axis=0)
        gone = np.bincount(lengths, minlength=longest + 1)
        gone[longest] = 0
        share = gone / np.maximum(come, 1)
        ends += (made_up := random.gamma(REHEARSED * share, size=ends.shape))
        at_risk += made_up + random.gamma(REHEARSED * (1 - share), size=ends.shape)
    hazard = np.divide(ends, at_risk, out=np.zeros_like(ends), where=at_risk > 0)
    survival: _Numbers = np.cumprod(1 - hazard, axis=1)
    return survival


def _lengths(alive: _Numbers, uniform: _Numbers) -> _Numbers:
    """Return (draws, trials) the epochs that trials get to, given a random number of each."""
    lengths: _Numbers = (alive[:, None, :] > uniform[:, :, None]).sum(axis=2).astype(float)
    return lengths


def _rests(
    running: Sequence[TrialProgress], alive: _Numbers, mean_pace: float, random: np.random.Generator
) -> _Numbers:
    """Draw (draws, trials) the seconds that each running trial still takes."""
    if not running:
        return np.zeros((DRAWS, 0))
    epochs = np.array([trial.epochs for trial in running])
    lengths = np.array([trial.length for trial in running])
    paces = np.array([trial.epoch_s or mean_pace for trial in running])
    waited = np.array([trial.waited_s for trial in running])
    now = alive[:, np.minimum(epochs, alive.shape[1] - 1)]
    to = np.maximum(_lengths(alive, random.random(now.shape) * now), epochs + 1)
    unsteady = np.exp(UNSTEADY * random.standard_normal(to.shape))
    rests: _Numbers = (np.minimum(to, lengths) - epochs) * paces * unsteady - waited
    return np.maximum(rests, 0.0)


def _ends(rests: _Numbers, seconds: _Numbers, slots: int) -> _Numbers:
    """Return (draws,) the seconds until all is done; a free slot takes the next trial."""
    free = np.zeros((len(rests), max(slots, rests.shape[1])))
    free[:, : rests.shape[1]] = rests
    draws = np.arange(len(free))
    for trial in seconds.T:
        free[draws, free.argmin(axis=1)] += trial
    ends: _Numbers = free.max(axis=1)
    return ends
