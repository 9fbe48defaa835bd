"""Show trials in the tracker, and those again that a killed session had ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sweeps.driver.contract import Trainings
from sweeps.study.study import Study
from sweeps.tracking import Tracker
from sweeps.trials import SEED, Objective, State, TrialRecord


def drawn(trial: TrialRecord) -> dict[str, object]:
    """Return what a trial varies: its parameters, and the seed if it repeats another."""
    source = trial.source
    return {
        **trial.params,
        **({} if source is None or source.seed is None else {SEED: source.seed}),
    }


def started(tracker: Tracker, trial: TrialRecord, config: Mapping[str, Any]) -> None:
    """Show that a trial begins or goes on."""
    source = {} if trial.source is None else {"source": trial.source.told}
    tracker.trial_started(trial.id, {**config, "swept": drawn(trial), **source}, trial.last_epoch)


def ended(tracker: Tracker, trial: TrialRecord, objective: Objective) -> None:
    """Show how a trial has ended."""
    best = trial.best(objective)
    summary = {} if best is None else {"best_epoch": best[0], "best_value": best[1]}
    tracker.trial_ended(trial.id, trial.state.value, trial.reason, summary)


def complete(tracker: Tracker, study: Study, composition: Trainings) -> None:
    """Show each trial that had ended when a session was killed, and was not shown as a whole."""
    shown = [t for t in study.trials if t.state.ended and t.state is not State.INFEASIBLE]
    lacking = tracker.lacking([trial.id for trial in shown])
    for trial in shown:
        if trial.id in lacking:
            config, _ = composition.training(drawn(trial))
            started(tracker, trial, config)
            ended(tracker, trial, study.objective)
