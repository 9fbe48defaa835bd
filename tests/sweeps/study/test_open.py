"""A study is opened where a process has left it, by one driver at a time."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from sweeps.study.codec import VERSION, epochs_of
from sweeps.study.reader import read
from sweeps.study.storage import for_tools
from sweeps.study.study import Study
from sweeps.trials import State
from tests.sweeps.study.test_study import (
    RANDOM,
    SPACE,
    elsewhere,
    loaded,
    metrics,
    opened,
    scripted,
)
from trainers.errors import ConfigError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "study.log"


class TestReopening:
    def test_gives_the_same_records(self, path: Path) -> None:
        study = opened(path)
        scripted(study)
        study.close()
        before = path.read_bytes()
        reopened = opened(path)
        assert reopened.trials == study.trials
        assert reopened.curves == study.curves
        assert reopened.uid == study.uid
        assert [t.params for t in reopened.optuna.trials] == [t.params for t in study.optuna.trials]
        assert [t.state for t in reopened.optuna.trials] == [t.state for t in study.optuna.trials]
        assert not any("epoch:1" in trial.system_attrs for trial in reopened.optuna.trials)
        assert path.read_bytes() == before, "opening writes nothing where nothing is to be mended"
        reopened.close()

    def test_optuna_sees_it_all(self, path: Path) -> None:
        study = opened(path)
        scripted(study)
        study.close()
        seen = loaded(path)
        assert seen.study_name == "s"
        assert seen.direction.name == "MAXIMIZE"
        assert seen.user_attrs["metric"] == "val_accuracy"
        states = {
            State.RUNNING: TrialState.RUNNING,
            State.COMPLETE: TrialState.COMPLETE,
            State.STOPPED: TrialState.PRUNED,
            **dict.fromkeys(
                (State.FAILED, State.DIVERGED, State.INFEASIBLE, State.ABANDONED), TrialState.FAIL
            ),
        }
        for state, trial, record in zip(State, seen.trials, study.trials, strict=False):
            assert trial.state is states[state]
            assert SPACE.values(trial.params) == record.params
            assert trial.intermediate_values == {1: 0.9, 2: 0.6}
            assert epochs_of(trial)[2] == metrics(0.6)
            assert trial.user_attrs["machine"] == "atlas"
            assert set(trial.user_attrs) <= {"member", "machine", "state", "reason"}, (
                "a column each"
            )
            if state.ended:
                assert trial.user_attrs["state"] == state.value
                assert trial.user_attrs["reason"] == record.reason
                assert trial.datetime_complete is not None
            # Worth its best epoch, not its last.
            assert trial.values == ([0.9] if state.scored else None)
        assert seen.best_trial.number == 1
        assert seen.trials[-1].state is TrialState.RUNNING

    @pytest.mark.parametrize("rest", [b"{", b'{"op_code": 4, "worker_id": "x"', b'{"op_code": 4}'])
    def test_drops_the_line_that_a_kill_cut_short(self, path: Path, rest: bytes) -> None:
        study = opened(path)
        scripted(study)
        study.close()
        whole = path.read_bytes()
        path.write_bytes(whole + rest)
        reopened = opened(path)
        assert reopened.trials == study.trials
        assert path.read_bytes() == whole
        reopened.propose(RANDOM)
        reopened.close()
        assert len(loaded(path).trials) == len(study.trials) + 1

    def test_does_not_wait_for_the_lock_of_the_dead(self, path: Path) -> None:
        study = opened(path)
        study.close()
        lock = path.with_name("study.log.lock")
        lock.symlink_to(path)
        reopened = opened(path)
        reopened.propose(RANDOM)
        reopened.close()
        assert not lock.is_symlink()

    def test_mends_an_epoch_whose_value_is_missing(self, path: Path) -> None:
        """Killed between the two writes of an epoch: it counts, for us and for Optuna."""
        study = opened(path)
        trial = study.propose(RANDOM).id
        study.report(trial, 1, metrics(0.5), "me", "atlas")
        study.report(trial, 2, metrics(0.75), "me", "atlas")
        study.close()
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join(lines[:-1]))
        assert loaded(path).trials[0].intermediate_values == {1: 0.5}
        reopened = opened(path)
        assert reopened.trials == study.trials
        assert reopened.optuna.trials[0].intermediate_values == {1: 0.5, 2: 0.75}
        assert not reopened.report(trial, 2, metrics(0.1), "me", "atlas")
        reopened.close()
        assert loaded(path).trials[0].intermediate_values == {1: 0.5, 2: 0.75}

    def test_an_end_counts_once_optuna_has_it(self, path: Path) -> None:
        """Killed before the last write of an end: the trial runs, without a reason."""
        study = opened(path)
        trial = study.propose(RANDOM).id
        study.report(trial, 1, metrics(0.5), "me", "atlas")
        running = study.trial(trial)
        study.end(trial, State.DIVERGED, "a loss of nan")
        study.close()
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join(lines[:-1]))
        reopened = opened(path)
        assert reopened.trials == [running]
        ended = reopened.end(trial, State.COMPLETE)
        assert (ended.state, ended.reason) == (State.COMPLETE, "")
        reopened.close()
        assert opened(path).trials == [ended]

    @pytest.mark.parametrize("lines", [0, 1, 2])
    def test_killed_while_being_made(self, path: Path, lines: int) -> None:
        opened(path).close()
        whole = path.read_bytes().splitlines(keepends=True)
        assert len(whole) == 4
        path.write_bytes(b"".join(whole[:lines]))
        study = opened(path)
        study.propose(RANDOM)
        study.close()

    def test_a_later_version_is_refused(self, path: Path) -> None:
        newer(path)
        with pytest.raises(ConfigError, match=r"newer Caviar \(record version 9.* 3\): update"):
            opened(path)

    def test_a_refusal_lets_go_of_the_study(self, path: Path) -> None:
        newer(path)
        for _ in range(2):
            with pytest.raises(ConfigError, match="newer Caviar"):
                opened(path)


def newer(path: Path) -> None:
    """A study as a later version would leave it."""
    opened(path).close()
    loaded(path).set_user_attr("version", 9)


class TestARecordOfVersion1:
    """Its epochs are user attributes; those of a resume are not: it becomes one of this version."""

    @pytest.fixture
    def old(self, path: Path) -> Path:
        path.write_bytes((Path(__file__).parent / "version_1.log").read_bytes())
        return path

    def test_is_read(self, old: Path) -> None:
        first, second = read(old, "s", SPACE.values).trials
        assert first.epochs == {1: metrics(0.5), 2: metrics(0.75)}
        assert (first.state, first.seconds) == (State.COMPLETE, 4.0)
        assert (second.state, second.epochs, second.passed) == (
            State.RUNNING,
            {1: metrics(0.25)},
            1,
        )

    def test_goes_on(self, old: Path) -> None:
        study = opened(old)
        study.report("0001", 2, metrics(0.5), "", "atlas")
        study.close()
        (_, trial) = loaded(old).trials
        assert {"epoch:1"} < set(trial.user_attrs)
        assert epochs_of(trial)[2] == metrics(0.5)
        assert trial.intermediate_values == {1: 0.25, 2: 0.5}
        again = opened(old)
        assert again.trial("0001").epochs == {1: metrics(0.25), 2: metrics(0.5)}
        assert again.trials == study.trials
        again.close()

    def test_is_refused_by_an_earlier_version_from_then_on(self, old: Path) -> None:
        opened(old).close()
        assert loaded(old).user_attrs["version"] == VERSION


class TestExclusion:
    def test_of_a_second_opening_here(self, path: Path) -> None:
        study: Study = opened(path)
        with pytest.raises(ConfigError, match=f"in use by process {os.getpid()}"):
            opened(path)
        study.propose(RANDOM)

    @pytest.mark.machines
    def test_of_another_process_until_it_is_dead(self, path: Path) -> None:
        opened(path).close()
        process = elsewhere(
            "import sys; from pathlib import Path\n"
            "from tests.sweeps.study.test_study import opened\n"
            f"study = opened(Path({str(path)!r})); print('open', flush=True); sys.stdin.read()"
        )
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "open\n"
            with pytest.raises(ConfigError) as refusal:
                opened(path)
            message = str(refusal.value)
            assert f"{path.parent} is in use by process {process.pid}" in message
            assert len(message.splitlines()) <= 2
        finally:
            os.kill(process.pid, signal.SIGKILL)
            process.communicate()
        opened(path).close()


def test_a_study_that_a_person_has_added_to_a_journal_of_its_own_is_left_alone(path: Path) -> None:
    """As optuna-dashboard lets one do."""
    study = opened(path)
    scripted(study)
    study.close()
    with for_tools(path) as tool:
        optuna.create_study(storage=tool, study_name="added")
    assert opened(path).trials == study.trials
    assert list(read(path, "other", SPACE.values).trials) == study.trials
