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

#: Number of differing keys, and of reasons, that a message lists.
_LISTED = 4


def gather(sweep: Sweep) -> Transfer:
    """Gather the trials of the sweeps that `from_sweep` names, adapted to this sweep's space.

    Raises:
        ConfigError: a sweep that does not exist, has another objective, or no score yet.
    """
    previous_sweeps = [
        read(folder) for folder in named(sweep.config[FROM_SWEEP], sweep.config["results"])
    ]
    if not previous_sweeps:
        return Transfer()
    for previous in previous_sweeps:
        _refuse_useless(previous, sweep.objective)
    data = {previous.recorded.name: previous.recorded.data for previous in previous_sweeps}
    if not sweep.search.learns:
        message = (
            f"{FROM_SWEEP}: search={sweep.choice('search')} does not learn from previous sweeps; "
            "search=tpe and search=gp do"
        )
        return Transfer(data, (), (message,))
    trials: list[TrialRecord] = []
    messages: list[str] = []
    for previous in previous_sweeps:
        adapted, lines = _adapted(previous, sweep)
        trials += adapted
        messages += lines
    return Transfer(data, tuple(trials), tuple(messages))


def _refuse_useless(previous: Earlier, objective: Objective) -> None:
    recorded = previous.recorded
    if recorded.objective != objective:
        raise ConfigError(
            f"{FROM_SWEEP}={recorded.name}: its objective was {recorded.objective.goal}, and "
            f"this sweep's is {objective.goal}: name a sweep with the same, or set "
            "task.metric"
        )
    if not previous.scored:
        raise ConfigError(
            f"{FROM_SWEEP}={recorded.name}: none of its {len(recorded.trials)} trials has a score "
            "yet: let it run first, or leave it out"
        )


def _adapted(previous: Earlier, sweep: Sweep) -> tuple[tuple[TrialRecord, ...], list[str]]:
    """Adapt the trials of a previous sweep to this sweep's space, with messages about them."""
    scored, name = previous.scored, previous.recorded.name
    adapted = adapt(
        scored, previous.recorded.dimensions, sweep.space, previous.then, sweep.composition.unswept
    )
    if not adapted.trials:
        reasons = Counter(adapted.left_out).most_common(_LISTED)
        why = "; ".join(f"{reason} ({n})" for reason, n in reasons)
        raise ConfigError(
            f"{FROM_SWEEP}={name}: none of its {len(scored)} scored trials fits this "
            f"space: {why}.\nWiden the space to hold them, or leave {name} out"
        )
    lead = f"{FROM_SWEEP}={previous.recorded.name}: "
    share = f"{len(adapted.trials)} of {len(scored)} scored trials feed the search"
    differing = list(_differing(previous, sweep))
    if differing:
        more = f" and {len(differing) - _LISTED} more" if len(differing) > _LISTED else ""
        share += f"; it had {', '.join(differing[:_LISTED])}{more}"
    return adapted.trials, [lead + line for line in (share, *adapted.messages)]


def _differing(previous: Earlier, sweep: Sweep) -> Iterator[str]:
    """Tell each key that has another value now, of those that neither sweep varies."""
    base = sweep.composition.base
    now, as_written = plain(base), OmegaConf.to_container(base, resolve=False)
    swept = {*previous.recorded.dimensions, *sweep.space.keys}
    for key in dotted(base):
        below_swept = any(f"{key}.".startswith(f"{other}.") for other in swept)
        if below_swept or is_of(Kind.OF_SWEEP | Kind.NO_SCORE, key):
            continue
        try:
            was, has = value_at(previous.recorded.config, key), value_at(now, key)
        except KeyError:
            continue
        refers = "${" in str(value_at(as_written, key))  # to another key, and differs with it
        if was != has and not refers:
            yield f"{key}={text(was)} (now {text(has)})"


def with_transfer(sweep: Sweep) -> Sweep:
    """Add to a sweep the trials of previous sweeps that it learns from.

    Raises:
        ConfigError: a previous sweep that does not exist, or has nothing to learn from.
    """
    transfer = gather(sweep)
    if transfer.data and sweep.further:
        raise ConfigError(
            "from_sweep: a search learns from previous sweeps by one objective, and this sweep has "
            "several: leave out from_sweep or objectives"
        )
    return replace(sweep, transfer=transfer, messages=(*sweep.messages, *transfer.messages))
