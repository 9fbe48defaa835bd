"""A trial on record has its state and epochs in Caviar's terms; previous sweeps' go to and fro."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.trial import FrozenTrial, TrialState, create_trial

from sweeps.study.codec import (
    OPTUNA_STATE,
    VERSION,
    decode,
    encode,
    epoch_entry,
    epoch_key,
    epochs_of,
    record_of,
    refuse_later,
    state_of,
    whole,
    without_epochs,
)
from sweeps.trials import Moment, State, TrialRecord
from tests.sweeps.study.test_study import ACCURACY, SPACE
from trainers.errors import ConfigError


@pytest.mark.parametrize("state", State)
def test_each_state_is_read_as_it_was_written(state: State) -> None:
    stored = OPTUNA_STATE.get(state, TrialState.RUNNING)
    value = 0.5 if stored is TrialState.COMPLETE else None
    trial = create_trial(state=stored, value=value, user_attrs={"state": state.value})
    assert state_of(trial) is state


def test_a_state_counts_once_optuna_has_the_end() -> None:
    trial = create_trial(
        state=TrialState.RUNNING, user_attrs={"state": "diverged", "reason": "a loss of nan"}
    )
    record = record_of(trial, 3, dict)
    assert (record.id, record.state, record.reason) == ("0003", State.RUNNING, "")


@pytest.mark.parametrize(
    ("stored", "state"),
    [(TrialState.PRUNED, State.STOPPED), (TrialState.FAIL, State.FAILED)],
)
def test_a_state_that_only_optuna_has_is_the_nearest(stored: TrialState, state: State) -> None:
    assert state_of(create_trial(state=stored)) is state


def test_epochs_come_in_their_order_and_their_seconds_are_summed() -> None:
    metrics = {"val_accuracy": 0.5}
    epochs = {epoch_key(n): {"epoch_s": n / 4, **metrics} for n in (10, 2)}
    trial = create_trial(
        state=TrialState.RUNNING,
        user_attrs={"epoch:1": {"epoch_s": 0.25, **metrics}, "passed": 2},  # of version 1
        system_attrs={**epochs, "fixed_params": {}},
    )
    assert list(epochs_of(trial)) == [1, 2, 10]
    record = record_of(trial, 0, dict)
    assert (record.seconds, record.passed, record.last_epoch) == (13 / 4, 2, 10)


def test_samplers_are_shown_no_epochs() -> None:
    attributes = {epoch_key(1): {"epoch_s": 0.25}, "fixed_params": {"x": 0.5}}
    trial = create_trial(state=TrialState.RUNNING, system_attrs=attributes)
    assert without_epochs(trial).system_attrs == {"fixed_params": {"x": 0.5}}
    assert trial.system_attrs == attributes


def stored(stands: TrialState, value: float | None = None, **attributes: object) -> FrozenTrial:
    values = {int(k[6:]): 0.5 for k in attributes if k.startswith("epoch:")}
    epochs = {k: v for k, v in attributes.items() if k.startswith("epoch:")}
    return create_trial(
        state=stands,
        value=value,
        user_attrs={k: v for k, v in attributes.items() if k not in epochs},
        system_attrs=epochs,
        intermediate_values=values,
    )


def test_what_goes_on_with_another_trial_is_one_with_it() -> None:
    done, running = TrialState.COMPLETE, TrialState.RUNNING
    first = {"epoch:1": {"epoch_s": 1.0}, "state": "complete", "reason": "", "member": "me"}
    trials = whole(
        [
            stored(done, 0.5, **first),
            stored(running),
            stored(done, 0.6, continues=0, state="complete", **{"epoch:2": {"epoch_s": 2.0}}),
            stored(running, continues=0, passed=2, member="you", **{"epoch:3": {"epoch_s": 4.0}}),
            stored(running, continues=99),
        ]
    )
    assert [(one.number, one.written) for one in trials] == [(0, 3), (1, 1), (4, 4)]
    joined = trials[0].trial
    assert (joined.state, joined.values, joined.intermediate_values) == (
        TrialState.RUNNING,
        None,
        {1: 0.5, 2: 0.5, 3: 0.5},
    )
    record = record_of(joined, 0, dict)
    assert (record.state, record.last_epoch, record.passed) == (State.RUNNING, 3, 2)
    assert (record.member, record.seconds) == ("you", 7.0)


CURVES = st.dictionaries(
    st.integers(1, 300), st.floats(allow_infinity=False, allow_subnormal=False), max_size=5
)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([State.COMPLETE, State.STOPPED]),
            st.floats(0, 1, allow_subnormal=False),
            st.integers(16, 256),
            st.sampled_from(["a", "b", [1], None, True]),
            CURVES,
        ),
        max_size=4,
    )
)
def test_trials_of_previous_sweeps_go_to_and_fro_through_json(
    drawn: list[tuple[State, float, int, object, dict[int, float]]],
) -> None:
    trials = [
        TrialRecord(
            id=f"before/{n:04d}",
            number=n,
            state=state,
            params={"x": x, "width": width, "kind": kind},
            epochs={epoch: {ACCURACY.metric: value} for epoch, value in curve.items()},
        )
        for n, (state, x, width, kind, curve) in enumerate(drawn)
    ]
    encoded = json.loads(json.dumps(encode(trials, SPACE, ACCURACY)))
    assert repr(decode(encoded, SPACE, ACCURACY)) == repr(trials), "nan is not equal to itself"


def test_a_later_version_is_refused_and_none_is_the_first() -> None:
    refuse_later({}, "s")
    refuse_later({"version": VERSION}, "s")
    with pytest.raises(ConfigError, match="the study of s was written by a newer Caviar"):
        refuse_later({"version": VERSION + 1}, "s")


def test_nan_stays_nan() -> None:
    attributes = {"epoch:1": {"val_accuracy": math.nan}}
    trial = create_trial(state=TrialState.RUNNING, user_attrs=attributes)
    assert math.isnan(record_of(trial, 0, dict).epochs[1]["val_accuracy"])


def test_when_and_where_an_epoch_was_trained_is_no_metric_of_it() -> None:
    here, there = Moment(100.0, "me", "atlas"), Moment(104.123, "me", "rhea")
    kept = {
        epoch_key(1): epoch_entry({"val_accuracy": 0.5}, here, moved=True),
        epoch_key(2): epoch_entry({"val_accuracy": 0.6}, here, moved=False),
        epoch_key(3): epoch_entry({"val_accuracy": 0.7}, there, moved=True),
    }
    record = record_of(create_trial(state=TrialState.RUNNING, system_attrs=kept), 0, dict)
    assert record.epochs[3] == {"val_accuracy": 0.7}
    assert record.moments == {1: here, 2: here, 3: Moment(104.12, "me", "rhea")}


def test_the_cards_of_an_epoch_are_on_record_where_they_are_not_the_usual() -> None:
    usual, none = Moment(100.0, "me", "atlas"), Moment(101.0, "me", "atlas", 0.0)
    kept = {
        epoch_key(1): epoch_entry({"epoch_s": 3.0}, usual, moved=True),
        epoch_key(2): epoch_entry({"epoch_s": 5.0}, none, moved=False),
    }
    assert "_gpus" not in kept[epoch_key(1)]
    record = record_of(create_trial(state=TrialState.RUNNING, system_attrs=kept), 0, dict)
    assert record.moments == {1: usual, 2: none}
    assert record.epochs[2] == {"epoch_s": 5.0}
    assert (record.gpu_s(0.5), record.seconds) == (1.5, 8.0)


def test_epochs_of_older_records_and_those_taken_over_have_no_moment() -> None:
    kept = {
        epoch_key(1): {"val_accuracy": 0.5},
        epoch_key(2): epoch_entry({"val_accuracy": 0.6}, Moment(9.0, "me", "atlas"), moved=True),
    }
    record = record_of(create_trial(state=TrialState.RUNNING, system_attrs=kept), 0, dict)
    assert [*record.epochs] == [1, 2]
    assert record.moments == {2: Moment(9.0, "me", "atlas")}
