"""Show trials in the tracker, and those again that a killed session had ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sweeps.driver.contract import Trainings
from sweeps.formatting import clip, number, short_names
from sweeps.search.search import Setting
from sweeps.space.dimensions import Choice
from sweeps.space.space import Space
from sweeps.study.study import Study
from sweeps.tracking import DIFFERS, NullTracker, Tracker, Varied
from sweeps.trials import SEED, Objective, State, TrialRecord

#: Characters of a run's name, beside the trial's id, and of one value in it.
_DIFFERING, _VALUE = 63, 24

_ABSENT = object()


def drawn(trial: TrialRecord) -> dict[str, object]:
    """Return what a trial varies: its parameters, and the seed if it repeats another."""
    source = trial.source
    return {
        **trial.params,
        **({} if source is None or source.seed is None else {SEED: source.seed}),
    }


def begun(tracker: Tracker, space: Space, objective: Objective) -> None:
    """Tell what the trials vary; of a config group the choices, which runs have beside its keys."""
    parameters: dict[str, Mapping[str, Any]] = {}
    for parameter in space.parameters:
        dimension = parameter.dimension
        key = f"choices.{parameter.key}" if parameter.group else parameter.key
        if isinstance(dimension, Choice):
            parameters[key] = {"values": list(dimension.values)}
        else:
            ends = {"min": dimension.low, "max": dimension.high}
            parameters[key] = {**ends, "log": dimension.log, "integer": dimension.integer}
    tracker.sweep_started(Varied(objective.metric, objective.maximize, parameters))


def started(
    tracker: Tracker,
    trial: TrialRecord,
    config: Mapping[str, Any],
    composition: Trainings,
    setting: Setting,
) -> None:
    """Show that a trial begins or goes on.

    Args:
        setting: that of the search, which knows the baseline.
    """
    if type(tracker) is NullTracker:
        return
    choices = composition.choices(trial.params)
    source = {} if trial.source is None else {"source": trial.source.told}
    more = {"swept": drawn(trial), "choices": choices, DIFFERS: differing(trial, choices, setting)}
    tracker.trial_started(trial.id, {**config, **more, **source}, trial.last_epoch)


def differing(trial: TrialRecord, choices: Mapping[str, str], setting: Setting) -> str:
    """Tell in few words in which swept values a trial is not the baseline.

    Values are compared with those that the trial's own choices come with: a learning rate of 0.1 is
    nothing particular where the optimizer is sgd.
    """
    groups = {key: value for key, value in trial.params.items() if key in choices}
    baseline, own = setting.as_is({}), setting.as_is(groups)
    values, names = drawn(trial), short_names(drawn(trial))
    parts = [
        f"{names[key]} {clip(number(value), _VALUE)}"
        for key, value in sorted(values.items(), key=lambda one: _place(one[0], choices))
        if (baseline if key in groups else own).get(key, _ABSENT) != value
    ]
    room = _DIFFERING - len(trial.id)
    text = clip(parts[0], room) if parts else "baseline"
    for part in parts[1:]:
        longer = f"{text}, {part}"
        text = longer if len(longer) <= room else text
    return text


def _place(key: str, choices: Mapping[str, str]) -> tuple[bool, bool]:
    """Return the place of a swept key in a name: choices, the learning rate, all others."""
    return key not in choices, key.rpartition(".")[2] != "lr"


def ended(tracker: Tracker, trial: TrialRecord, objective: Objective) -> None:
    """Show how a trial has ended."""
    best = trial.best(objective)
    summary: dict[str, Any] = {"member": trial.member, "machine": trial.machine}
    if best is not None:
        epoch, value = best
        at_best = {f"best_{metric}": value for metric, value in trial.epochs[epoch].items()}
        summary |= {**at_best, "best_epoch": epoch, "best_value": value}
    tracker.trial_ended(trial.id, trial.state.value, trial.reason, summary)


def complete(tracker: Tracker, study: Study, composition: Trainings, setting: Setting) -> None:
    """Show each trial that had ended when a session was killed, and was not shown as a whole."""
    shown = [t for t in study.trials if t.state.ended and t.state is not State.INFEASIBLE]
    lacking = tracker.lacking([trial.id for trial in shown])
    for trial in shown:
        if trial.id in lacking:
            config, _ = composition.training(drawn(trial))
            started(tracker, trial, config, composition, setting)
            ended(tracker, trial, study.objective)


def replay(
    tracker: Tracker,
    trials: Sequence[TrialRecord],
    objective: Objective,
    config_of: Callable[[TrialRecord], Mapping[str, Any]],
    composition: Trainings,
    setting: Setting,
) -> None:
    """Show the whole record of trials: their epochs, and how those ended that have.

    Args:
        config_of: returns a trial's configuration.
    """
    for trial in trials:
        if trial.state is State.INFEASIBLE:
            continue
        started(tracker, trial, config_of(trial), composition, setting)
        best = trial.best(objective)
        for epoch, metrics in sorted(trial.epochs.items()):
            tracker.epoch(trial.id, epoch, metrics, None, best is not None and epoch == best[0])
        if trial.state.ended:
            ended(tracker, trial, objective)
