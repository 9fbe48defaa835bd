"""Read the record of a sweep as it stands; nothing is locked or made, so it may be running.

Whatever needs the trials of a sweep that is not its own driver's reads them here: previous sweeps,
simulations, replays, reports.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.exceptions import StorageInternalError
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial

from sweeps.formatting import one_line
from sweeps.study.codec import Values, Whole, record_of, refuse_later, whole
from sweeps.study.journal_storage import QuickJournal
from sweeps.study.storage import (
    Location,
    journal_path,
    read_only,
    require_driver,
    uncollected,
    unreachable,
)
from sweeps.study.url import Database, Journal, described
from sweeps.trials import LATEST, Objective, TrialRecord
from trainers.errors import ConfigError, class_and_first_line


@dataclass(frozen=True)
class Record:
    """Describes a sweep's record as it stood when it was read.

    Attributes:
        objective: what its trials are ranked by.
        trials: all of them, by number.
        wall_s: seconds spent on the sweep in all sessions.
        attributes: of the study, as `sweeps.study.codec` lists them.
    """

    objective: Objective
    trials: tuple[TrialRecord, ...]
    wall_s: float
    attributes: Mapping[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Stored:
    """Describes a study as a storage has it.

    Attributes:
        direction: of the first objective.
        attributes: the study's, as `sweeps.study.codec` lists them.
    """

    direction: StudyDirection
    attributes: Mapping[str, Any]
    trials: Sequence[FrozenTrial]


def read(location: Location, name: str, values: Values) -> Record:
    """Read the record of a sweep.

    Args:
        name: of the study. A journal of the sweep's own has only one, and it is taken whatever its
            name is, as a folder may have been renamed.
        values: turns parameters on record into those of the configuration; see `Space.values`.

    Raises:
        ConfigError: the storage cannot be reached or read, has no study of this name, or a later
            version wrote the record.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with uncollected():
        try:
            if isinstance(location, Database):
                stored = _in_database(location, name)
            else:
                journal = _journal(location)
                study = name if isinstance(location, Journal) else None
                stored = _in_journal(journal, location, study)
        except KeyError:
            raise ConfigError(
                f"{location} has no study {name} yet: let the sweep run first"
            ) from None
        refuse_later(stored.attributes, name)
        metric, wall_s = stored.attributes["metric"], stored.attributes.get("wall_s", 0.0)
        known = isinstance(metric, str) and isinstance(wall_s, int | float)
        if not known or not math.isfinite(wall_s):
            raise ConfigError(_damaged(location, "it has no metric or time of a sweep"))
        trials = (_trial(one, values, location) for one in whole(stored.trials))
        return Record(
            objective=Objective(metric, stored.direction is StudyDirection.MAXIMIZE),
            trials=tuple(trials),
            wall_s=float(wall_s),
            attributes=dict(stored.attributes),
        )


def _trial(one: Whole, values: Values, location: Location) -> TrialRecord:
    """Make the record of a trial; raises ConfigError where it holds what no sweep writes."""
    try:
        record = record_of(one.trial, one.number, values)
        metrics = [value for epoch in record.epochs.values() for value in epoch.values()]
        texts = (record.reason, record.member, record.machine, record.alone)
        if not all(isinstance(value, int | float) for value in metrics):
            raise TypeError("a metric is no number")
        if not all(isinstance(text, str) for text in texts):
            raise TypeError("its reason, member or machine is no text")
        moments = [moment.at for moment in record.moments.values()]
        if not math.isfinite(record.seconds) or not all(0 <= at < LATEST for at in moments):
            raise ValueError("its times are none")
    except (AttributeError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        why = f"trial {one.number:04d}: {class_and_first_line(error)}"
        raise ConfigError(_damaged(location, why)) from None
    return record


def _damaged(location: Location, why: str) -> str:
    return f"the study in {location} is damaged ({one_line(why)}): put back a copy that is whole"


def _journal(location: Location) -> QuickJournal:
    assert not isinstance(location, Database)
    path = journal_path(location)
    try:
        return read_only(path)
    except OSError as error:
        raise ConfigError(
            f"the study in {path} cannot be read ({described(error)}): let the sweep run first, or "
            "name the folder that it is in"
        ) from None


def _in_journal(journal: QuickJournal, location: Location, name: str | None) -> Stored:
    """Read one study of a journal; None: the only one. Raises KeyError if it is not there."""
    studies = [s for s in journal.get_all_studies() if name is None or s.study_name == name]
    if not studies or "metric" not in studies[0].user_attrs:  # killed while it was made
        raise KeyError(name)
    study = studies[0]
    if not study.directions:
        raise ConfigError(_damaged(location, "it has no objective"))
    trials = journal.get_all_trials(study._study_id, deepcopy=False)
    return Stored(study.directions[0], study.user_attrs, trials)


def _in_database(database: Database, name: str) -> Stored:
    """Read one study of a database. Raises KeyError if it is not there."""
    require_driver()
    import psycopg
    from sqlalchemy.exc import SQLAlchemyError

    from sweeps.study.postgres_storage import read_study

    try:
        direction, attributes, trials = read_study(database, name)
    except (psycopg.Error, SQLAlchemyError, StorageInternalError) as error:
        raise ConfigError(unreachable(database, error)) from None
    if "metric" not in attributes:
        raise KeyError(name)
    return Stored(direction, attributes, trials)
