"""A sweep that learns from earlier ones: real studies and compositions; nobody trains."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from sweeps import results_folder
from sweeps.checked.check import check
from sweeps.checked.sweep import Sweep
from sweeps.config.composition import compose
from sweeps.recorded import recorded_sweep
from sweeps.repeats.plan import fresh_seeds
from sweeps.repeats.settings import Repeats
from sweeps.results_folder import Folder
from sweeps.study.open import open_study
from sweeps.study.study import Study
from sweeps.transfer.gather import with_transfer
from sweeps.transfer.previous_sweeps import named, read
from sweeps.trials import Source, State, TrialRecord, ranking
from trainers.errors import ConfigError

ROOT = Path(__file__).resolve().parents[3]

LR = "optimizer.lr=tag(log,interval(1e-4,1e-1))"
BASE = ("space=null", "track=none", "search=tpe")


def value(record: TrialRecord) -> float:
    """What a trial reaches: a rule instead of a training."""
    lr = record.params.get("optimizer.lr", 0.01)
    assert isinstance(lr, float)
    return 1 - abs(math.log10(lr) + 2) / 2


@contextmanager
def composed(where: Path, *words: str) -> Iterator[Sweep]:
    with compose([*BASE, f"results={where}", *words]) as composition:
        yield check(composition)


def run(where: Path, name: str, *words: str, trials: int = 6, keep_open: bool = False) -> Study:
    """A sweep on record, as if it had been trained; every third trial was stopped early."""
    with composed(where, f"name={name}", *words) as sweep:
        return pretend(sweep, trials, keep_open)


def pretend(sweep: Sweep, trials: int, keep_open: bool = False, failing: bool = False) -> Study:
    """What a sweep leaves behind, without any training."""
    folder = results_folder.create(Path(sweep.config["results"]), sweep.name)
    results_folder.write_sweep(folder, sweep.config, sweep.composition.overrides, "data")
    study = open_study(folder.study, sweep.objective, sweep.space, sweep.name, create=True)
    for number in range(trials):
        record = study.propose(sweep.search)
        (folder.trials / record.id).mkdir()
        config = sweep.composition.trial(record.params)
        OmegaConf.save(config, folder.trials / record.id / "config.yaml", resolve=True)
        if failing:
            study.end(record.id, State.FAILED, "out of memory")
            continue
        for epoch in (1, 2):
            metrics = {sweep.objective.metric: value(record) * epoch / 2}
            study.report(record.id, epoch, metrics, "", "here")
        study.end(record.id, State.STOPPED if number % 3 == 2 else State.COMPLETE)
    if not keep_open:
        study.close()
    return study


def lines(where: Path, *words: str) -> list[str]:
    with composed(where, "name=new", *words) as sweep:
        return [note.partition(": ")[2] for note in with_transfer(sweep).messages]


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    """One that learns from a sweep whose folder is gone."""
    where = tmp_path_factory.mktemp("gone")
    run(where, "a", LR, trials=12)
    with composed(where, LR, "from_sweep=a", "baseline=false") as checked:
        warm = with_transfer(checked)
    shutil.rmtree(where)
    return warm


class TestNames:
    @pytest.mark.parametrize("word", ["from_sweep=a,b", "from_sweep=[a,b]", "from_sweep='a',b"])
    def test_two_are_a_list_and_nothing_to_vary(self, tmp_path: Path, word: str) -> None:
        with composed(tmp_path, LR, word) as sweep:
            assert sweep.config["from_sweep"] == ["a", "b"]
            assert sweep.space.keys == ("optimizer.lr",)
            assert "from_sweep=[a,b]" in sweep.composition.overrides or word == "from_sweep=[a,b]"

    @pytest.mark.parametrize(("given", "count"), [(None, 0), ([], 0), ("a", 1), (["a", "b"], 2)])
    def test_none_one_and_several(self, tmp_path: Path, given: object, count: int) -> None:
        for name in ("a", "b"):
            (tmp_path / name).mkdir()
            (tmp_path / name / "sweep.yaml").touch()
        assert len(named(given, str(tmp_path))) == count

    @pytest.mark.parametrize(
        ("word", "told"),
        [
            ("from_sweep=aa", "from_sweep=aa: there is no such sweep; did you mean ab[?] in"),
            ("from_sweep=ab,ab", "from_sweep names ab twice"),
            ("from_sweep=p", "from_sweep=p is a plan: name one of its sweeps, from_sweep=p-1"),
            ("from_sweep={a:1}", "from_sweep must name sweeps, not"),
            ("from_sweep=interval(1,2)", "name previous sweeps, from_sweep=a,b"),
        ],
    )
    def test_refused(self, tmp_path: Path, word: str, told: str) -> None:
        for path in ("ab/sweep.yaml", "p/plan.yaml"):
            (tmp_path / path).parent.mkdir()
            (tmp_path / path).touch()
        with pytest.raises(ConfigError, match=told):
            lines(tmp_path, LR, word)


class TestReading:
    def test_does_not_disturb_a_sweep_that_runs(self, tmp_path: Path) -> None:
        study = run(tmp_path, "a", LR, trials=3, keep_open=True)
        folder = Folder(tmp_path / "a")
        with folder.study.open("ab") as file:
            file.write(b'{"op_code": 5, "half a li')  # it is writing just now
        before = folder.study.read_bytes()
        found = read(folder)
        assert folder.study.read_bytes() == before
        assert [t.params for t in found.recorded.trials] == [t.params for t in study.trials]
        assert [t.state for t in found.scored] == [State.COMPLETE, State.COMPLETE, State.STOPPED]
        assert found.recorded.trials[0].epochs[2] == {"val_accuracy": value(study.trials[0])}
        study.close()

    def test_values_come_back_whatever_optuna_keeps_of_them(self, tmp_path: Path) -> None:
        words = ("optimizer=sgd,adamw", "optimizer.momentum=tag(log1m,interval(0.9,0.999))",
                 "optimizer.betas=[0.9,0.99],[0.8,0.99]", "search=random")  # fmt: skip
        study = run(tmp_path, "a", *words)
        assert [t.params for t in recorded_sweep.read(Folder(tmp_path / "a")).trials] == [
            t.params for t in study.trials
        ]

    def test_the_winner_of_the_repeats_ranks_first(self, tmp_path: Path) -> None:
        study = run(tmp_path, "a", LR, "repeats.top=2", "repeats.seeds=2", keep_open=True)
        first, second, *others = (r.trial for r in ranking(study.trials, study.objective))
        seeds = fresh_seeds(Repeats(top=2, seeds=2), seed=0)
        for seed, trial in product(seeds, (first, second)):
            again = study.derive(trial.params, Source(trial.id, seed=seed))
            study.report(again.id, 1, {"val_accuracy": 0.9 if trial is second else 0.1}, "", "here")
            assert recorded_sweep.read(Folder(tmp_path / "a")).ranked[0].trial.id == first.id
            study.end(again.id, State.COMPLETE)
        study.close()
        ranked = recorded_sweep.read(Folder(tmp_path / "a")).ranked
        assert [r.trial.id for r in ranked] == [t.id for t in (second, first, *others)]

    def test_a_child_ranks_and_teaches_nothing(self, tmp_path: Path) -> None:
        study = run(tmp_path, "a", LR, keep_open=True)
        parent = study.trials[0]
        child = study.derive(parent.params, Source(parent.id, epoch=1))
        study.report(child.id, 2, {"val_accuracy": 2.0}, "", "here")
        study.end(child.id, State.COMPLETE)
        study.close()
        found = read(Folder(tmp_path / "a"))
        assert found.recorded.ranked[0].trial.id == child.id
        assert child.id not in [trial.id for trial in found.scored]

    def test_a_folder_without_a_study_says_so(self, tmp_path: Path) -> None:
        run(tmp_path, "a", LR, trials=1)
        (tmp_path / "a" / "study.log").unlink()
        with pytest.raises(ConfigError, match=r"has no study\.log"):
            lines(tmp_path, LR, "from_sweep=a")
        (tmp_path / "a" / "study.log").touch()
        with pytest.raises(ConfigError, match="has no study a yet"):
            lines(tmp_path, LR, "from_sweep=a")


class TestFeeding:
    @pytest.fixture
    def opened(self, sweep: Sweep, tmp_path: Path) -> Callable[[str], Study]:
        def open_(name: str) -> Study:
            path = tmp_path / f"{name}.log"
            return open_study(path, sweep.objective, sweep.space, name, create=not path.exists())

        return open_

    def test_samplers_see_them_and_nothing_else_does(
        self, sweep: Sweep, opened: Callable[[str], Study]
    ) -> None:
        study = opened("s")
        assert not study.fed
        study.feed(sweep.transfer.trials)
        assert study.fed
        assert (study.trials, study.count, study.curves) == ([], 0, {})
        assert study.optuna.trials == []
        seen = study._memory.optuna.trials
        assert [t.params["optimizer.lr"] for t in seen] == [
            t.params["optimizer.lr"] for t in sweep.transfer.trials
        ]
        record = study.propose(sweep.search)
        study.report(record.id, 1, {"val_accuracy": 0.5}, "", "here")
        study.end(record.id, State.COMPLETE)
        assert [t.number for t in study.optuna.trials] == [0]
        assert list(study.curves[1]) == ["0000"]
        study.close()

    def test_the_search_goes_where_they_were_good(
        self, sweep: Sweep, opened: Callable[[str], Study]
    ) -> None:
        fed, unfed = opened("fed"), opened("unfed")
        fed.feed(sweep.transfer.trials)
        far = [
            sum(1 - value(study.propose(sweep.search)) for _ in range(6)) for study in (fed, unfed)
        ]
        assert far[0] < 0.6 * far[1]
        fed.close()
        unfed.close()

    def test_resumed_without_their_folder_the_search_decides_the_same(
        self, sweep: Sweep, opened: Callable[[str], Study]
    ) -> None:
        calm = opened("calm")
        calm.feed(sweep.transfer.trials)
        killed = opened("killed")
        killed.feed(sweep.transfer.trials)
        for _ in range(4):
            killed.close()
            killed = opened("killed")
            assert killed.fed
            pair = [study.propose(sweep.search) for study in (calm, killed)]
            assert pair[0].params == pair[1].params
            for study, record in zip((calm, killed), pair, strict=True):
                study.report(record.id, 1, {"val_accuracy": value(record)}, "", "here")
                study.end(record.id, State.COMPLETE)
        assert len(killed.optuna.trials) == 4
        calm.close()
        killed.close()
