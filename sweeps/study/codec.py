"""Write a trial into an Optuna study, and read it back.

Beside Optuna's own fields, a trial has these user attributes:
    state      the state in Caviar's terms (`sweeps.trials.State`), and `reason`
    passed     the last epoch after which the trial was told to go on
    alone      how it ran out of memory, so that it has a card to itself since
    member, machine    where its last epoch ran
    source     of a trial that the search has not proposed (`sweeps.trials.Source`): samplers
               know nothing of it, and it is not counted among the proposals
    continues  number of the complete trial that goes on to more epochs here: Optuna's cannot be
               reopened, so what comes after its end is a trial of its own there (see `whole`)
And for each epoch a system attribute, as optuna-dashboard and Optuna's data frames make a column of
every user attribute:
    epoch:N    the metrics of epoch N, seconds included; a user attribute in records of version 1.
               Beside them `_at`, when the driver heard of it, and `_on`, the [member, machine] that
               a trial has moved to; neither in records of versions 1 and 2. `_gpus`: the cards
               that it took, if not as many as the sweep's trials usually do
And the study has, for the sweep as a whole:
    version    the layout of the record
    metric     the objective that ranks the trials
    uid        tells the sweep from others of its name
    driver     the process that has the study open (`sweeps.study.lock.Owner`)
    earlier    trials of previous sweeps that samplers see before the sweep's own, in its own space
    wall_s, repeats_s    seconds spent on the sweep, and on repeating the best
    remark:…   what a person has noted about a trial (`sweeps.recorded.remarks`)
    wandb, wandb_report    where its runs and its report are in W&B
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from sweeps.space.space import Space
from sweeps.trials import Moment, Objective, Source, State, TrialRecord
from trainers.config.hydra_grammar import written
from trainers.errors import ConfigError

#: The layout of the record; a later one is refused rather than misread.
VERSION = 3

#: What the attributes of epochs begin with.
_EPOCH = "epoch:"
#: What is kept beside the metrics of an epoch.
_AT, _ON, _GPUS = "_at", "_on", "_gpus"

#: The attribute of a trial that goes on with another one.
CONTINUES = "continues"

#: Turns the parameters of a trial as they are on record into those of the configuration.
Values = Callable[[Mapping[str, Any]], dict[str, Any]]

OPTUNA_STATE = {
    State.COMPLETE: TrialState.COMPLETE,
    State.STOPPED: TrialState.PRUNED,
    State.FAILED: TrialState.FAIL,
    State.DIVERGED: TrialState.FAIL,
    State.INFEASIBLE: TrialState.FAIL,
    State.ABANDONED: TrialState.FAIL,
}

OUR_STATE = {
    TrialState.COMPLETE: State.COMPLETE,
    TrialState.PRUNED: State.STOPPED,
    TrialState.FAIL: State.FAILED,
}


@dataclass(frozen=True)
class Whole:
    """Holds a trial and all that has come of it, though it was reopened.

    Attributes:
        number: of the trial.
        written: number of Optuna's trial in which it goes on: its own, unless it was reopened.
        trial: as if Optuna could reopen trials.
    """

    number: int
    written: int
    trial: FrozenTrial


def whole(stored: Sequence[FrozenTrial]) -> list[Whole]:
    """Join the trials of an Optuna study with those in which they go on, by number."""
    found: dict[int, Whole] = {}
    for number, trial in enumerate(stored):
        before = found.get(trial.user_attrs.get(CONTINUES, -1))
        if before is None:
            found[number] = Whole(number, number, trial)
        else:
            found[before.number] = Whole(before.number, number, _joined(before.trial, trial))
    return list(found.values())


def _joined(before: FrozenTrial, after: FrozenTrial) -> FrozenTrial:
    joined = copy.copy(before)
    joined.state, joined.values = after.state, after.values
    joined.user_attrs = {**before.user_attrs, **after.user_attrs}
    joined.system_attrs = {**before.system_attrs, **after.system_attrs}
    joined.intermediate_values = {**before.intermediate_values, **after.intermediate_values}
    joined.datetime_complete = after.datetime_complete
    return joined


def state_of(trial: FrozenTrial) -> State:
    """Return the state of a trial that was read from a record."""
    state = OUR_STATE.get(trial.state, State.RUNNING)
    return State(trial.user_attrs.get("state", state)) if state.ended else state


def epoch_key(epoch: int) -> str:
    """Name the system attribute that keeps the metrics of an epoch."""
    return f"{_EPOCH}{epoch}"


def without_epochs(trial: FrozenTrial) -> FrozenTrial:
    """Return a trial without its epochs' metrics, of which samplers make nothing."""
    bare = copy.copy(trial)
    bare.system_attrs = {
        key: value for key, value in trial.system_attrs.items() if not key.startswith(_EPOCH)
    }
    return bare


