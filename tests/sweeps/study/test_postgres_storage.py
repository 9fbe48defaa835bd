"""A study in a real PostgreSQL: one driver, outages, a connection that breaks, quick reading."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from datetime import datetime
from itertools import count
from typing import Any

import optuna
import psycopg
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial
from sqlalchemy import orm
from sqlalchemy.exc import OperationalError

from sweeps.bench.postgres_server import PASSWORD, Server, binaries, server
from sweeps.study import outbox, postgres_storage
from sweeps.study.lock import OWNER, Owner
from sweeps.study.open import open_study
from sweeps.study.postgres_storage import Postgres
from sweeps.study.reader import read
from sweeps.study.storage import annotate, for_tools, reach
from sweeps.study.study import Study
from sweeps.study.url import Database, shared
from sweeps.trials import Objective, Source, State
from tests.sweeps.study.test_study import ACCURACY, RANDOM, SPACE, metrics, scripted
from tests.sweeps.waiting import until
from trainers.errors import ConfigError

pytestmark = [
    pytest.mark.machines,
    pytest.mark.skipif(binaries() is None, reason="PostgreSQL is not installed here"),
]

_NAMES = (f"study-{number}" for number in count())


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with server() as made:
        yield made


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_storage, "_LETTING_GO_S", 0.2)
    monkeypatch.setattr(outbox, "RETRY_S", 0.02)


@pytest.fixture(autouse=True)
def _closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No connection stays open: it would be found at some time, in whatever test runs then."""
    made: list[psycopg.Connection[Any]] = []
    whole = psycopg.connect

    def noted(*words: Any, **options: Any) -> psycopg.Connection[Any]:
        made.append(whole(*words, **options))
        return made[-1]

    monkeypatch.setattr(psycopg, "connect", noted)
    yield
    assert [connection for connection in made if not connection.closed] == []


@pytest.fixture
def database(running: Server) -> Database:
    found = shared(running.url)
    assert isinstance(found, Database)
    return found


@pytest.fixture
def name() -> str:
    return next(_NAMES)


def opened(database: Database, name: str, create: bool = False) -> Study:
    return open_study(database, ACCURACY, SPACE, name, create)


def as_optuna_sees_it(running: Server, name: str) -> list[FrozenTrial]:
    storage = RDBStorage(running.url.replace("postgresql:", "postgresql+psycopg:"))
    trials = optuna.load_study(study_name=name, storage=storage).trials
    storage.remove_session()
    storage.engine.dispose()
    return trials


def test_what_is_written_is_read_again_by_us_and_by_optuna(
    running: Server, database: Database, name: str
) -> None:
    study = opened(database, name, create=True)
    scripted(study)
    study.report(study.trials[-1].id, 1, metrics(float("nan")), "me", "atlas")
    study.spend(12.5)
    expected, uid = study.trials, study.uid
    study.close()
    again = opened(database, name)
    assert repr(again.trials) == repr(expected), "nan is not equal to itself"
    assert (again.uid, again.wall_s) == (uid, 12.5)
    again.close()
    seen = as_optuna_sees_it(running, name)
    assert [SPACE.values(t.params) for t in seen] == [t.params for t in expected]
    assert seen[1].intermediate_values == {1: 0.9, 2: 0.6}
    assert seen[1].value == 0.9


def test_all_trials_are_read_as_optuna_reads_them(
    running: Server, database: Database, name: str
) -> None:
    study = opened(database, name, create=True)
    scripted(study)
    first = study.trials[0]
    study.derive(first.params, Source(first.id, epoch=1, seed=3))
    study.close()
    assert_read_as_optuna_reads(database, name)


def test_so_are_trials_of_several_objectives(database: Database, name: str) -> None:
    study = open_study(database, ACCURACY, SPACE, name, True, (Objective("epoch_s", False),))
    scripted(study)
    study.close()
    (scored, *_) = assert_read_as_optuna_reads(database, name)
    assert len(scored.values) == 2


