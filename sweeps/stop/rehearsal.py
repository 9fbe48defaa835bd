"""Rehearse a stopping rule on made-up curves: how many epochs it lets trials have."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sweeps.stop.promotion import PromotionRule
from sweeps.stop.rule import Stop

#: Judgements after which a rehearsal ends: a fraction of a second.
_MOST_JUDGEMENTS = 4000
#: Trials that are enough to learn from.
_ENOUGH = 100
#: Spread of a trial's epochs, in that of the trials.
_NOISE = 0.5
#: By how much a trial rises with the logarithm of its epochs, in the spread of the trials: a rule
#: that waits for progress would end trials that make none.
_RISE = 1.0


@dataclass(frozen=True)
class Rehearsed:
    """Describes a trial of a rehearsal.

    Attributes:
        order: how many had come before when its epochs were final: its own number, from 0; under a
            rule that pauses trials that of the last, as until then any may be promoted.
        epochs: that it was let have in the end.
    """

    order: int
    epochs: int


def rehearse(rule: Stop, trials: int, epochs: int) -> tuple[Rehearsed, ...]:
    """Let a rule judge trials that come one after the other; several times if they are few.

    The first ones that come to an epoch are spared more often than those after them, so that
    a rehearsal tells more about the trials to come than the trials so far do.

    Args:
        trials: how many there will be; there may be fewer in the rehearsal, where it takes long.
        epochs: of a trial that nothing stops.
    """
    found: list[Rehearsed] = []
    judgements, seed = 0, 0
    try:
        while len(found) < _ENOUGH and judgements < _MOST_JUDGEMENTS:
            rehearsal = _Rehearsal(rule, epochs, seed)
            while rehearsal.judgements < _MOST_JUDGEMENTS and rehearsal.next(trials):
                pass
            found += rehearsal.found()
            judgements, seed = judgements + rehearsal.judgements, seed + 1
    except Exception:  # a rule of the user's that cannot make anything of these curves
        return ()
    return tuple(found)


class _Rehearsal:
    def __init__(self, rule: Stop, epochs: int, seed: int) -> None:
        self._rule, self._length = rule, epochs
        self._random = np.random.default_rng(seed)
        self._curves: dict[int, dict[str, float]] = {}
        self._worth: dict[str, float] = {}
        self._paused: dict[str, int] = {}
        self.epochs: dict[str, int] = {}
        self.judgements = 0

    def next(self, trials: int) -> bool:
        """Train the next trial: one that is promoted, or a new one; False if there is none."""
        promoted = None
        if isinstance(self._rule, PromotionRule) and self._paused:
            promoted = self._rule.promote(self._paused, self._curves)
        if promoted is not None:
            del self._paused[promoted]
            self._train(promoted)
            return True
        if len(self.epochs) >= trials:
            return False
        trial = f"{len(self.epochs):04}"
        self._worth[trial], self.epochs[trial] = float(self._random.normal()), 0
        self._train(trial)
        return True

    def found(self) -> list[Rehearsed]:
        """Return what each trial was let have."""
        last, pauses = len(self.epochs) - 1, isinstance(self._rule, PromotionRule)
        return [
            Rehearsed(last if pauses else order, epochs)
            for order, epochs in enumerate(self.epochs.values())
        ]

    def _train(self, trial: str) -> None:
        for epoch in range(self.epochs[trial] + 1, self._length + 1):
            value = self._worth[trial] + _RISE * math.log(epoch)
            value += _NOISE * float(self._random.normal())
            self._curves.setdefault(epoch, {})[trial] = value
            self.epochs[trial] = epoch
            self.judgements += 1
            if epoch == self._length or self._rule.judge(trial, epoch, self._curves) is not None:
                return
            if isinstance(self._rule, PromotionRule) and self._rule.pauses(epoch):
                self._paused[trial] = epoch
                return
