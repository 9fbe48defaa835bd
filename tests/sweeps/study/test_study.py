"""The record of a sweep, on a real disk, killed at every kind of moment."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import optuna
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from optuna.samplers import BaseSampler, GPSampler, RandomSampler, TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from sweeps.search.samplers import Grid, Sampled
from sweeps.search.search import Setting
from sweeps.space.grammar import parse
from sweeps.space.space import Space
from sweeps.stop import Asha
from sweeps.study import journal_storage, reader
from sweeps.study.open import open_study
from sweeps.study.study import Study
from sweeps.trials import Objective, Source, State, TrialRecord

ROOT = Path(__file__).resolve().parents[3]
ACCURACY = Objective("val_accuracy", maximize=True)
LOSS = Objective("val_loss", maximize=False)
SPACE = parse(
    OverridesParser.create().parse_overrides(
        ["x=interval(0,1)", "width=tag(log,int(interval(16,256)))", "kind=a,b,[1],null,true"]
    ),
    lambda key: (),
)
RANDOM = Sampled(RandomSampler, Setting(SPACE))


def tpe(seed: int) -> TPESampler:
    return TPESampler(
        seed=seed, n_startup_trials=4, multivariate=True, group=True, constant_liar=True
    )


def opened(path: Path, objective: Objective = ACCURACY, space: Space = SPACE) -> Study:
    return open_study(path, objective, space, "s", create=not path.exists())


def metrics(value: float, seconds: float = 2.0) -> dict[str, float]:
    return {"val_accuracy": value, "val_loss": 1 - value, "epoch_s": seconds}


def score(params: Mapping[str, object], epoch: int) -> float:
    """What a trial reaches: a rule instead of a training."""
    x, width = params["x"], params["width"]
    assert isinstance(x, float)
    assert isinstance(width, int)
    return (1 - (x - 0.3) ** 2 - 0.001 * abs(width - 64)) * (1 - 0.5**epoch)


def work(path: Path, trials: int = 15, epochs: int = 3) -> None:
    """One worker: goes on with what is unfinished, then proposes, until there are enough."""
    study, search, rule = opened(path), Sampled(tpe, Setting(SPACE, 7)), Asha(grace=1, factor=2)

    def judged(record: TrialRecord) -> bool:
        if record.last_epoch == epochs:
            study.end(record.id, State.COMPLETE)
        elif record.last_epoch and (
            reason := rule.judge(record.id, record.last_epoch, study.curves)
        ):
            study.end(record.id, State.STOPPED, reason)
        return study.trial(record.id).state.ended

    waiting = [record for record in study.trials if not record.state.ended]
    while waiting or len(study.trials) < trials:
        record = waiting.pop(0) if waiting else study.propose(search)
        while not judged(study.trial(record.id)):
            epoch = study.trial(record.id).last_epoch + 1
            study.report(record.id, epoch, metrics(score(record.params, epoch)), "me", "atlas")
    study.close()


def work_until_killed(path: str, writes: int) -> None:
    """`work`, which dies in the midst of a write once it has made so many."""
    left = [writes]
    whole = journal_storage._append

    def append(file: int, lines: bytes) -> None:
        if left[0] == 0:
            os.write(file, lines[: len(lines) // 2])
            os._exit(9)
        left[0] -= 1
        whole(file, lines)

    journal_storage._append = append
    work(Path(path))


def elsewhere(code: str) -> subprocess.Popen[str]:
    """Python code in another process, its output in a pipe."""
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def loaded(path: Path) -> optuna.Study:
    return optuna.load_study(study_name=None, storage=JournalStorage(JournalFileBackend(str(path))))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "study.log"


@pytest.fixture
def study(path: Path) -> Iterator[Study]:
    made = opened(path)
    yield made
    made.close()


class TestWriting:
    def test_a_proposal_is_one_line_with_all_its_parameters(self, study: Study, path: Path) -> None:
        for number in range(4):
            before = path.read_text()
            record = study.propose(RANDOM)
            added = path.read_text().removeprefix(before)
            assert added.endswith("\n")
            assert added.count("\n") == 1
            assert record.params.keys() == {"x", "width", "kind"}
            for key in record.params:
                assert f'"{key}"' in added
            assert (record.id, record.number) == (f"{number:04d}", number)
            assert (record.state, record.last_epoch) == (State.RUNNING, 0)
        assert [t.params for t in study.trials] == [
            SPACE.values(t.params) for t in loaded(path).trials
        ]

    def test_an_epoch_is_recorded_once(self, study: Study, path: Path) -> None:
        trial = study.propose(RANDOM).id
        assert study.report(trial, 1, metrics(0.5), "me", "atlas")
        assert study.report(trial, 2, metrics(0.7), "me", "atlas")
        before = path.read_bytes()
        assert not study.report(trial, 2, metrics(0.1), "you", "rhea")
        assert not study.report(trial, 1, metrics(0.1), "you", "rhea")
        assert path.read_bytes() == before
        record = study.trial(trial)
        assert record.epochs == {1: metrics(0.5), 2: metrics(0.7)}
        assert (record.member, record.machine, record.seconds) == ("me", "atlas", 4.0)
        assert study.report(trial, 3, metrics(0.6), "you", "rhea")
        assert (study.trial(trial).member, study.trial(trial).machine) == ("you", "rhea")

    @pytest.mark.parametrize(("objective", "sign"), [(ACCURACY, 1), (LOSS, -1)])
    def test_in_curves_more_is_better(self, path: Path, objective: Objective, sign: int) -> None:
        study = opened(path, objective)
        a, b = study.propose(RANDOM).id, study.propose(RANDOM).id
        for trial, epoch, value in ((a, 1, 0.25), (b, 1, 0.5), (a, 2, 0.75)):
            study.report(trial, epoch, metrics(value), "", "")
        expected = {
            1: {a: metrics(0.25)[objective.metric], b: metrics(0.5)[objective.metric]},
            2: {a: metrics(0.75)[objective.metric]},
        }
        expected = {e: {t: sign * v for t, v in at.items()} for e, at in expected.items()}
        assert study.curves == expected
        study.close()
        reopened = opened(path, objective)
        assert reopened.curves == expected
        reopened.close()

    def test_a_complete_trial_has_an_epoch(self, study: Study) -> None:
        trial = study.propose(RANDOM).id
        with pytest.raises(ValueError, match=rf"{trial} cannot be complete"):
            study.end(trial, State.COMPLETE)

    def test_seconds_spent_are_kept(self, path: Path) -> None:
        study = opened(path)
        assert study.wall_s == 0
        study.spend(12.5)
        assert study.wall_s == 12.5
        study.close()
        reopened = opened(path)
        assert reopened.wall_s == 12.5
        reopened.close()


def scripted(study: Study) -> None:
    """One trial in each of the states, after two epochs, and one that has just begun."""
    for state in State:
        trial = study.propose(RANDOM).id
        study.report(trial, 1, metrics(0.9), "me", "atlas")
        study.report(trial, 2, metrics(0.6), "me", "atlas")
        if state.ended:
            study.end(trial, state, "" if state is State.COMPLETE else f"{state.value} because")
    study.propose(RANDOM)


class TestInfeasible:
    """On disk such a trial has failed; for the samplers it is the worst there is."""

    @staticmethod
    def narrow(path: Path, search: Sampled, objective: Objective, feasible: int) -> Study:
        """A sweep in which the best would be where nothing can be trained; at most 20 in a row."""
        study, row = opened(path, objective), 0
        while feasible and row < 20:
            record = study.propose(search)
            x = record.params["x"]
            assert isinstance(x, float)
            if x > 0.3:
                study.end(record.id, State.INFEASIBLE, "x <= 0.3")
                row += 1
            else:
                study.report(record.id, 1, metrics(0.5 + x), "", "")
                study.end(record.id, State.COMPLETE)
                feasible, row = feasible - 1, 0
        return study

    @pytest.mark.parametrize(
        ("make", "objective"),
        [
            (tpe, ACCURACY),
            (tpe, LOSS),
            (partial(GPSampler, n_startup_trials=2, deterministic_objective=True), ACCURACY),
        ],
    )
    def test_samplers_keep_away_from_its_like(
        self, make: Callable[..., BaseSampler], objective: Objective, path: Path
    ) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            study = self.narrow(path, Sampled(make, Setting(SPACE, seed=3)), objective, feasible=6)
        states = [record.state for record in study.trials]
        assert states.count(State.COMPLETE) == 6, "it proposes the infeasible for ever"
        assert State.INFEASIBLE in states
        study.close()

    @pytest.mark.parametrize("objective", [ACCURACY, LOSS])
    def test_is_seen_so_live_and_reopened(self, objective: Objective, path: Path) -> None:
        study = self.narrow(path, Sampled(tpe, Setting(SPACE, seed=3)), objective, feasible=8)
        live = study.optuna.trials
        worst = max if objective is LOSS else min
        infeasible = {t.number for t in study.trials if t.state is State.INFEASIBLE}
        assert infeasible
        assert infeasible == {t.number for t in live if any(v > 0 for v in t.constraints.values())}
        for trial in live:
            before = [t.value for t in live[: trial.number] if t.number not in infeasible]
            if trial.number in infeasible and before:
                assert trial.state is TrialState.COMPLETE
                assert trial.value is not None
                assert worst([trial.value, *before]) == trial.value
                assert trial.value not in before
        complete = [t for t in live if t.state is TrialState.COMPLETE]
        assert {len(t.constraints) for t in complete} == {1}, "GP asks the same of all"
        study.close()
        reopened = opened(path, objective)
        seen = [(t.state, t.values, t.constraints) for t in reopened.optuna.trials]
        assert seen == [(t.state, t.values, t.constraints) for t in live]
        reopened.close()
        assert {t.number for t in loaded(path).trials if t.state is TrialState.FAIL} == infeasible

    def test_without_any_nothing_is_said_of_constraints(self, path: Path) -> None:
        study = self.narrow(path, Sampled(low, Setting(SPACE, seed=3)), ACCURACY, feasible=3)
        assert not any(t.constraints for t in study.optuna.trials)
        study.close()


class Low(RandomSampler):
    """Draws nothing that is infeasible."""

    def sample_independent(self, *args: Any) -> Any:
        """Small numbers."""
        return 0.1 if args[2] == "x" else super().sample_independent(*args)


def low(seed: int) -> RandomSampler:
    return Low(seed=seed)


class TestInMemory:
    def test_is_as_one_on_disk_and_leaves_no_file(
        self, study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        memory = Study(ACCURACY, SPACE)
        before = sorted(tmp_path.iterdir())
        search = Sampled(tpe, Setting(SPACE, 7))
        for number in range(12):
            for one in (study, memory):
                record = one.propose(search)
                for epoch in (1, 2):
                    value = score(record.params, epoch)
                    assert one.report(record.id, epoch, metrics(value), "", "atlas")
                    one.go_on(record.id, epoch)
                one.end(record.id, State.STOPPED if number % 3 else State.COMPLETE, "why")
        memory.spend(5.0)
        assert memory.trials == study.trials
        assert memory.curves == study.curves
        assert memory.wall_s == 5.0
        assert memory.count == study.count == 12
        assert not memory.report(record.id, 2, metrics(0.1), "", "atlas")
        memory.close()
        assert sorted(tmp_path.iterdir()) == before


class TestExactness:
    @pytest.mark.machines
    def test_killed_again_and_again_it_decides_as_if_left_alone(self, tmp_path: Path) -> None:
        calm, killed = tmp_path / "calm.log", tmp_path / "killed.log"
        work(calm)
        expected = opened(calm)
        states = {record.state for record in expected.trials}
        assert states == {State.COMPLETE, State.STOPPED}, "no decisions to compare"

        deaths = 0
        for writes in (6, 9, 16, 23, 500):
            process = elsewhere(
                "from tests.sweeps.study.test_study import work_until_killed\n"
                f"work_until_killed({str(killed)!r}, {writes})"
            )
            process.communicate()
            deaths += process.returncode == 9
        assert (deaths, process.returncode) == (4, 0)
        found = opened(killed)
        assert found.trials == expected.trials
        assert found.curves == expected.curves
        assert [t.state for t in loaded(killed).trials] == [t.state for t in loaded(calm).trials]
        found.close()
        expected.close()

    def test_a_running_trial_counts_the_same_after_reopening(self, path: Path) -> None:
        """The constant liar takes running trials into account, with what they have reported."""
        proposals = []
        search = Sampled(tpe, Setting(SPACE, 1))
        for reopen in (False, True):
            place = path.with_name(f"{reopen}.log")
            study = opened(place)
            for number in range(9):
                record = study.propose(search)
                study.report(record.id, 1, metrics(score(record.params, 1)), "", "")
                if number % 3:
                    study.end(record.id, State.COMPLETE)
                if reopen:
                    study.close()
                    study = opened(place)
            proposals.append([record.params for record in study.trials])
            study.close()
        assert proposals[0] == proposals[1]

    def test_of_a_grid(self, path: Path) -> None:
        space = parse(
            OverridesParser.create().parse_overrides(["a=1,2", "b=x,[1],null", "c=range(0,1,0.1)"]),
            lambda key: (),
        )
        grid = list(space.enumerate())
        study = opened(path, space=space)
        for number in range(len(grid)):
            assert study.propose(Grid(Setting(space))).params == grid[number]
            if number % 20 == 0:
                study.close()
                study = opened(path, space=space)
        assert [record.params for record in study.trials] == grid
        study.close()


def test_a_trial_that_repeats_another_changes_nothing_for_the_search(tmp_path: Path) -> None:
    """Samplers, stopping rules and the numbers of proposals are as without it; it is on record."""
    search = Sampled(tpe, Setting(SPACE, 7))

    def run(path: Path, repeats: bool) -> list[Mapping[str, object]]:
        for _ in range(8):
            study = opened(path)  # anew each time: what is read back counts
            record = study.propose(search)
            study.report(record.id, 1, metrics(score(record.params, 1)), "me", "atlas")
            study.end(record.id, State.COMPLETE)
            if repeats:
                again = study.derive(record.params, Source(record.id, seed=11))
                study.report(again.id, 1, metrics(0.99), "me", "atlas")
                study.end(again.id, State.COMPLETE)
            study.close()
        study = opened(path)
        assert study.count == 8
        assert len(study.curves[1]) == 8
        proposed = [t.params for t in study.trials if t.source is None]
        derived = [t for t in study.trials if t.source is not None]
        assert [t.source.seed for t in derived if t.source] == [11] * (8 if repeats else 0)
        assert len({t.id for t in study.trials}) == len(study.trials)
        study.close()
        return proposed

    assert run(tmp_path / "a.log", False) == run(tmp_path / "b.log", True)


def test_a_trial_takes_over_the_epochs_of_another(tmp_path: Path) -> None:
    study = opened(tmp_path / "s.log")
    first = study.propose(RANDOM)
    for epoch in (1, 2, 3):
        study.report(first.id, epoch, metrics(epoch / 10), "me", "atlas")
    params = {**first.params, "x": 0.5}
    child = study.derive(params, Source(first.id, epoch=2))
    study.report(child.id, 3, metrics(0.9), "me", "atlas")
    study.close()
    study = opened(tmp_path / "s.log")
    child = study.trial(child.id)
    assert child.params == params
    assert child.source == Source(first.id, epoch=2)
    assert [e["val_accuracy"] for e in child.epochs.values()] == [0.1, 0.2, 0.9]
    assert child.seconds == 2.0
    assert child.passed == 2
    assert study.curves[3] == {first.id: 0.3, child.id: 0.9}
    study.close()


def test_a_complete_trial_goes_on_where_it_was(tmp_path: Path) -> None:
    """Under its own id, and numbers that were taken by that are no trials."""
    path, search = tmp_path / "s.log", Sampled(tpe, Setting(SPACE, 7))
    study = opened(path)
    for _ in range(2):
        record = study.propose(search)
        study.report(record.id, 1, metrics(0.5), "me", "atlas")
        study.end(record.id, State.COMPLETE)
    study.reopen(["0000", "0001"])
    study.close()

    study = opened(path)
    assert [(t.id, t.state) for t in study.trials] == [
        ("0000", State.RUNNING),
        ("0001", State.RUNNING),
    ]
    assert study.count == 2
    assert study.next_number == 4
    study.report("0000", 2, metrics(0.9), "you", "atlas")
    study.go_on("0000", 2)
    study.end("0001", State.STOPPED, "asha")
    new = study.propose(search)
    assert new.id == "0004"
    study.end("0000", State.COMPLETE)
    before = study.trials
    assert [t.value for t in study.optuna.trials if t.state.is_finished()] == [0.9, 0.5]
    study.close()

    study = opened(path)
    assert study.trials == before
    assert study.trials[0].member == "you"
    assert [t.value for t in study.optuna.trials if t.state.is_finished()] == [0.9, 0.5]
    study.close()
    read = reader.read(path, "s", SPACE.values).trials
    assert read == tuple(before)


class Counting(RandomSampler):
    """A sampler that counts its draws in the study, as Optuna's QMCSampler does."""

    def before_trial(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        attributes = study._storage.get_study_system_attrs(study._study_id)
        count = attributes.get("count", 0) + 1
        study._storage.set_study_system_attr(study._study_id, "count", count)


def test_what_a_sampler_changes_in_the_study_is_there_after_a_resume(path: Path) -> None:
    for count in (2, 4):
        study = opened(path)
        for _ in range(2):
            study.propose(Sampled(Counting, Setting(SPACE)))
        assert study.optuna._storage.get_study_system_attrs(0)["count"] == count
        study.close()