def epochs_of(trial: FrozenTrial) -> dict[int, dict[str, float]]:
    """Read the metrics of each epoch, in the order of epochs."""
    return {
        epoch: {key: value for key, value in kept.items() if key not in (_AT, _ON, _GPUS)}
        for epoch, kept in _kept(trial).items()
    }


def moments_of(trial: FrozenTrial) -> dict[int, Moment]:
    """Read when and where each epoch was trained, of those of which it is on record."""
    moments, member, machine = {}, "", ""
    for epoch, kept in _kept(trial).items():
        if _ON in kept:
            member, machine = map(str, kept[_ON])
        if _AT in kept:
            gpus = float(kept[_GPUS]) if _GPUS in kept else None
            moments[epoch] = Moment(float(kept[_AT]), member, machine, gpus)
    return moments


def epoch_entry(metrics: Mapping[str, float], moment: Moment, moved: bool) -> dict[str, Any]:
    """Return what is kept of an epoch. `moved`: its trial was not here, or has just begun."""
    on = {_ON: [moment.member, moment.machine]} if moved else {}
    gpus = {} if moment.gpus is None else {_GPUS: moment.gpus}
    return {**metrics, _AT: round(moment.at, 2), **on, **gpus}


def _kept(trial: FrozenTrial) -> dict[int, Mapping[str, Any]]:
    numbered = {
        int(key.removeprefix(_EPOCH)): kept
        for attributes in (trial.user_attrs, trial.system_attrs)
        for key, kept in attributes.items()
        if key.startswith(_EPOCH)
    }
    return dict(sorted(numbered.items()))


def record_of(trial: FrozenTrial, number: int, values: Values) -> TrialRecord:
    """Make the record of a trial from Optuna's."""
    attributes = trial.user_attrs
    epochs = epochs_of(trial)
    state = state_of(trial)
    source = attributes.get("source")
    return TrialRecord(
        id=f"{number:04d}",
        number=number,
        state=state,
        reason=attributes.get("reason", "") if state.ended else "",
        params=values(trial.params),
        epochs=epochs,
        member=attributes.get("member", ""),
        machine=attributes.get("machine", ""),
        passed=int(attributes.get("passed", 0)),
        alone=attributes.get("alone", ""),
        seconds=sum(metrics.get("epoch_s", 0.0) for metrics in epochs.values()),
        source=None if source is None else Source(**source),
        moments=moments_of(trial),
    )


def refuse_later(attributes: Mapping[str, Any], name: str) -> None:
    """Refuse a study whose record a later version has written.

    Args:
        attributes: the study's.

    Raises:
        ConfigError: it has.
    """
    version = attributes.get("version", VERSION)
    if type(version) is not int:
        raise ConfigError(
            f"the study of {name} has version {written(version)}, which is none: repair it"
        )
    if version > VERSION:
        raise ConfigError(
            f"the study of {name} was written by a newer Caviar (record version {version}, "
            f"this one knows {VERSION}): update, or use another name"
        )


def encode(
    trials: Sequence[TrialRecord], space: Space, objective: Objective
) -> list[dict[str, Any]]:
    """Write trials of previous sweeps, adapted to a space, as plain containers."""
    return [
        {
            "id": trial.id,
            "state": trial.state.value,
            "params": space.labels(trial.params),
            "curve": {str(n): metrics[objective.metric] for n, metrics in trial.epochs.items()},
        }
        for trial in trials
    ]


def decode(
    encoded: Sequence[Mapping[str, Any]], space: Space, objective: Objective
) -> list[TrialRecord]:
    """Read what `encode` has written."""
    return [
        TrialRecord(
            id=trial["id"],
            number=number,
            state=State(trial["state"]),
            params=space.values(trial["params"]),
            epochs={int(n): {objective.metric: value} for n, value in trial["curve"].items()},
        )
        for number, trial in enumerate(encoded)
    ]
