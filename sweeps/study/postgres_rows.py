"""Rows of a study in PostgreSQL: how they are written and read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy
from optuna.distributions import (
    distribution_to_json,
)
from optuna.storages._rdb import models
from optuna.trial import FrozenTrial
from sqlalchemy import orm

from sweeps.study.fast_json import parsed


def rows_of(trial: FrozenTrial) -> Iterator[tuple[Any, dict[str, Any]]]:
    """What belongs to a trial: table and row, without the trial's id."""
    for name, distribution in trial.distributions.items():
        yield (
            models.TrialParamModel,
            {
                "param_name": name,
                "param_value": distribution.to_internal_repr(trial.params[name]),
                "distribution_json": distribution_to_json(distribution),
            },
        )
    for objective, value in enumerate(trial.values or ()):
        stored, kind = models.TrialValueModel.value_to_stored_repr(value)
        row = {"objective": objective, "value": stored, "value_type": kind}
        yield models.TrialValueModel, row
    for step, value in trial.intermediate_values.items():
        yield models.TrialIntermediateValueModel, intermediate(step, value)
    for model, attributes in (
        (models.TrialUserAttributeModel, trial.user_attrs),
        (models.TrialSystemAttributeModel, trial.system_attrs),
    ):
        for key, value in attributes.items():
            yield model, {"key": key, "value_json": json.dumps(value)}


def intermediate(step: int, value: float) -> dict[str, Any]:
    """Make the columns of an intermediate value, which may be NaN or infinite."""
    model = models.TrialIntermediateValueModel
    stored, kind = model.intermediate_value_to_stored_repr(value)
    return {"step": step, "intermediate_value": stored, "intermediate_value_type": kind}


class Session(orm.Session):
    """While it is held, what would be committed stays in the transaction."""

    held = False

    def commit(self) -> None:
        """Commit, unless held."""
        if self.held:
            self.flush()
        else:
            super().commit()

    def close(self) -> None:
        """Close, unless held."""
        if not self.held:
            super().close()


class Reader:
    """Rows of the tables below trials, as plain tuples."""

    def __init__(self, session: orm.Session, study: int) -> None:
        self._session = session
        self._study = study

    def rows(self, model: Any, *columns: str) -> Iterator[Any]:
        """(trial, *columns) of each row of a study, in the order in which they were written."""
        (key,) = sqlalchemy.inspect(model).primary_key
        return iter(
            self._session.execute(
                sqlalchemy.select(model.trial_id, *(getattr(model, c) for c in columns))
                .join(models.TrialModel, models.TrialModel.trial_id == model.trial_id)
                .where(models.TrialModel.study_id == self._study)
                .order_by(key)
            )
        )

    def attributes(self, model: Any) -> Iterator[tuple[int, str, Any]]:
        """(trial, key, value); the values are parsed at once, a call for each takes longer."""
        rows = list(self.rows(model, "key", "value_json"))
        values = parsed(row[2].encode() for row in rows)
        return ((row[0], row[1], value) for row, value in zip(rows, values, strict=True))
