"""Each entry is known once it is written, so that it is not written twice."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import StudyDirection
from optuna.trial import TrialState, create_trial

from sweeps.study.entries import Attribute, Destination, End, Entry, Metrics, NewTrial, Note, Value


def trial(x: float) -> NewTrial:
    made = create_trial(
        state=TrialState.RUNNING,
        params={"x": x},
        distributions={"x": FloatDistribution(0, 1)},
    )
    return NewTrial(0, made)


@pytest.fixture
def to(tmp_path: Path) -> Destination:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = JournalStorage(JournalFileBackend(str(tmp_path / "study.log")))
    return Destination(storage, storage.create_new_study([StudyDirection.MAXIMIZE], "s"), [])


@pytest.mark.parametrize(
    "entry",
    [
        Attribute(0, "passed", float("nan")),
        Metrics(0, 1, {"val_accuracy": float("nan"), "epoch_s": 0.5}),
        Value(0, 1, 0.25),
        End(0, TrialState.COMPLETE, [0.5]),
    ],
    ids=lambda entry: type(entry).__name__,
)
def test_an_entry_of_a_trial_is_there_once_it_is_written(entry: Entry, to: Destination) -> None:
    trial(0.5).write(to)
    assert not entry.written(to)
    entry.write(to)
    assert entry.written(to)


def test_an_attribute_with_another_value_is_yet_to_be_written(to: Destination) -> None:
    trial(0.5).write(to)
    Attribute(0, "passed", 1).write(to)
    assert not Attribute(0, "passed", 2).written(to)


def test_a_trial_is_there_once_and_its_id_known(to: Destination) -> None:
    entry = trial(0.5)
    assert not entry.written(to)
    entry.write(to)
    again = Destination(to.storage, to.study, [])
    assert entry.written(again)
    assert again.ids == to.ids
    with pytest.raises(KeyError, match="trial 0 is another"):
        trial(0.75).written(again)


@pytest.mark.parametrize("sampler", [False, True])
def test_a_note_may_be_written_again(sampler: bool, to: Destination) -> None:
    note = Note("wall_s", 1.5, sampler)
    for _ in range(2):
        assert not note.written(to)
        note.write(to)
    read = to.storage.get_study_system_attrs if sampler else to.storage.get_study_user_attrs
    assert read(to.study) == {"wall_s": 1.5}
