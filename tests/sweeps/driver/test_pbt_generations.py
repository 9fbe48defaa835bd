"""Generations of a population: who is bred when, and the same ones after a kill at any write."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from sweeps.checked.check import check
from sweeps.checked.sweep import Sweep
from sweeps.config.composition import compose
from sweeps.driver.pbt_generations import changed, generations
from sweeps.results_folder import Folder
from sweeps.study.study import Study
from sweeps.trials import Source, State
from tests.sweeps.driver.sessions import Clock, DriverSession

RULE = (
    "space=null",
    "stop=pbt",
    "search=random",
    "optimizer.lr=tag(log,interval(1e-3,1e-1))",
    "model.dropout=interval(0.1,0.5)",
    "epochs=6",
    "budget.trials=6",
)


@cache
def checked(*words: str) -> Sweep:
    with compose([*RULE, *words]) as composition:
        return check(composition)


class Killed(BaseException):
    """As if the process had ended."""


class Population:
    """A sweep with one slot in a folder, killed and taken up again."""

    def __init__(self, folder: Path, *more: str) -> None:
        self.folder, self.sweep = folder, checked(*more)

    def sit(self, before_each_write: Callable[[], None] = lambda: None) -> DriverSession:
        """Run to the end, or until a write raises."""
        session = DriverSession(self.folder, self.sweep, Clock())
        study = session.study
        for name in ("propose", "derive", "report", "go_on", "end", "remember"):
            setattr(study, name, _watched(getattr(study, name), before_each_write))
        try:
            while (assignment := session.driver.next()) is not None:
                epoch = assignment.after + 1
                config = assignment.config
                while not self._epoch(session, assignment.trial, assignment.folder, epoch, config):
                    epoch += 1
        finally:
            study.close()
        return session

    def _epoch(
        self, session: DriverSession, trial: str, folder: Path, epoch: int, config: Any
    ) -> bool:
        """As a trainer: the checkpoint first. The higher lr, the better, but for too long."""
        (folder / f"epoch_{epoch:03d}").mkdir(exist_ok=True)
        lr = config["optimizer"]["lr"]
        return session.epoch(trial, epoch, min(0.9, lr * 10 + epoch / 50 - lr**2 * epoch))


def _watched(method: Callable[..., Any], before: Callable[[], None]) -> Callable[..., Any]:
    def call(*words: Any, **named: Any) -> Any:
        before()
        return method(*words, **named)

    return call


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> DriverSession:
    return Population(tmp_path_factory.mktemp("calm")).sit()


def test_the_worst_give_way_and_children_go_on(calm: DriverSession) -> None:
    trials = calm.study.trials
    assert [t.source is None for t in trials] == [True] * 6 + [False] * 4
    assert calm.study.count == 6
    first, second = generations(calm.study)
    assert (first.epoch, second.epoch) == (2, 4)
    for generation in (first, second):
        at = calm.study.curves[generation.epoch]
        for trial, parent, child in generation.children():
            gone, born = calm.record(trial), calm.record(child)
            assert (gone.state, gone.last_epoch) == (State.STOPPED, generation.epoch)
            assert gone.reason.startswith(f"pbt: gives way to {parent} at epoch {generation.epoch}")
            assert born.source == Source(parent, generation.epoch)
            assert born.params != calm.record(parent).params
            assert at[parent] > at[trial]
            assert Folder(calm.folder).checkpoint(child, generation.epoch).is_dir()
    alive = [t for t in trials if t.state is State.COMPLETE]
    assert {t.last_epoch for t in alive} == {6}
    assert len(alive) == 6, "a population stays as large as it was"
    assert calm.driver.finished
    assert f"{first.first:04d} goes on from" in calm.output.getvalue()


def test_no_epoch_is_trained_twice(calm: DriverSession) -> None:
    trained = sum(trial.trained for trial in calm.study.trials)
    assert trained == 6 * 6
    assert calm.driver.ledger.spent.epochs == trained
    assert len(calm.tracker.epochs) == trained
    assert sum(trial.seconds for trial in calm.study.trials) == trained


def test_killed_before_any_write_it_ends_the_same(calm: DriverSession, tmp_path: Path) -> None:
    """A session after each kill gets one write further than the one before it."""
    killed = Population(tmp_path)
    budget = 0
    sessions = 0

    def one_less() -> None:
        nonlocal budget
        budget -= 1
        if budget < 0:
            raise Killed

    while True:
        budget = 5  # every kind of write is the last at some time
        sessions += 1
        assert sessions < 200
        try:
            ended = killed.sit(one_less)
            break
        except Killed:
            continue
    assert sessions > 10
    assert ended.study.trials == calm.study.trials
    assert generations(ended.study) == generations(calm.study)


@pytest.mark.parametrize(
    ("moment", "time"), [("remember", 2), ("derive", 1), ("end", 1), ("derive", 2), ("go_on", 8)]
)
def test_killed_while_a_generation_is_made(
    moment: str, time: int, calm: DriverSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 0
    whole = getattr(Study, moment)

    def fatal(*words: Any, **named: Any) -> Any:
        nonlocal count
        count += 1
        if count == time:
            raise Killed
        return whole(*words, **named)

    killed = Population(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Study, moment, fatal)
        with pytest.raises(Killed):
            killed.sit()
    assert killed.sit().study.trials == calm.study.trials


def test_several_slots_decide_alike_where_proposals_do_not_depend_on_results(
    calm: DriverSession, tmp_path: Path
) -> None:
    population = Population(tmp_path)
    session = DriverSession(population.folder, population.sweep, Clock())
    running: list[tuple[str, Path, int, Any]] = []
    while True:
        while len(running) < 3 and (a := session.driver.next()) is not None:
            running.append((a.trial, a.folder, a.after + 1, a.config))
        if not running:
            break
        trial, folder, epoch, config = running.pop()  # the newest first: out of order
        if not population._epoch(session, trial, folder, epoch, config):
            running.insert(0, (trial, folder, epoch + 1, config))
    assert generations(session.study) == generations(calm.study)
    assert [t.params for t in session.study.trials] == [t.params for t in calm.study.trials]
    session.study.close()


def test_an_extension_is_a_population_among_itself(calm: DriverSession, tmp_path: Path) -> None:
    before = calm.study.trials
    shutil.copytree(calm.folder, tmp_path / "more")
    more = Population(tmp_path / "more", "budget.trials=10").sit()
    assert more.study.trials[: len(before)] == before
    assert more.study.count == 10
    assert [g.epoch for g in generations(more.study)] == [2, 4, 2, 4]
    fresh = {t.id for t in more.study.trials[len(before) :]}
    for generation in generations(more.study)[2:]:
        assert {trial for pair in generation.exploits for trial in pair} <= fresh


def test_the_budget_of_epochs_counts_what_was_trained(tmp_path: Path) -> None:
    ended = Population(tmp_path, "budget.epochs=20").sit()
    assert sum(trial.trained for trial in ended.study.trials) == 20
    assert not [t for t in ended.study.trials if not t.state.ended]
    reasons = {t.reason for t in ended.study.trials if t.state is State.STOPPED}
    assert "the budget of 20 epochs is spent" in reasons
    again = Population(tmp_path, "budget.epochs=20").sit()
    assert again.study.trials == ended.study.trials


def test_a_child_that_may_not_be_trained_has_its_parents_values(tmp_path: Path) -> None:
    few = ("require=['optimizer.lr < 0.01']", "stop.resample=1")
    ended = Population(tmp_path, *few).sit()
    children = [t for t in ended.study.trials if t.source is not None]
    assert children
    assert all(t.params["optimizer.lr"] < 0.01 for t in children)  # type: ignore[operator]
    as_parent = [t for t in children if t.params == ended.record(t.source.trial).params]  # type: ignore[union-attr]
    assert as_parent, "nothing was ever refused: the test shows nothing"
    assert ended.study.count == 6 + sum(t.state is State.INFEASIBLE for t in ended.study.trials)


def test_a_checkpoint_that_is_gone_ends_the_child_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_files(self: Population, sit: DriverSession, trial: str, f: Path, e: int, c: Any) -> bool:
        return sit.epoch(trial, e, e / 10 + int(trial) / 100)

    monkeypatch.setattr(Population, "_epoch", no_files)
    ended = Population(tmp_path).sit()
    children = [t for t in ended.study.trials if t.source is not None]
    assert {t.state for t in children} == {State.FAILED}
    assert "has no checkpoint of epoch 2 any more" in children[0].reason
    assert sum(t.state is State.COMPLETE for t in ended.study.trials) >= 2


def test_changes_are_told_in_short() -> None:
    assert changed({"a": 0.001, "b": 1, "c": "x"}, {"a": 0.0012, "b": 1, "d": True}) == [
        "a 0.001 -> 0.0012",
        "c x -> -",
        "d - -> true",
    ]
