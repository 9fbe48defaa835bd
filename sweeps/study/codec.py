"""How a trial is written in an Optuna study, and read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from sweeps.space.space import Space
from sweeps.trials import Objective, State, TrialRecord

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


def state_of(trial: FrozenTrial) -> State:
    """Where a trial found on disk stands."""
    state = OUR_STATE.get(trial.state, State.RUNNING)
    return State(trial.user_attrs.get("state", state)) if state.ended else state


def epochs_of(trial: FrozenTrial) -> dict[int, dict[str, float]]:
    """Read the metrics of each epoch, in the order of epochs."""
    numbered = {
        int(key.removeprefix("epoch:")): metrics
        for key, metrics in trial.user_attrs.items()
        if key.startswith("epoch:")
    }
    return dict(sorted(numbered.items()))


def encode(
    trials: Sequence[TrialRecord], space: Space, objective: Objective
) -> list[dict[str, Any]]:
    """Adapted trials as they are put on record."""
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
    told: Sequence[Mapping[str, Any]], space: Space, objective: Objective
) -> list[TrialRecord]:
    """The inverse of `encode`."""
    return [
        TrialRecord(
            id=trial["id"],
            number=number,
            state=State(trial["state"]),
            params=space.values(trial["params"]),
            epochs={int(n): {objective.metric: value} for n, value in trial["curve"].items()},
        )
        for number, trial in enumerate(told)
    ]