def assert_read_as_optuna_reads(database: Database, name: str) -> list[FrozenTrial]:
    storage = Postgres(database, name, Owner.me())
    number = storage.get_study_id_from_name(name)
    quick = storage.get_all_trials(number)
    optunas = RDBStorage.get_all_trials(storage, number)
    storage.close()
    assert quick == optunas
    assert [t._trial_id for t in quick] == [t._trial_id for t in optunas]
    return [t for t in quick if t.state.is_finished() and t.values]


def test_a_reader_needs_no_lock_and_makes_nothing(
    running: Server, database: Database, name: str
) -> None:
    with pytest.raises(ConfigError, match=f"has no study {name} yet: let the sweep run first"):
        read(database, name, SPACE.values)
    study = opened(database, name, create=True)
    scripted(study)
    study.spend(12.5)
    record = read(database, name, SPACE.values)  # while its driver has it
    assert list(record.trials) == study.trials
    assert (record.objective, record.wall_s) == (ACCURACY, 12.5)
    study.propose(RANDOM)
    study.close()
    assert len(read(database, name, SPACE.values).trials) == len(record.trials) + 1


def test_a_second_driver_is_told_who_has_it(database: Database, name: str) -> None:
    study = opened(database, name, create=True)
    with pytest.raises(ConfigError, match=f"in use by process {os.getpid()} on "):
        opened(database, name)
    other = opened(database, f"{name}-other", create=True)  # another study is free
    other.close()
    study.close()
    opened(database, name).close()


def test_the_lock_of_a_connection_that_breaks_is_taken_again(
    running: Server, database: Database, name: str
) -> None:
    study = opened(database, name, create=True)
    study.propose(RANDOM)
    _break_connections(running)
    study.propose(RANDOM)
    until(lambda: study.waiting == 0)
    with pytest.raises(ConfigError, match="in use by process"):
        opened(database, name)
    told = study.notes()
    expected = study.trials
    study.close()
    assert "cannot be reached" in told[0]
    assert "can be reached again" in told[1]
    again = opened(database, name)
    assert again.trials == expected
    again.close()


@pytest.mark.parametrize("applied", [True, False])
def test_a_trial_whose_commit_is_unsure_is_there_once(
    applied: bool, database: Database, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = opened(database, name, create=True)
    study.propose(RANDOM)
    whole, left = orm.Session.commit, [1]

    def unsure(self: orm.Session) -> None:
        if left[0]:
            left[0] = 0
            if applied:
                whole(self)
            raise OperationalError("COMMIT", {}, Exception("the connection broke"))
        whole(self)

    monkeypatch.setattr(orm.Session, "commit", unsure)
    trial = study.propose(RANDOM)
    study.report(trial.id, 1, metrics(0.5), "me", "atlas")
    until(lambda: study.waiting == 0)
    assert left == [0]
    expected = study.trials
    study.close()
    again = opened(database, name)
    assert again.trials == expected
    again.close()


def test_it_writes_nothing_more_once_another_driver_has_had_the_study(
    running: Server, database: Database, name: str
) -> None:
    study = opened(database, name, create=True)
    trial = study.propose(RANDOM).id
    usurper = Owner("elsewhere", 77, "t")
    with psycopg.connect(running.url) as connection:
        connection.execute(
            "UPDATE study_user_attributes a SET value_json = %s FROM studies s "
            "WHERE s.study_id = a.study_id AND s.study_name = %s AND a.key = %s",
            [str(usurper.record).replace("'", '"'), name, OWNER],
        )
    _break_connections(running)
    study.report(trial, 1, metrics(0.5), "me", "atlas")
    until(lambda: bool(study.lost))
    assert study.lost == (
        "the study is in use by process 77 on elsewhere by now, which goes on with it"
    )
    study.end(trial, State.FAILED, "why")
    study.close()
    assert as_optuna_sees_it(running, name)[0].intermediate_values == {}


def test_an_outage_delays_and_loses_nothing(running: Server, database: Database, name: str) -> None:
    study = opened(database, name, create=True)
    scripted(study)
    running.stop()
    try:
        scripted(study)
        assert study.waiting > 0
        (told,) = study.notes()
        assert "the study cannot be reached: " in told
        assert PASSWORD not in told
    finally:
        running.start()
    scripted(study)
    until(lambda: study.waiting == 0)
    expected = study.trials
    study.close()
    again = opened(database, name)
    assert again.trials == expected
    assert again.count == 3 * (len(State) + 1)
    again.close()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ((PASSWORD, "wrong"), "password authentication failed.* give the right one in PGPASSWORD"),
        (("/postgres", "/nothing"), 'database "nothing" does not exist.*create it'),
        (("tester:", "nobody:"), "authentication failed for user"),
    ],
)
def test_one_that_cannot_be_used_is_refused(
    running: Server, change: tuple[str, str], told: str
) -> None:
    where = shared(running.url.replace(*change))
    assert where is not None
    for attempt in (
        lambda: reach(where, "s"),
        lambda: open_study(where, ACCURACY, SPACE, "s", create=True),
    ):
        with pytest.raises(ConfigError, match=told) as refusal:
            attempt()
        assert PASSWORD not in str(refusal.value)
        assert "wrong" not in str(refusal.value)
        assert "\n" not in str(refusal.value)


