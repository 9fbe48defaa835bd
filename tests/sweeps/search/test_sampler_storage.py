"""Optuna's own study in memory works on the storage, whose newest trial can be removed."""

from __future__ import annotations

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.samplers import RandomSampler, TPESampler
from optuna.study import StudyDirection
from optuna.trial import TrialState, create_trial

from sweeps.search import trial_selection
from sweeps.search.sampler_storage import SamplerStorage

UNIT = FloatDistribution(0.0, 1.0)


def study_of(storage: SamplerStorage, *directions: StudyDirection) -> optuna.Study:
    return optuna.create_study(storage=storage, directions=directions)


@pytest.fixture
def storage() -> SamplerStorage:
    return SamplerStorage([StudyDirection.MAXIMIZE])


def run(study: optuna.Study, count: int) -> None:
    """So many trials, the last the best."""
    for _ in range(count):
        trial = study.ask()
        trial.suggest_float("x", 0, 1)
        trial.report(trial.number / 2, 1)
        study.tell(trial, float(trial.number))


def test_optuna_finds_in_it_what_it_finds_in_its_own(storage: SamplerStorage) -> None:
    ours = study_of(storage, StudyDirection.MAXIMIZE)
    theirs = optuna.create_study(direction="maximize")
    for study in (ours, theirs):
        study.sampler = RandomSampler(3)
        run(study, 5)
    assert ours.best_trial.number == theirs.best_trial.number == 4
    for one, other in zip(ours.trials, theirs.trials, strict=True):
        assert (one.params, one.value, one.state) == (other.params, other.value, other.state)
        assert one.intermediate_values == other.intermediate_values
        assert one.distributions == other.distributions


def test_a_removed_trial_leaves_no_trace(storage: SamplerStorage) -> None:
    study = study_of(storage, StudyDirection.MAXIMIZE)
    run(study, 2)
    before = storage.get_all_trials(study._study_id)
    removed = study.ask()
    removed.suggest_float("x", 0, 1)
    storage.forget(removed._trial_id)
    assert storage.get_all_trials(study._study_id) == before
    assert study.ask().number == removed.number


def test_only_the_newest_can_be_removed(storage: SamplerStorage) -> None:
    study = study_of(storage, StudyDirection.MAXIMIZE)
    first = study.ask()
    study.ask()
    with pytest.raises(AssertionError, match="only the newest"):
        storage.forget(first._trial_id)


def test_a_parameter_keeps_its_kind(storage: SamplerStorage) -> None:
    study = study_of(storage, StudyDirection.MAXIMIZE)
    trial = study.ask()
    storage.set_trial_param(trial._trial_id, "x", 0.5, UNIT)
    assert study.trials[0].params == {"x": 0.5}
    with pytest.raises(ValueError, match="different"):
        storage.set_trial_param(trial._trial_id, "x", 0, CategoricalDistribution((0.5, 1.0)))


def test_what_has_ended_takes_no_more_values(storage: SamplerStorage) -> None:
    study = study_of(storage, StudyDirection.MAXIMIZE)
    run(study, 1)
    with pytest.raises(optuna.exceptions.UpdateFinishedTrialError):
        storage.set_trial_intermediate_value(0, 2, 0.5)


def test_a_trial_is_taken_as_it_is(storage: SamplerStorage) -> None:
    study = study_of(storage, StudyDirection.MAXIMIZE)
    given = create_trial(value=0.7, params={"x": 0.2}, distributions={"x": UNIT})
    number = storage.take(study._study_id, given)
    assert storage.get_trial(number).params == {"x": 0.2}
    assert study.best_value == 0.7


def test_a_sampler_sees_a_selection_only_while_it_draws(
    storage: SamplerStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial_selection, "TPE_BOUND", 6)
    monkeypatch.setattr(trial_selection, "_BEST", 2)
    study = study_of(storage, StudyDirection.MAXIMIZE)
    study.sampler = RandomSampler(0)
    run(study, 20)
    with storage.shown_to(TPESampler()):
        drawn = study.ask()
        seen = [trial.number for trial in storage.get_all_trials(study._study_id)]
        complete = storage.get_all_trials(study._study_id, states=(TrialState.COMPLETE,))
    assert seen[-1] == drawn.number
    assert {18, 19} < set(seen), "the best"
    assert 6 <= len(complete) <= 8
    assert len(storage.get_all_trials(study._study_id)) == 21
    with storage.shown_to(RandomSampler()):
        assert len(storage.get_all_trials(study._study_id)) == 21


def test_with_several_objectives_all_are_shown_and_none_pauses() -> None:
    directions = [StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE]
    storage = SamplerStorage(directions)
    study = study_of(storage, *directions)
    trial = study.ask()
    storage.pause(trial._trial_id)
    assert study.trials[0].state is TrialState.RUNNING
    storage.resume(trial._trial_id)
    with storage.shown_to(TPESampler()):
        assert len(storage.get_all_trials(study._study_id)) == 1
