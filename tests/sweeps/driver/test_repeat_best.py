"""The best run again, as the driver goes about it; nobody trains."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sweeps.driver.budget import UNLIMITED, Budget
from sweeps.repeats.plan import fresh_seeds
from sweeps.repeats.settings import Repeats
from sweeps.stop import Median, Promotion
from sweeps.trials import Source, State
from tests.sweeps.driver.sessions import Clock, DriverSession, Sit, swept
from trainers.errors import ConfigError

TOP = Repeats(top=2, seeds=2)
#: Scores of the grid's four trials; the best are 0002 and 0001.
SCORES = {"0000": 0.1, "0001": 0.6, "0002": 0.9, "0003": 0.3}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sit(tmp_path: Path, clock: Clock) -> Iterator[Sit]:
    """Begins a session; a second call closes the study and opens it anew, as after a kill."""
    sessions: list[DriverSession] = []

    def begin(repeats: Repeats = TOP, **changes: Any) -> DriverSession:
        if sessions:
            sessions.pop().study.close()
        sweep = replace(swept(), repeats=repeats, **changes)
        sessions.append(DriverSession(tmp_path, sweep, clock))
        return sessions[0]

    yield begin
    for session in sessions:
        session.study.close()


def search(one: DriverSession, trials: int = 4) -> None:
    for _ in range(trials):
        assignment = one.next()
        one.finish(assignment, SCORES[assignment.trial])


def derived(one: DriverSession) -> list[tuple[str, int | None]]:
    sources = [t.source for t in one.study.trials if t.source is not None]
    return [(source.trial, source.seed) for source in sources]


def seeds(repeats: Repeats = TOP) -> list[int]:
    return fresh_seeds(repeats, swept().training.seed)


def limited(**limits: float) -> Budget:
    return replace(UNLIMITED, **limits)  # type: ignore[arg-type]


def test_the_best_of_the_search_are_run_again_with_fresh_seeds(sit: Sit) -> None:
    one = sit()
    search(one)
    assert not one.driver.finished
    first, second = seeds()
    ran = []
    while (assignment := one.driver.next()) is not None:
        again = one.record(assignment.trial)
        assert again.source is not None
        assert assignment.config["seed"] == again.source.seed
        assert assignment.config["optimizer"]["lr"] == again.params["optimizer.lr"]
        assert again.params == one.record(again.source.trial).params
        ran.append((again.source.trial, again.source.seed))
        one.finish(assignment)
    assert ran == [("0002", first), ("0001", first), ("0002", second), ("0001", second)]
    assert one.driver.finished
    assert [t.id for t in one.study.trials][4:] == ["0004", "0005", "0006", "0007"]
    output = one.output.getvalue()
    assert "the search is over; run again with 2 fresh seeds: 0002, 0001" in output
    assert "0004 is the best" not in output
    assert one.tracker.started[4] == ("0004", 0)


def test_nothing_is_run_again_while_the_search_runs(sit: Sit) -> None:
    one = sit()
    search(one, 3)
    last = one.next()
    assert one.driver.next() is None
    assert not one.driver.finished, "there is more to come"
    one.finish(last, 0.95)
    assert one.record(one.next().trial).source == Source(last.trial, seed=seeds()[0])


def test_several_at_a_time(sit: Sit) -> None:
    one = sit()
    search(one)
    running = [one.next() for _ in range(4)]
    assert len(one.driver.running) == 4
    assert one.driver.finished
    assert one.driver.next() is None
    for assignment in running:
        one.finish(assignment)
    assert len(set(derived(one))) == 4


def test_a_round_is_waited_for_where_it_decides(sit: Sit) -> None:
    repeats = Repeats(top=2, seeds=3)
    one = sit(repeats)
    search(one)
    running = [one.next() for _ in range(4)]
    assert one.driver.next() is None
    assert not one.driver.finished
    # As different as can be, by nearly the same in both rounds.
    for assignment, score in zip(running, (0.9, 0.1, 0.91, 0.12), strict=True):
        assert one.driver.next() is None
        one.finish(assignment, score)
    assert one.record(one.next().trial).source == Source("0002", seed=seeds(repeats)[2])
    assert one.driver.finished
    assert "0001 is not run again any more" in one.output.getvalue()


def test_neither_the_rule_nor_the_budget_ends_a_repeat(sit: Sit, clock: Clock) -> None:
    one = sit(budget=limited(epochs=10, hours=1), stop=Median(grace=1, trials=1))
    for score in (0.9, 0.6, 0.8):
        one.finish(one.next(), score)
    one.epoch(one.next().trial, 1, 0.7)
    ended = [t.state for t in one.study.trials]
    while (assignment := one.driver.next()) is not None:
        clock.now += 10_000
        for epoch, value in ((1, 0.01), (2, 0.02)):
            assert not one.epoch(assignment.trial, epoch, value)
        assert one.epoch(assignment.trial, 3, 0.03)
        assert one.record(assignment.trial).state is State.COMPLETE
    assert len(derived(one)) == 4
    assert [t.state for t in one.study.trials][: len(ended)] == ended


def test_nobody_waits_at_a_rung_for_them(sit: Sit) -> None:
    one = sit(stop=Promotion(grace=1, factor=2))
    while (assignment := one.driver.next()) is not None and assignment.trial in SCORES:
        epoch = assignment.after + 1
        while not one.epoch(assignment.trial, epoch, SCORES[assignment.trial]):
            epoch += 1
    assert assignment is not None
    assert {t.state for t in one.study.trials[:4]} == {State.STOPPED, State.COMPLETE}
    assert [one.epoch(assignment.trial, e, 0.1) for e in (1, 2, 3)] == [False, False, True]


@pytest.mark.parametrize(("before", "epochs"), [(0, 0), (1, 1), (2, 3), (3, 0), (3, 3)])
def test_a_repeat_that_was_interrupted_comes_first(sit: Sit, before: int, epochs: int) -> None:
    one = sit()
    search(one)
    for _ in range(before):
        one.finish(one.next())
    begun = one.next()
    for epoch in range(1, epochs + 1):  # told to the study alone: killed before anything followed
        one.study.report(begun.trial, epoch, {"val_accuracy": 0.5}, "me", "atlas")
    two = sit()
    assert not two.driver.finished
    first = two.driver.next()
    if epochs < 3:
        assert first is not None
        assert (first.trial, first.after) == (begun.trial, epochs)
        assert first.config["seed"] == begun.config["seed"]
    else:
        assert two.record(begun.trial).state is State.COMPLETE
    while first is not None:
        two.finish(first)
        first = two.driver.next()
    assert derived(two) == [(c, s) for s in seeds() for c in ("0002", "0001")]
    assert {t.state for t in two.study.trials} == {State.COMPLETE}


def test_more_trials_change_who_is_run_again_and_keep_what_was(sit: Sit) -> None:
    one = sit(budget=limited(trials=3))
    search(one, 3)
    while (assignment := one.driver.next()) is not None:
        one.finish(assignment)
    assert {c for c, _ in derived(one)} == {"0002", "0001"}
    two = sit(budget=limited(trials=4))
    assert not two.driver.finished
    last = two.next()
    assert last.config["optimizer"]["lr"] == 0.4
    two.finish(last, 0.8)
    while (assignment := two.driver.next()) is not None:
        two.finish(assignment)
    assert derived(two)[4:] == [(last.trial, seed) for seed in seeds()]


def test_time_spent_on_them_is_not_the_searchs(sit: Sit, clock: Clock) -> None:
    one = sit(budget=limited(hours=1))
    for score in (0.5, 0.6):
        one.finish(one.next(), score)
    clock.now += 3600
    begun = one.next()
    assert one.record(begun.trial).source is not None
    clock.now += 3000
    one.epoch(begun.trial, 1)
    two = sit(budget=limited(hours=1))
    assert two.next().trial == begun.trial
    clock.now += 600
    two.finish(begun)
    two.driver.close()
    assert (two.study.wall_s, two.study.repeats_s) == (7200, 3600)
    three = sit(budget=limited(hours=1.5))
    assert three.driver.ledger.extension == ()
    assert three.record(three.next().trial).source is None, "half an hour is left to the search"
    clock.now += 1800
    assert three.driver.ledger.extension == ("budget.hours=+1",)


def test_a_target_that_only_a_repeat_reaches_is_not_reached(sit: Sit) -> None:
    one = sit(budget=limited(target=0.95, trials=2))
    search(one, 2)
    while (assignment := one.driver.next()) is not None:
        one.finish(assignment, 0.99)
    assert one.driver.ledger.extension == ("budget.trials=+20",)
    two = sit(budget=limited(target=0.95, trials=3))
    assert two.record(two.next().trial).source is None


def test_the_view_knows_how_many_there_will_be(sit: Sit) -> None:
    one = sit()
    search(one, 4)
    one.finish(one.next())
    status = one.driver._observer._status  # type: ignore[attr-defined]
    assert (len(status.ended), status.overview.trials) == (5, 8)
    assert status.best is not None
    assert status.best.trial.id == "0002"
    one.driver.failed(one.next().trial, State.FAILED, "out of memory")
    assert (len(status.ended), status.overview.trials) == (6, 8)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("repeats=2", "optimizer.lr=0.1", "seed=1,2"), "the seed is swept too"),
        (("repeats.top=2", "optimizer.lr=0.1", "seed=1,2"), "the seed is swept too"),
        (("repeats=0",), r"repeats\.runs must be a whole number of 1 or more, not 0"),
        (("repeats.seeds=1",), r"repeats\.seeds must be a whole number of 2 or more, not 1"),
        (("repeats.top=2", "repeats=3"), r"write repeats\.runs=3"),
        (("repeats=1,2",), "the same for all trials of a sweep"),
        (("repeats.top=1,2",), "the same for all trials of a sweep"),
    ],
)
def test_what_makes_no_sense_is_refused(words: tuple[str, ...], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        swept.__wrapped__(*words)
