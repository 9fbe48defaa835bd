"""Write and read the rows of a study in PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy
from optuna.distributions import (
    BaseDistribution,
    distribution_to_json,
    json_to_distribution,
)
from optuna.storages._rdb import models
from optuna.trial import FrozenTrial
from sqlalchemy import orm

from sweeps.study.fast_json import parsed


def rows_of(trial: FrozenTrial) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Yield table and row, without the trial's id, of all that belongs to a trial."""
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
    """Keeps what would be committed in the transaction while it is held."""

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


def trials_of(session: orm.Session, study: int) -> list[FrozenTrial]:
    """Read all trials of a study, each table once; Optuna makes an object of each row.

    Args:
        study: its id.
    """
    rows = _Rows(session, study)
    trials = rows.trials()
    _add_params(trials, rows)
    _add_values(trials, rows)
    for trial, key, value in rows.attributes(models.TrialUserAttributeModel):
        trials[trial].user_attrs[key] = value
    for trial, key, value in rows.attributes(models.TrialSystemAttributeModel):
        trials[trial].system_attrs[key] = value
    return list(trials.values())


def _add_params(trials: dict[int, FrozenTrial], rows: _Rows) -> None:
    known: dict[str, BaseDistribution] = {}
    for trial, key, value, text in rows.below(
        models.TrialParamModel, "param_name", "param_value", "distribution_json"
    ):
        distribution = known.get(text) or known.setdefault(text, json_to_distribution(text))
        trials[trial].params[key] = distribution.to_external_repr(value)
        trials[trial].distributions[key] = distribution


def _add_values(trials: dict[int, FrozenTrial], rows: _Rows) -> None:
    """Add the values of the objectives: those of each epoch, and the final ones."""
    at_epoch, final = models.TrialIntermediateValueModel, models.TrialValueModel
    for trial, step, value, kind in rows.below(
        at_epoch, "step", "intermediate_value", "intermediate_value_type"
    ):
        made = at_epoch.stored_repr_to_intermediate_value(value, kind)
        trials[trial].intermediate_values[step] = made
    finals: dict[int, dict[int, float]] = {}
    for trial, objective, value, kind in rows.below(final, "objective", "value", "value_type"):
        finals.setdefault(trial, {})[objective] = final.stored_repr_to_value(value, kind)
    for trial, by_objective in finals.items():
        trials[trial].values = [by_objective[o] for o in sorted(by_objective)]


class _Rows:
    """Rows of a study's tables, as plain tuples."""

    def __init__(self, session: orm.Session, study: int) -> None:
        self._session = session
        self._study = study

    def trials(self) -> dict[int, FrozenTrial]:
        """Make the study's trials, by id, with nothing of what is in the tables below."""
        model = models.TrialModel
        found: Any = self._session.scalars(
            sqlalchemy.select(model).where(model.study_id == self._study).order_by(model.trial_id)
        )
        return {
            row.trial_id: FrozenTrial(
                number=row.number,
                state=row.state,
                value=None,
                datetime_start=row.datetime_start,
                datetime_complete=row.datetime_complete,
                params={},
                distributions={},
                user_attrs={},
                system_attrs={},
                intermediate_values={},
                trial_id=row.trial_id,
            )
            for row in found
        }

    def below(self, model: Any, *columns: str) -> Iterator[Any]:
        """Yield (trial, *columns) of each row of a table below trials, as they were written."""
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
        """Yield (trial, key, value); parsed at once, as a call for each value takes longer."""
        rows = list(self.below(model, "key", "value_json"))
        values = parsed(row[2].encode() for row in rows)
        return ((row[0], row[1], value) for row, value in zip(rows, values, strict=True))
