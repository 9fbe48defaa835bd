"""Which parameters mattered: Optuna's evaluators over the trials that have a score."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import optuna
from optuna.importance import (
    BaseImportanceEvaluator,
    FanovaImportanceEvaluator,
    PedAnovaImportanceEvaluator,
    get_param_importances,
)
from optuna.trial import TrialState

from sweeps.records import Importance

#: Below this many finished trials the shares are mostly noise.
ENOUGH = 20


def importances(study: optuna.Study, seed: int) -> tuple[list[Importance], str]:
    """Each swept parameter's share in the objective's variation, and a warning or "".

    PED-ANOVA (Watanabe et al. 2023) asks what sets the best tenth of trials apart; fANOVA
    (Hutter et al. 2014) explains the variation over the whole space. Early-stopped trials count
    with their best epoch, else only those that were never in doubt would be compared. Most
    important first, by PED-ANOVA.
    """
    scored = [
        trial
        for trial in study.get_trials(deepcopy=False)
        if trial.state in (TrialState.COMPLETE, TrialState.PRUNED) and trial.values
    ]
    if len(scored) < 2:
        return [], "too few finished trials to tell which parameters matter"
    flat = optuna.create_study(direction=study.direction)
    for trial in scored:
        flat.add_trial(
            optuna.trial.create_trial(
                value=trial.value, params=trial.params, distributions=trial.distributions
            )
        )
    keys = list(dict.fromkeys(key for trial in scored for key in trial.params))
    shares = {
        "ped_anova": _shares(flat, keys, PedAnovaImportanceEvaluator),
        "fanova": _shares(flat, keys, lambda: FanovaImportanceEvaluator(seed=seed)),
    }
    shares = {name: values for name, values in shares.items() if values}
    if not shares:
        return [], "all finished trials score the same: no parameter made a difference"
    found = [Importance(key, {n: v.get(key, 0.0) for n, v in shares.items()}) for key in keys]
    found.sort(key=lambda importance: -next(iter(importance.values.values())))
    note = ""
    if len(scored) < ENOUGH:
        note = f"only {len(scored)} finished trials: below {ENOUGH} these shares are mostly noise"
    return found, note


def _shares(
    study: optuna.Study, keys: list[str], evaluator: Callable[[], BaseImportanceEvaluator]
) -> dict[str, float]:
    """Parameter -> share; conditional ones are judged among the trials that have them."""
    shares: dict[str, float] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            shares.update(get_param_importances(study, evaluator=evaluator()))
            for key in keys:
                if key not in shares:
                    shares.update(get_param_importances(study, evaluator=evaluator(), params=[key]))
        except (RuntimeError, ValueError):  # no variation to explain
            return {}
    return shares
