"""Tell which parameters mattered: Optuna's evaluators over the trials that have a score."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING

import optuna
from optuna.trial import TrialState

from sweeps.findings.finding import Importance

if TYPE_CHECKING:  # 2 s of scikit-learn, which nobody should wait for at the start
    from optuna.importance import BaseImportanceEvaluator

#: Below this many finished trials the shares are mostly noise.
ENOUGH = 20
#: "The best" are a tenth of the trials, but no fewer than this many.
FEWEST_BEST = 6


def importances(study: optuna.Study, seed: int) -> tuple[list[Importance], str]:
    """Return each parameter's share in the (first) objective's variation, and a warning or "".

    PED-ANOVA (Watanabe et al. 2023) asks what sets the best trials apart; fANOVA (Hutter et al.
    2014) explains the variation over the whole space, of the parameters that every trial has.
    Early-stopped trials count with their best epoch, else only those that were never in doubt
    would be compared. Most important first, by PED-ANOVA.
    """
    from optuna.importance import FanovaImportanceEvaluator, PedAnovaImportanceEvaluator

    scored = [
        trial
        for trial in study.get_trials(deepcopy=False)
        if trial.state in (TrialState.COMPLETE, TrialState.PRUNED)
        and trial.values
        and all(value <= 0 for value in trial.constraints.values())  # else it was never trained
    ]
    if len(scored) < 2:
        return [], "too few finished trials to tell which parameters matter"
    if len({trial.values[0] for trial in scored}) == 1:
        return [], "all finished trials score the same: no parameter made a difference"
    flat = optuna.create_study(direction=study.directions[0])
    for trial in scored:
        flat.add_trial(
            optuna.trial.create_trial(
                value=trial.values[0], params=trial.params, distributions=trial.distributions
            )
        )
    best_share = min(0.5, max(0.1, FEWEST_BEST / len(scored)))
    shares = {
        "ped_anova": _shares(flat, PedAnovaImportanceEvaluator(target_quantile=best_share)),
        "fanova": _shares(flat, FanovaImportanceEvaluator(seed=seed)),
    }
    keys = dict.fromkeys(key for values in shares.values() for key in values)
    if not keys:
        return [], "the finished trials do not tell which parameters matter"
    found = [
        Importance(key, {name: values[key] for name, values in shares.items() if key in values})
        for key in keys
    ]
    found.sort(key=lambda importance: -importance.values.get("ped_anova", 0.0))
    note = ""
    if len(scored) < ENOUGH:
        note = f"only {len(scored)} finished trials: below {ENOUGH} these shares are mostly noise"
    return found, note


def _shares(study: optuna.Study, evaluator: BaseImportanceEvaluator) -> dict[str, float]:
    """Parameter -> share, of those that the evaluator can judge; they add up to 1."""
    from optuna.importance import get_param_importances

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = get_param_importances(study, evaluator=evaluator)
        except (RuntimeError, ValueError):  # no variation to explain
            return {}
    return {key: float(share) for key, share in found.items() if math.isfinite(share)}