def test_a_name_that_is_taken_or_unknown_is_refused(database: Database, name: str) -> None:
    with pytest.raises(ConfigError, match=f"has no study {name}: say with study="):
        opened(database, name)
    opened(database, name, create=True).close()
    with pytest.raises(ConfigError, match=f"has a study {name} already"):
        opened(database, name, create=True)
    with pytest.raises(ConfigError, match=f"has a study {name} already"):
        reach(database, name)


def _break_connections(running: Server) -> None:
    with psycopg.connect(running.url) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'caviar'"
        )


def test_trials_are_added_as_optuna_adds_them(
    running: Server, database: Database, name: str
) -> None:
    """All at once and after others, with all that a trial may have."""
    begun = datetime(2026, 1, 1, 12)
    trials = [
        create_trial(
            state=TrialState.COMPLETE,
            values=[0.5, math.inf],
            params={"x": 0.25, "kind": "b"},
            distributions={
                "x": FloatDistribution(0.1, 1, log=True),
                "kind": CategoricalDistribution(("a", "b")),
            },
            user_attrs={"epoch:1": {"loss": math.nan, "lr": 0.1}},
            system_attrs={"fixed_params": {"x": 0.25}},
            intermediate_values={1: math.nan, 2: -math.inf, 10: 0.5},
        ),
        create_trial(state=TrialState.RUNNING),
        create_trial(state=TrialState.FAIL, user_attrs={"reason": "out of memory"}),
    ]
    for trial in trials:
        trial.datetime_start = begun
        trial.datetime_complete = begun if trial.state.is_finished() else None
    theirs = RDBStorage(running.url.replace("postgresql:", "postgresql+psycopg:"))
    ours = Postgres(database, name, Owner.me())
    found = []
    for storage, called in ((ours, name), (theirs, f"{name}-optuna")):
        both = [StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE]
        study = storage.create_new_study(both, called)
        ids = [storage.create_new_trial(study, trials[0])]
        if storage is ours:
            ids += ours.add_trials(study, trials)
            assert ours.add_trials(study, []) == []
        else:
            ids += [storage.create_new_trial(study, trial) for trial in trials]
        read = theirs.get_all_trials(study)
        assert [trial._trial_id for trial in read] == ids
        found.append([all_of(trial) for trial in read])
    ours.close()
    theirs.remove_session()
    theirs.engine.dispose()
    assert [told["_number"] for told in found[0]] == ["0", "1", "2", "3"]
    assert found[0] == found[1]


def all_of(trial: FrozenTrial) -> dict[str, str]:
    """Whatever it holds but its id, as text: a NaN does not equal itself."""
    ordered = {
        key: sorted(value.items()) if isinstance(value, dict) else value
        for key, value in vars(trial).items()
    }
    return {key: repr(value) for key, value in ordered.items() if key != "_trial_id"}


