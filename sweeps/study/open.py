"""Open the study of a sweep for writing, or create it; one driver at a time has it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import optuna

from sweeps.space.space import Space
from sweeps.study.codec import VERSION, refuse_later
from sweeps.study.lock import OWNER, Owner
from sweeps.study.outbox import Writer
from sweeps.study.storage import Location, Storage, held, refuse, uncollected
from sweeps.study.study import OnRecord, Study, directions
from sweeps.trials import Objective


def open_study(
    location: Location,
    objective: Objective,
    space: Space,
    name: str,
    create: bool,
    further: Sequence[Objective] = (),
) -> Study:
    """Open the study of a sweep that has begun where its record ends, or create a new sweep's.

    Args:
        objective: what trials are ranked and stopped by.
        further: other objectives, for the samplers to trade it off against.

    Raises:
        ConfigError: another driver has the study open, it is there or not there against what is
            expected, a later version wrote it, or the storage cannot be reached.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    me = Owner.me()
    with ExitStack() as undo, uncollected():
        storage = held(location, name, me)
        undo.callback(storage.close)
        record = _on_record(storage, location, name, create, me, (objective, *further))
        undo.callback(record.writer.close)
        study = Study(objective, space, further, record)
        undo.pop_all()
        return study


def _on_record(
    storage: Storage,
    location: Location,
    name: str,
    create: bool,
    me: Owner,
    objectives: Sequence[Objective],
) -> OnRecord:
    """Read a study, made whole if the process that made it was killed."""
    names = optuna.get_all_study_names(storage)
    own = isinstance(location, Path)
    refuse(location, name, create, names)
    if create or not names:
        optuna.create_study(storage=storage, study_name=name, directions=directions(objectives))
    elif own:
        name = names[0]  # a folder may have been renamed; a person may have added a study to it
    study = storage.get_study_id_from_name(name)
    attributes = dict(storage.get_study_user_attrs(study))
    refuse_later(attributes, name)
    first: dict[str, Any] = {
        "version": VERSION,
        "metric": objectives[0].metric,
        "uid": secrets.token_hex(4),
    }
    for key, value in first.items():
        if key not in attributes:
            storage.set_study_user_attr(study, key, value)
            attributes[key] = value
    if attributes["version"] < VERSION:  # what is written from now on, an earlier version misreads
        storage.set_study_user_attr(study, "version", VERSION)
        attributes["version"] = VERSION
    if not own:  # the lock of an own journal names who has it
        storage.set_study_user_attr(study, OWNER, me.record)
    trials = storage.get_all_trials(study, deepcopy=False)
    return OnRecord(
        storage=storage,
        writer=Writer(storage, study, [trial._trial_id for trial in trials]),
        attributes=attributes,
        sampler_attributes=dict(storage.get_study_system_attrs(study)),
        trials=trials,
    )
