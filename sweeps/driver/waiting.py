"""Keep the paused trials: promote them, or begin a population's next generation."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from sweeps.driver import pbt_generations
from sweeps.driver.contract import Slots
from sweeps.driver.pbt_generations import Birth
from sweeps.driver.rules import Rules
from sweeps.driver.running import RunningTrials
from sweeps.stop.rule import Curves
from sweeps.study.study import Study
from sweeps.trials import TrialRecord


class WaitingTrials:
    """Keeps the paused trials of a session; in the study they are still running.

    Attributes:
        leaving: trials that run, and are to give their slots back.
    """

    def __init__(self, study: Study, rules: Rules) -> None:
        """Start with none: a session first hands out all that were paused before it."""
        self._study = study
        # Asked once: to compare with a protocol takes as long as to record an epoch.
        self._promotion = rules.promotion
        self._population = rules.population
        self._rule = self._promotion or self._population
        self._seed = rules.search.setting.seed
        self._epochs: dict[str, int] = {}  # trial -> the epoch after which it waits
        self.leaving: set[str] = set()
        self._places: dict[str, str] = {}  # trial -> the machine of its last epoch
        self._unfinished_generation = (
            None if self._population is None else pbt_generations.cut_short(study)
        )

    @property
    def epochs(self) -> Mapping[str, int]:
        """Map each paused trial to the epoch after which it waits."""
        return self._epochs

    @property
    def is_population(self) -> bool:
        """Whether those that wait are a population, of which a generation can be made."""
        return self._population is not None and bool(self._epochs)

    @property
    def generation_cut_short(self) -> bool:
        """Whether a kill has left a generation half begun."""
        return self._unfinished_generation is not None

    def pauses(self, trial: TrialRecord, epoch: int) -> bool:
        """Whether the rule pauses a trial after this epoch; a repeat is never paused."""
        if self._rule is None or epoch <= trial.passed or trial.repeat_of is not None:
            return False
        return epoch > 0 and self._rule.pauses(epoch)

    def pause(self, trial: str, epoch: int) -> None:
        """Let a trial wait after this epoch."""
        self._epochs[trial] = epoch
        self._study.wait(trial)

    def make_room(self, running: RunningTrials, slots: Slots) -> None:
        """Choose the trials, of those that run, that go on later, so that no more than may stay.

        At first those on machines that are not lent now, then the least promising of each kind.
        """
        leaving = {trial for trial in running if self._places.get(trial) in slots.away}
        staying = [trial for trial in running if trial not in leaving]
        for trials, most in running.kinds(staying, slots):
            over = sum(map(running.takes, trials)) - most
            if over <= 0 or (most and len(trials) == 1):  # alone on a card, of which it has a part
                continue
            order = least_promising(trials, self._study.curves)
            chosen = [trial for trial in order if trial in self.leaving]  # once is enough
            chosen += [trial for trial in order if trial not in self.leaving]
            for trial in chosen:
                if over > 0:
                    leaving.add(trial)
                    over -= running.takes(trial)
        self.leaving = leaving

    def leaves(self, trial: str, machine: str, running: RunningTrials, slots: Slots) -> bool:
        """Whether a trial, at an epoch's end on this machine, gives its slot back for now."""
        self._places[trial] = machine
        self.make_room(running, slots)
        return trial in self.leaving

    def has_left(self, trial: str) -> None:
        """Note that a trial has given its slot back: it may go on anywhere."""
        self.leaving.discard(trial)
        self._places.pop(trial, None)

    def promotable(self) -> str | None:
        """Find the trial that is to go on before a new one begins, if there is any."""
        if self._promotion is None:
            return None
        return self._promotion.promote(self._epochs, self._study.curves)

    def promote(self, trial: str) -> None:
        """Let a trial go on, on record."""
        self._study.go_on(trial, self._epochs.pop(trial))

    def next_generation(self, trainable: Callable[[Mapping[str, Any]], bool]) -> Iterator[Birth]:
        """Begin the next generation, or finish one whose beginning a kill has cut short.

        Each child is on record when it is given. Its trial must have ended before the next child
        is asked for; the survivors go on once all have been.

        Args:
            trainable: whether these parameters meet the sweep's constraints.
        """
        study, rule, seed = self._study, self._population, self._seed
        assert rule is not None
        generation = self._unfinished_generation or pbt_generations.decide(
            study, rule, self._epochs, seed
        )
        self._unfinished_generation = None
        yield from pbt_generations.births(study, rule, generation, seed, trainable)
        for trial in generation.survivors:
            if study.trial(trial).passed < generation.epoch:
                study.go_on(trial, generation.epoch)
        for trial in (*generation.survivors, *(trial for trial, _ in generation.exploits)):
            self._epochs.pop(trial, None)

    def ready(self) -> list[str]:
        """List the unfinished trials that do not wait, in the order in which a resume has them."""
        unfinished = (trial.id for trial in self._study.trials if not trial.state.ended)
        return [trial for trial in unfinished if trial not in self._epochs]

    def clear(self) -> None:
        """Forget all that wait, once they have ended."""
        self._epochs.clear()


def least_promising(trials: Collection[str], curves: Curves) -> list[str]:
    """Sort trials, the least promising first: those without an epoch, then by the objective.

    Compared at the last epoch that all of those with an epoch have, as stopping rules compare.
    """
    last = {
        trial: max((epoch for epoch, values in curves.items() if trial in values), default=0)
        for trial in trials
    }
    common = min((epoch for epoch in last.values() if epoch), default=0)

    def promise(trial: str) -> tuple[bool, float, int]:
        value = curves[common].get(trial, math.nan) if last[trial] else math.nan
        return bool(last[trial]), -math.inf if math.isnan(value) else value, -int(trial)

    return sorted(trials, key=promise)
