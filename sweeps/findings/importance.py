"""Tell which parameters mattered: three evaluators over the trials that have a score."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import create_trial

from sweeps.findings.finding import Importance
from sweeps.findings.observations import Numbers, place_of
from sweeps.space.dimensions import Dimension, Interval, label_of
from sweeps.trials import SEED, Objective, Ranked, TrialRecord, ranking

if TYPE_CHECKING:  # 2 s of scikit-learn, which nobody should wait for at the start
    from optuna.importance import BaseImportanceEvaluator

#: Below this many scored trials the shares are mostly noise.
ENOUGH = 20
#: "The best" are a tenth of the trials, but no fewer than this many.
FEWEST_BEST = 6
#: fANOVA and the forest see so many trials, evenly from the first to the last, PED-ANOVA more.
_MOST, _MOST_SEEN = 300, 1500
#: Scores beyond it are scaled down: sums of their squares could be infinite.
_SQUARED = 1e100
#: A forest of so many trees, as W&B's panel has it; needs so many trials.
_TREES, _FEWEST = 200, 4
#: Trees of fANOVA's own forest, and the values of a choice that it takes apart; more are numbered.
_FANOVA_TREES, _MOST_VALUES = 32, 6


@dataclass(frozen=True)
class Importances:
    """Holds the importance of each parameter.

    Attributes:
        shares: most important first, by the agreed order.
        note: warns when they mean little; else empty.
        trust: out-of-bag R2 of the forest; None where there are too few trials for one.
        count: how many trials they rest on; 0 where there are no shares.
    """

    shares: tuple[Importance, ...]
    note: str = ""
    trust: float | None = None
    count: int = 0


def importances(
    trials: Sequence[TrialRecord],
    dimensions: Mapping[str, Dimension],
    objective: Objective,
    seed: int,
) -> Importances:
    """Return each parameter's share in the (first) objective's variation.

    PED-ANOVA (Watanabe et al. 2023) asks what sets the best trials apart; fANOVA (Hutter et al.
    2014) explains the variation over the whole space, of the parameters that every trial has; the
    forest's importances (Breiman 2001, mean decrease in impurity) are those of W&B's panel, with
    choices one-hot encoded and summed up. Early-stopped trials count with their best epoch, else
    only those that were never in doubt would be compared. Those that go on from another's training
    (stop=pbt) do not: what they score is of several configurations. The agreed order is that of the
    mean rank over the evaluators, one that does not judge a parameter putting it last.
    """
    own = [trial for trial in trials if not trial.taken_over]
    scored = ranking(own, objective)
    scored = sorted((r for r in scored if math.isfinite(r.value)), key=lambda r: r.trial.number)
    if len(scored) < 2:
        return Importances((), "too few finished trials to tell which parameters matter")
    if len({one.value for one in scored}) == 1:
        note = "all finished trials score the same: no parameter made a difference"
        return Importances((), note)
    dimensions = _varied(scored, dimensions)
    if not dimensions:
        note = "no parameter had more than one value: none can have mattered"
        if len({one.trial.params.get(SEED) for one in scored}) > 1:
            note = "nothing but the seed was varied: what the scores differ by is noise"
        return Importances((), note)
    count = len(scored)
    largest = max(abs(one.value) for one in scored)
    if largest > _SQUARED:  # no share and no correlation depends on the scale
        scored = [replace(one, value=one.value / largest) for one in scored]
    few = scored[:: math.ceil(count / _MOST)]
    scored = scored[:: math.ceil(count / _MOST_SEEN)]
    shares = _optuna(scored, few, dimensions, objective, seed)
    forest = _forest(few, dimensions, seed)
    trust = None
    if forest is not None:
        shares["forest"], trust = forest
    found = _agreed({name: values for name, values in shares.items() if values}, few, dimensions)
    if not found:
        return Importances((), "the finished trials do not tell which parameters matter")
    notes = []
    if count < ENOUGH:
        notes = [f"only {count} trials have a score: below {ENOUGH} these shares are mostly noise"]
    elif trust is not None and trust <= 0:
        notes = [
            f"a random forest on these {len(few)} trials predicts nothing of those left out "
            f"(R2 {trust:.2f}): the shares are mostly noise"
        ]
    if others := len(trials) - len(own):
        notes.append(
            f"{others} that go on from another's training are left out, as it is of several "
            "configurations"
        )
    return Importances(tuple(found), "; ".join(notes), trust, count)


def _varied(scored: Sequence[Ranked], dimensions: Mapping[str, Dimension]) -> dict[str, Dimension]:
    """Return the parameters that differ among the trials, be it that only some have one.

    The seed is none: whatever it does is luck.
    """
    return {
        key: dimension
        for key, dimension in dimensions.items()
        if key != SEED and len({repr(label_of(one.trial.params.get(key))) for one in scored}) > 1
    }


def _agreed(
    shares: Mapping[str, Mapping[str, float]],
    scored: Sequence[Ranked],
    dimensions: Mapping[str, Dimension],
) -> list[Importance]:
    keys = list(dict.fromkeys(key for values in shares.values() for key in values))
    ranks = dict.fromkeys(keys, 0.0)
    for values in shares.values():
        for key in keys:
            own = values.get(key, -1.0)
            better = sum(values.get(other, -1.0) > own for other in keys)
            equal = sum(values.get(other, -1.0) == own for other in keys)
            ranks[key] += better + (equal + 1) / 2
    order = sorted(keys, key=lambda key: (ranks[key], -max(v.get(key, 0) for v in shares.values())))
    return [
        Importance(
            parameter=key,
            values={name: values[key] for name, values in shares.items() if key in values},
            correlation=_correlation(key, scored, dimensions.get(key)),
            agreed=place,
        )
        for place, key in enumerate(order, 1)
    ]


def _number(dimension: Dimension | None, value: Any) -> float | None:
    """Return a value on its parameter's scale; None if it has no order."""
    if isinstance(dimension, Interval):
        return place_of(dimension, value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _correlation(key: str, scored: Sequence[Ranked], dimension: Dimension | None) -> float | None:
    """Return Pearson's correlation with the objective as it is, over the trials with the key."""
    with_key = [one for one in scored if key in one.trial.params]
    numbers = [_number(dimension, one.trial.params[key]) for one in with_key]
    if len(numbers) < 3 or any(number is None for number in numbers):
        return None
    x = np.array(numbers, dtype=np.float64)
    y = np.array([one.value for one in with_key])
    if not (x.std() > 0 and y.std() > 0):
        return None
    return float(np.clip(np.corrcoef(x, y)[0, 1], -1, 1))


def _forest(
    scored: Sequence[Ranked], dimensions: Mapping[str, Dimension], seed: int
) -> tuple[dict[str, float], float] | None:
    """Return the shares by a random forest and its out-of-bag R2; None of too few trials."""
    if len(scored) < _FEWEST:
        return None
    columns: list[Numbers] = []
    owners: list[str] = []
    for key in dict.fromkeys(key for one in scored for key in one.trial.params if key != SEED):
        values = [one.trial.params.get(key) for one in scored]
        numbers = [None if v is None else _number(dimensions.get(key), v) for v in values]
        if all(n is not None or v is None for n, v in zip(numbers, values, strict=True)):
            made = [np.array([-1.0 if n is None else n for n in numbers], dtype=np.float64)]
        else:
            names = [repr(label_of(value)) for value in values]
            made = [np.array([name == one for name in names], float) for one in sorted({*names})]
        made = [column for column in made if column.min() < column.max()]
        columns += made
        owners += [key] * len(made)
    if not columns:
        return None
    from sklearn.ensemble import RandomForestRegressor

    forest = RandomForestRegressor(_TREES, oob_score=True, random_state=seed % 2**32, n_jobs=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of few trials, some are in every tree
        forest.fit(np.stack(columns, axis=1), np.array([one.value for one in scored]))
    shares: dict[str, float] = {}
    for key, share in zip(owners, forest.feature_importances_.tolist(), strict=True):
        shares[key] = shares.get(key, 0.0) + share
    return shares, float(forest.oob_score_)


def _optuna(
    scored: Sequence[Ranked],
    few: Sequence[Ranked],
    dimensions: Mapping[str, Dimension],
    objective: Objective,
    seed: int,
) -> dict[str, dict[str, float]]:
    from optuna.importance import FanovaImportanceEvaluator, PedAnovaImportanceEvaluator

    best_share = min(0.5, max(0.1, FEWEST_BEST / len(scored)))
    found = _distributions(scored, dimensions)
    # fANOVA looks at every combination of the values' indicators: of 50 values it has no end.
    counted: dict[str, BaseDistribution] = {
        key: IntDistribution(0, len(kind.choices) - 1)
        for key, kind in found.items()
        if isinstance(kind, CategoricalDistribution) and len(kind.choices) > _MOST_VALUES
    }
    # It knows no log scale: by it, a learning rate would matter in its uppermost tenth alone.
    placed = _placed(few, dimensions)
    pedanova = PedAnovaImportanceEvaluator(target_quantile=best_share)
    fanova = FanovaImportanceEvaluator(n_trees=_FANOVA_TREES, seed=seed % 2**32)
    return {
        "ped_anova": _shares(_study(scored, found, found, dimensions, objective), pedanova),
        "fanova": _shares(
            _study(few, {**found, **counted, **placed}, found, dimensions, objective), fanova
        ),
    }


def _placed(
    scored: Sequence[Ranked], dimensions: Mapping[str, Dimension]
) -> dict[str, BaseDistribution]:
    """Return a distribution of each interval's positions, on its own scale."""
    found: dict[str, BaseDistribution] = {}
    for key, dimension in dimensions.items():
        if isinstance(dimension, Interval):
            tried = [one.trial.params[key] for one in scored if key in one.trial.params]
            places = [p for value in tried if (p := place_of(dimension, value)) is not None]
            found[key] = FloatDistribution(min([0.0, *places]), max([1.0, *places]))
    return found


def _distributions(
    scored: Sequence[Ranked], dimensions: Mapping[str, Dimension]
) -> dict[str, BaseDistribution]:
    """Return Optuna's distribution of each key, wide enough for all that was tried."""
    found: dict[str, BaseDistribution] = {}
    for key, dimension in dimensions.items():
        tried = [one.trial.params[key] for one in scored if key in one.trial.params]
        if isinstance(dimension, Interval):
            labels = [dimension.label(v) for v in tried if place_of(dimension, v) is not None]
            labels += [dimension.label(dimension.low), dimension.label(dimension.high)]
            low, high = min(labels), max(labels)
            log = dimension.log or dimension.log1m
            if dimension.integer:
                found[key] = IntDistribution(int(low), int(high), log=log)
            else:
                found[key] = FloatDistribution(low, high, log=log)
        else:
            labels = [_label(value) for value in (*dimension.values, *tried)]
            found[key] = CategoricalDistribution(list(dict.fromkeys(labels)))
    return found


def _label(value: Any) -> Any:
    """Return a label that differs from that of any other value, True from 1 as well."""
    return repr(label_of(value))


def _study(
    scored: Sequence[Ranked],
    distributions: Mapping[str, BaseDistribution],
    listed: Mapping[str, BaseDistribution],
    dimensions: Mapping[str, Dimension],
    objective: Objective,
) -> optuna.Study:
    """Make a study of the trials.

    Args:
        listed: distributions of the values as they are. Where `distributions` has another one, a
            choice has the number of its value, and an interval the position.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction="maximize" if objective.maximize else "minimize")
    for one in scored:
        params, own = {}, {}
        for key, value in one.trial.params.items():
            dimension = dimensions.get(key)
            if dimension is None:
                continue
            if isinstance(dimension, Interval):
                if (at := place_of(dimension, value)) is None:
                    continue
                as_it_is = listed[key] is distributions[key]
                params[key] = dimension.label(value) if as_it_is else at
            else:
                kind = listed[key]
                assert isinstance(kind, CategoricalDistribution)
                place = kind.choices.index(_label(value))
                params[key] = place if kind is not distributions[key] else _label(value)
            own[key] = distributions[key]
        study.add_trial(create_trial(value=one.value, params=params, distributions=own))
    return study


def _shares(study: optuna.Study, evaluator: BaseImportanceEvaluator) -> dict[str, float]:
    """Parameter -> share, of those that the evaluator can judge; they add up to 1."""
    from optuna.importance import get_param_importances

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = get_param_importances(study, evaluator=evaluator)
        # No variation to explain; or fANOVA's rounding, which it asserts to be none.
        except (AssertionError, RuntimeError, TypeError, ValueError):
            return {}
    return {key: float(share) for key, share in found.items() if math.isfinite(share)}
