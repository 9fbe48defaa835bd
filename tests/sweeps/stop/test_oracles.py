"""Our rules beside Optuna's pruners, on the same curves, where the two mean the same.

Where they do not: Optuna's percentile compares with what complete trials had at this very epoch,
ours with the best so far of all who came as far (the same where curves only rise). Its median is
that of values at this epoch, ours (Vizier's) that of running averages (the same where the
others' curves are flat). Its halving keeps floor(n/factor) of all n including the trial itself,
ours (as Ray's) whoever is above the quantile of the others, and each counts NaN differently: it
stops what is no number at once, and leaves it out of the others'.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import FloatDistribution
from optuna.pruners import (
    BasePruner,
    HyperbandPruner,
    MedianPruner,
    PercentilePruner,
    SuccessiveHalvingPruner,
)
from optuna.trial import TrialState, create_trial

from sweeps.stop import Asha, Hyperband, Median, Percentile, Stop
from sweeps.stop.asha import _shares, bracket

Curve = Sequence[float]
EPOCHS = 5
#: Eighths, with which all is exact: a tie is one for both, whichever way each of them rounds.
EIGHTHS = st.integers(-800, 800).map(lambda n: n / 8)
CURVE = st.lists(EIGHTHS, min_size=EPOCHS, max_size=EPOCHS)


def optunas(pruner: BasePruner, own: Curve, others: Sequence[Curve], maximize: bool) -> list[bool]:
    """After each epoch, whether the pruner stops a trial beside others that are complete."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction="maximize" if maximize else "minimize", pruner=pruner)
    for curve in others:
        study.add_trial(
            create_trial(
                state=TrialState.COMPLETE,
                value=curve[-1],
                params={"x": 0.5},
                distributions={"x": FloatDistribution(0, 1)},
                intermediate_values=dict(enumerate(curve, 1)),
            )
        )
    trial = study.ask()
    verdicts = []
    for epoch, value in enumerate(own, 1):
        trial.report(value, epoch)
        verdicts.append(trial.should_prune())
    return verdicts


def ours(rule: Stop, own: Curve, others: Sequence[Curve], maximize: bool) -> list[bool]:
    sign = 1.0 if maximize else -1.0
    curves: Mapping[int, Mapping[str, float]] = {
        epoch: {
            f"{number:04d}": sign * curve[epoch - 1] for number, curve in enumerate([own, *others])
        }
        for epoch in range(1, len(own) + 1)
    }
    return [rule.judge("0000", epoch, curves) is not None for epoch in curves]


@settings(max_examples=60)
@given(
    own=CURVE,
    others=st.lists(CURVE, min_size=1, max_size=8),
    percent=st.sampled_from([12.5, 25.0, 50.0, 75.0]),
    grace=st.integers(1, 4),
    trials=st.integers(1, 6),
    maximize=st.booleans(),
)
def test_percentile(
    own: Curve, others: list[Curve], percent: float, grace: int, trials: int, maximize: bool
) -> None:
    rising = [list(accumulate(curve, max if maximize else min)) for curve in others]
    pruner = PercentilePruner(percent, n_startup_trials=trials, n_warmup_steps=grace)
    expected = optunas(pruner, own, rising, maximize)
    assert ours(Percentile(percent, grace, trials), own, rising, maximize) == expected


@settings(max_examples=60)
@given(
    own=CURVE,
    levels=st.lists(EIGHTHS, min_size=1, max_size=8),
    grace=st.integers(1, 4),
    trials=st.integers(1, 6),
    maximize=st.booleans(),
)
def test_median(own: Curve, levels: list[float], grace: int, trials: int, maximize: bool) -> None:
    flat = [[level] * EPOCHS for level in levels]
    pruner = MedianPruner(n_startup_trials=trials, n_warmup_steps=grace)
    expected = optunas(pruner, own, flat, maximize)
    assert ours(Median(grace, trials), own, flat, maximize) == expected


@settings(max_examples=60)
@given(
    values=st.lists(st.floats(-100, 100), min_size=2, max_size=20, unique=True),
    factor=st.sampled_from([2, 3, 4]),
)
def test_halving_differs_by_less_than_two_places(values: list[float], factor: int) -> None:
    """Whom Optuna keeps we keep, and nobody two places or more below the share."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        direction="maximize",
        pruner=SuccessiveHalvingPruner(min_resource=1, reduction_factor=factor),
    )
    rule, curves = Asha(1, factor), {1: dict[str, float]()}
    for number, value in enumerate(values):
        trial = study.ask()
        trial.report(value, 1)
        kept = not trial.should_prune()
        curves[1][f"{number:04d}"] = value
        keep = rule.judge(f"{number:04d}", 1, curves) is None
        rank = sorted(curves[1].values(), reverse=True).index(value) + 1
        assert keep or not kept
        assert not keep or rank < len(curves[1]) / factor + 2 - 2 / factor


@pytest.mark.parametrize("rate", [0, 1, 2])
def test_brackets_begin_where_optunas_early_stopping_rates_do(rate: int) -> None:
    pruner = SuccessiveHalvingPruner(
        min_resource=2, reduction_factor=3, min_early_stopping_rate=rate
    )
    study = optuna.create_study(direction="maximize", pruner=pruner)
    for value in (1.0, 0.0):  # the best, then one that is stopped at its first rung
        trial = study.ask()
        for epoch in range(1, 30):
            trial.report(value, epoch)
            if trial.should_prune():
                break
    number = next(n for n in range(30) if bracket(n, 3, 3) == rate)
    curves = {e: {f"{n:04d}": float(n != number) for n in range(30)} for e in range(1, 30)}
    rule = Asha(2, 3, brackets=3)
    assert next(e for e in curves if rule.judge(f"{number:04d}", e, curves)) == epoch == 2 * 3**rate


@pytest.mark.parametrize(("epochs", "factor"), [(9, 3), (40, 3), (100, 2), (26, 5)])
def test_brackets_and_shares_are_hyperbands(epochs: int, factor: int) -> None:
    pruner = HyperbandPruner(min_resource=1, max_resource=epochs, reduction_factor=factor)
    pruner._try_initialization(optuna.create_study())
    assert pruner._n_brackets is not None
    assert Hyperband(1, factor, epochs).brackets == pruner._n_brackets
    ends, _ = _shares(pruner._n_brackets, factor)
    assert list(ends) == list(accumulate(pruner._trial_allocation_budgets))
