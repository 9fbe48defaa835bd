"""Rows carry all that a trial has, numbers that are none included."""

from __future__ import annotations

import json
import math

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.storages._rdb import models
from optuna.trial import TrialState, create_trial

from sweeps.study.postgres_rows import intermediate, rows_of


def test_a_trial_is_a_row_for_each_thing_known_of_it() -> None:
    trial = create_trial(
        state=TrialState.COMPLETE,
        params={"x": 0.5, "kind": "b"},
        distributions={"x": FloatDistribution(0, 1), "kind": CategoricalDistribution(["a", "b"])},
        values=[0.25, math.inf],
        intermediate_values={1: 0.125, 2: math.nan},
        user_attrs={"epoch:1": {"val_accuracy": 0.125}},
        system_attrs={"grid_id": 3},
    )
    rows: dict[type, list[dict[str, object]]] = {}
    for model, row in rows_of(trial):
        rows.setdefault(model, []).append(row)
    params = {row["param_name"]: row["param_value"] for row in rows[models.TrialParamModel]}
    assert params == {"x": 0.5, "kind": 1}, "a choice is its index"
    assert [(r["objective"], r["value_type"].name) for r in rows[models.TrialValueModel]] == [  # type: ignore[attr-defined]
        (0, "FINITE"),
        (1, "INF_POS"),
    ]
    assert [row["step"] for row in rows[models.TrialIntermediateValueModel]] == [1, 2]
    (attribute,) = rows[models.TrialUserAttributeModel]
    assert json.loads(str(attribute["value_json"])) == {"val_accuracy": 0.125}
    assert rows[models.TrialSystemAttributeModel] == [{"key": "grid_id", "value_json": "3"}]


@pytest.mark.parametrize("value", [0.5, -0.0, math.inf, -math.inf, math.nan])
def test_a_value_at_an_epoch_comes_back_from_its_columns(value: float) -> None:
    row = intermediate(7, value)
    back = models.TrialIntermediateValueModel.stored_repr_to_intermediate_value(
        row["intermediate_value"], row["intermediate_value_type"]
    )
    assert row["step"] == 7
    assert back == value or (math.isnan(back) and math.isnan(value))
