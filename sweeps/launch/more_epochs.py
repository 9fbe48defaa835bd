"""Let the complete trials of a sweep train on, where it is extended to more epochs.

`make extend SWEEP=mnist ARGS="epochs=+8"`: whatever trained to its last epoch goes on as if all of
them had been asked for from the start; the stopping rule judges it first. What was stopped early,
or was out of patience, has ended.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sweeps.checked.check import check
from sweeps.checked.sweep import Sweep
from sweeps.config.composition import compose
from sweeps.config.overrides import key_of
from sweeps.config.trusted_targets import Origin
from sweeps.study.study import Study
from sweeps.trials import State
from trainers.errors import ConfigError

#: The key that may be raised.
KEY = "epochs"
_WORD = re.compile(rf"{KEY}=(\+?)(\d+)")


def wanted(given: Sequence[str]) -> bool:
    """Whether a command line asks for more epochs."""
    return any(key_of(word) == KEY for word in given)


def total(word: str, before: int) -> str:
    """Return the override with the epochs that a trial has in all.

    Args:
        before: the epochs that it had.

    Raises:
        ConfigError: no whole number, or fewer than there were.
    """
    match = _WORD.fullmatch(word)
    if match is None:
        raise ConfigError(f"{word}: give the epochs of every trial, {KEY}=20, or more, {KEY}=+8")
    epochs = int(match[2]) + (before if match[1] else 0)
    if epochs < before:
        raise ConfigError(
            f"{word}: the trials of this sweep have {before} epochs, which may be raised alone: "
            f"{KEY}=+8"
        )
    return f"{KEY}={epochs}"


def as_begun(overrides: Sequence[str], origin: Origin) -> Sweep:
    """Check a sweep as it was before it was to have more epochs.

    Raises:
        ConfigError: it varies the epochs itself.
    """
    with compose(overrides, origin) as composition:
        sweep = check(composition)
    if KEY in sweep.space.keys:
        raise ConfigError(
            f"{KEY} is swept over here, so each trial has its own: begin another sweep with more, "
            f"name=… {KEY}=… from_sweep={sweep.name}"
        )
    return sweep


def due(sweep: Sweep, study: Study) -> list[str]:
    """List the complete trials that have had fewer epochs than they would have now, by number."""
    if KEY in sweep.space.keys:
        return []
    found = []
    for trial in study.trials:
        if trial.state is not State.COMPLETE or trial.reason:
            continue
        if trial.last_epoch >= sweep.training.epochs:
            continue
        config, training = sweep.composition.training(trial.params)
        refused = sweep.constraints.judge(trial.params, config, training)
        if trial.last_epoch < training.epochs and not refused:
            found.append(trial.id)
    return found
