"""Replace the worst of a population by children of the best, in generations, on record.

A decision is written down whole before any of it is carried out, so that a session that begins
after a kill finds it and carries out the rest. Children are numbered from the number of trials
that there were then, in the order of those that give way: nothing else begins meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sweeps.stop import PopulationRule
from sweeps.stop.pbt import drawn
from sweeps.stop.pbt_explore import explore
from sweeps.study.study import Study
from sweeps.trials import Source, TrialRecord
from trainers.config.hydra_grammar import written

#: The name of the decisions in the study.
_RECORD = "generation"


@dataclass(frozen=True)
class Generation:
    """Describes what was decided after an epoch.

    Attributes:
        epoch: after which all of the population had waited.
        first: number of the first child.
        exploits: (who gives way, to a child of whom), in the order of the children.
        survivors: those that go on themselves.
    """

    epoch: int
    first: int
    exploits: tuple[tuple[str, str], ...]
    survivors: tuple[str, ...]

    def children(self) -> Iterator[tuple[str, str, str]]:
        """(who gives way, to a child of whom, the child)."""
        for number, (trial, parent) in enumerate(self.exploits, self.first):
            yield trial, parent, f"{number:04d}"


@dataclass(frozen=True)
class Birth:
    """Describes a trial gives way to a child.

    Attributes:
        reason: of its end, in words.
    """

    trial: str
    child: TrialRecord
    reason: str


def decide(study: Study, rule: PopulationRule, waiting: Mapping[str, int], seed: int) -> Generation:
    """Rank the population, and put on record who gives way to whom.

    Args:
        waiting: trial -> the epoch after which it waits; all that live. Where they differ, as
            when a sweep was extended, those that are behind go first.
    """
    epoch = min(waiting.values())
    trials = sorted(trial for trial, at in waiting.items() if at == epoch)
    exploits = rule.exploits(trials, epoch, study.curves, seed)
    survivors = tuple(trial for trial in trials if trial not in exploits)
    generation = Generation(epoch, study.next_number, tuple(exploits.items()), survivors)
    study.remember(f"{_RECORD}:{len(generations(study))}", asdict(generation))
    return generation


def generations(study: Study) -> list[Generation]:
    """Read all decisions, in order."""
    return recorded(study.remembered)


def recorded(remembered: Callable[[str], Any]) -> list[Generation]:
    """Read all decisions, in order, from what returns an attribute of a study by its key."""
    decided: list[Generation] = []
    while (record := remembered(f"{_RECORD}:{len(decided)}")) is not None:
        exploits = tuple((str(trial), str(parent)) for trial, parent in record["exploits"])
        survivors = tuple(record["survivors"])
        decided.append(Generation(record["epoch"], record["first"], exploits, survivors))
    return decided


def cut_short(study: Study) -> Generation | None:
    """Find the decision that a kill has left half carried out, if there is one."""
    if not (decided := generations(study)):
        return None
    last = decided[-1]
    done = (
        last.first + len(last.exploits) <= study.next_number
        and all(study.trial(trial).state.ended for trial, _ in last.exploits)
        and all(
            study.trial(trial).state.ended or study.trial(trial).passed >= last.epoch
            for trial in last.survivors
        )
    )
    return None if done else last


def births(
    study: Study,
    rule: PopulationRule,
    generation: Generation,
    seed: int,
    trainable: Callable[[Mapping[str, Any]], bool],
) -> Iterator[Birth]:
    """Make the children of a generation as they are asked for; find those already on record.

    A child that would not meet what trials must meet has the parameters of its parent.
    """
    for trial, parent, child in generation.children():
        if int(child) >= study.next_number:
            own = study.trial(parent).params
            random = drawn("child", seed, trial, generation.epoch)
            params = explore(study.space, own, random, rule.perturb, rule.resample)
            source = Source(parent, generation.epoch)
            study.derive(params if trainable(params) else own, source)
        record = study.trial(child)
        if not study.trial(trial).state.ended:
            yield Birth(trial, record, _reason(study, record))


def _reason(study: Study, child: TrialRecord) -> str:
    """Say why a trial gives way to this child."""
    source = child.source
    assert source is not None
    changes = changed(study.trial(source.trial).params, child.params)
    with_ = f", with {', '.join(changes)}" if changes else ""
    return f"pbt: gives way to {source.trial} at epoch {source.epoch}{with_}"


def changed(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    """List each value that differs, as "optimizer.lr 0.001 -> 0.0012"."""
    keys = dict.fromkeys((*before, *after))
    return [
        f"{key} {_short(before, key)} -> {_short(after, key)}"
        for key in keys
        if before.get(key) != after.get(key)
    ]


def _short(params: Mapping[str, object], key: str) -> str:
    if key not in params:
        return "-"
    value = params[key]
    return f"{value:.4g}" if isinstance(value, float) else written(value)