def test_what_is_set_again_is_replaced(database: Database, name: str) -> None:
    storage = Postgres(database, name, Owner.me())
    study = storage.create_new_study([StudyDirection.MAXIMIZE], name)
    trial = storage.create_new_trial(study)
    for value in (0.5, math.nan, 0.75):
        storage.set_trial_user_attr(trial, "passed", value)
        storage.set_trial_system_attr(trial, "epoch:3", {"loss": value})
        storage.set_trial_intermediate_value(trial, 3, value)
    (found,) = storage.get_all_trials(study)
    storage.close()
    assert found.user_attrs == {"passed": 0.75}
    assert found.system_attrs == {"epoch:3": {"loss": 0.75}}
    assert found.intermediate_values == {3: 0.75}


def test_a_study_that_is_discarded_leaves_its_name_free(database: Database, name: str) -> None:
    opened(database, name, create=True).discard()
    opened(database, name, create=True).close()


def test_a_remark_is_added_beside_the_driver_and_without_its_lock(
    database: Database, name: str
) -> None:
    study = opened(database, name, create=True)
    trial = study.propose(RANDOM)
    annotate(database, name, "remark:0000:a", {"text": "'; DROP TABLE studies; -- \x00 🐟"})
    annotate(database, name, "remark:0000:b", 1)
    annotate(database, name, "remark:0000:b", 2)
    study.report(trial.id, 1, metrics(0.5), "me", "atlas")
    assert not study.waiting
    study.close()
    kept = read(database, name, SPACE.values).attributes
    assert kept["remark:0000:a"] == {"text": "'; DROP TABLE studies; -- \x00 🐟"}
    assert kept["remark:0000:b"] == 2
    reopened = opened(database, name)
    assert reopened.trials == study.trials
    reopened.close()
    with pytest.raises(ConfigError, match=rf"has no study {name}-2 yet"):
        annotate(database, f"{name}-2", "remark:0000:a", 1)
    with pytest.raises(ConfigError, match="cannot be used"):
        annotate(Database("postgresql://127.0.0.1:9/x"), name, "remark:0000:a", 1)


def test_optunas_tools_read_it_while_its_driver_writes(database: Database, name: str) -> None:
    study = opened(database, name, create=True)
    with for_tools(database) as tool:
        trial = study.propose(RANDOM)
        study.report(trial.id, 1, metrics(0.5), "me", "atlas")
        (there,) = tool.get_all_trials(tool.get_study_id_from_name(name))
        assert there.intermediate_values == {1: 0.5}
        assert database.password not in str(getattr(tool, "url", "")) or not database.password
    study.close()
    with (
        pytest.raises(ConfigError, match="cannot be used"),
        for_tools(Database("postgresql://127.0.0.1:9/x")),
    ):
        pass


def test_a_storage_that_was_closed_while_it_connected_keeps_no_connection(
    database: Database, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the thread that writes may, which is not waited for without end."""
    me = Owner.me()
    storage = Postgres(database, name, me)
    study = storage.create_new_study([StudyDirection.MAXIMIZE], name)
    storage.set_study_user_attr(study, OWNER, me.record)
    storage.engine.dispose()  # as when it breaks: the next use connects anew
    whole, made = postgres_storage.connect, []

    def slow(where: Database) -> psycopg.Connection[Any]:
        made.append(whole(where))
        storage.close()
        return made[-1]

    monkeypatch.setattr(postgres_storage, "connect", slow)
    with pytest.raises(OperationalError, match="the study is closed"):
        storage.ping()
    assert [connection.closed for connection in made] == [True] * len(made)
    assert made
    monkeypatch.undo()
    Postgres(database, name, Owner.me()).close()  # nobody has its lock


def test_a_reading_that_fails_keeps_no_connection(
    database: Database, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, made = postgres_storage.connect, []

    def broken(where: Database) -> psycopg.Connection[Any]:
        made.append(whole(where))
        monkeypatch.setattr(made[-1], "execute", _refused)
        return made[-1]

    monkeypatch.setattr(postgres_storage, "connect", broken)
    with pytest.raises(ConfigError, match="cannot be used"):
        read(database, name, SPACE.values)
    assert [connection.closed for connection in made] == [True]


def _refused(statement: str) -> None:
    raise psycopg.OperationalError("the connection broke")
