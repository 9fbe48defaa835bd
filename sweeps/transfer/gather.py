"""Gather the trials of the sweeps that `from_sweep` names, adapted to a new sweep's space."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from omegaconf import OmegaConf

from sweeps.checked.sweep import Sweep, Transfer
from sweeps.config.keys import dotted, plain, value_at
from sweeps.config.schema import FROM_SWEEP, Kind, is_of
from sweeps.space.dimensions import text
from sweeps.transfer.adapt import adapt
from sweeps.transfer.previous_sweeps import Earlier, named, read
from sweeps.trials import Objective, TrialRecord
from trainers.errors import ConfigError

#: Keys that are told as different.
_TOLD = 4


def gather(sweep: Sweep) -> Transfer:
    """The trials of the sweeps that `from_sweep` names, adapted to this one's space.

    Raises:
        ConfigError: a sweep that is not there, has another objective, or nothing to be learnt.
    """
    found = [read(folder) for folder in named(sweep.config[FROM_SWEEP], sweep.config["results"])]
    if not found:
        return Transfer()
    for earlier in found:
        _refuse_useless(earlier, sweep.objective)
    data = {earlier.name: earlier.data for earlier in found}
    if not sweep.search.learns:
        note = (
            f"{FROM_SWEEP}: search={sweep.choice('search')} takes no heed of earlier sweeps; "
            "search=tpe and search=gp do"
        )
        return Transfer(data, (), (note,))
    trials: list[TrialRecord] = []
    notes: list[str] = []
    for earlier in found:
        more, told = _adapted(earlier, sweep)
        trials += more
        notes += told
    return Transfer(data, tuple(trials), tuple(notes))


def _refuse_useless(earlier: Earlier, objective: Objective) -> None:
    if earlier.objective != objective:
        raise ConfigError(
            f"{FROM_SWEEP}={earlier.name}: its objective was {_goal(earlier.objective)}, and this "
            f"sweep's is {_goal(objective)}: name a sweep with the same, or set task.metric and "
            "task.mode"
        )
    if not earlier.scored:
        raise ConfigError(
            f"{FROM_SWEEP}={earlier.name}: none of its {len(earlier.trials)} trials has a score "
            "yet: let it run first, or leave it out"
        )


def _adapted(earlier: Earlier, sweep: Sweep) -> tuple[tuple[TrialRecord, ...], list[str]]:
    """Its trials in the sweep's space, and lines on them."""
    scored = earlier.scored
    adapted = adapt(
        scored, earlier.dimensions, sweep.space, earlier.then, sweep.composition.unswept
    )
    if not adapted.trials:
        reasons = Counter(adapted.left_out).most_common(_TOLD)
        why = "; ".join(f"{reason} ({n})" for reason, n in reasons)
        raise ConfigError(
            f"{FROM_SWEEP}={earlier.name}: none of its {len(scored)} scored trials is of this "
            f"space: {why}.\nWiden the space to hold them, or leave {earlier.name} out"
        )
    lead = f"{FROM_SWEEP}={earlier.name}: "
    share = f"{len(adapted.trials)} of {len(scored)} scored trials feed the search"
    differing = list(_differing(earlier, sweep))
    if differing:
        more = f" and {len(differing) - _TOLD} more" if len(differing) > _TOLD else ""
        share += f"; it had {', '.join(differing[:_TOLD])}{more}"
    return adapted.trials, [lead + told for told in (share, *adapted.told)]


def _differing(earlier: Earlier, sweep: Sweep) -> Iterator[str]:
    """What was the same for all trials then, and is the same for all, but another, now."""
    base = sweep.composition.base
    now, as_written = plain(base), OmegaConf.to_container(base, resolve=False)
    swept = {*earlier.dimensions, *sweep.space.keys}
    for key in dotted(base):
        below_swept = any(f"{key}.".startswith(f"{other}.") for other in swept)
        if below_swept or is_of(Kind.OF_SWEEP | Kind.NO_SCORE, key):
            continue
        try:
            was, has = value_at(earlier.config, key), value_at(now, key)
        except KeyError:
            continue
        if was != has and "${" not in str(value_at(as_written, key)):  # which another key tells
            yield f"{key}={text(was)} (now {text(has)})"


def _goal(objective: Objective) -> str:
    return f"{'the highest' if objective.maximize else 'the lowest'} {objective.metric}"


def with_transfer(sweep: Sweep) -> Sweep:
    """The sweep with what it learns from earlier ones.

    Raises:
        ConfigError: an earlier sweep that is not there, or has nothing to be learnt.
    """
    transfer = gather(sweep)
    if transfer.data and sweep.further:
        raise ConfigError(
            "from_sweep: earlier sweeps teach by one objective, and this one has several: leave "
            "out from_sweep or objectives"
        )
    return replace(sweep, transfer=transfer, notes=(*sweep.notes, *transfer.notes))
