"""Keep a study in PostgreSQL, on one connection that holds its lock and makes all writes.

The lock is a session's advisory lock. It is on the connection that writes, not beside it, so that
whoever has lost the lock cannot write either: a connection that breaks takes both with it, and
the next one takes the lock before anything else, or is refused. PostgreSQL lets go of it when the
connection ends, some 30 s later where a machine is gone (see `_SESSION`). A connection pooler in
between has to pool sessions, not transactions.

The statements of its own take the place of Optuna's where those are slow. Opening 10,000 trials of
10 epochs takes 3.7 s (3.5-4.4) and would take 24.9 s (22.8-29.8); an epoch's two writes take 4.6 ms
and would take 9.8 ms (medians of 3 and 60, PostgreSQL on the same 2 cores of an AMD EPYC).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
import time
import weakref
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any

import psycopg
import sqlalchemy
from optuna.storages import RDBStorage
from optuna.storages._rdb import models
from optuna.storages._rdb.storage import _create_scoped_session
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial
from sqlalchemy import orm
from sqlalchemy.dialects import postgresql

from sweeps.study.lock import OWNER, Owner, Taken
from sweeps.study.postgres_rows import Session, intermediate, rows_of, trials_of
from sweeps.study.url import Database
from trainers.errors import ConfigError

#: Seconds to connect, and seconds without a sign of life after which the machine is gone.
_CONNECT_S = 5
_GONE_S = 15
#: A driver that was killed a moment ago may still be on the server's list.
_LETTING_GO_S = 2.0

_URL = "postgresql+psycopg://"  # which driver; where to, `connect` knows

#: For our connection, at the server's end: how soon it notices that we are gone.
_SESSION = (
    "SET tcp_keepalives_idle = 10",
    "SET tcp_keepalives_interval = 5",
    "SET tcp_keepalives_count = 4",
)
_OWNER = (
    "SELECT a.value_json FROM studies s JOIN study_user_attributes a USING (study_id) "
    "WHERE s.study_name = %s AND a.key = %s"
)
_SET = (
    "INSERT INTO study_user_attributes (study_id, key, value_json) "
    "SELECT study_id, %s, %s FROM studies WHERE study_name = %s "
    "ON CONFLICT (study_id, key) DO UPDATE SET value_json = EXCLUDED.value_json"
)


def connect(database: Database) -> psycopg.Connection[Any]:
    """Connect to a database.

    Raises:
        psycopg.Error: there is no such server, user, password or database.
    """
    given: dict[str, Any] = {"password": database.password} if database.password else {}
    return psycopg.connect(
        database.url,
        **given,
        connect_timeout=_CONNECT_S,
        keepalives_idle=5,
        keepalives_interval=5,
        keepalives_count=2,
        tcp_user_timeout=_GONE_S * 1000,
        application_name="caviar",
    )


def names_in(database: Database) -> list[str]:
    """List the names of the studies in a database.

    Raises:
        psycopg.Error: it cannot be reached or read.
    """
    connection = connect(database)
    try:
        if (connection.execute("SELECT to_regclass('studies')").fetchone() or [None])[0] is None:
            return []
        return [row[0] for row in connection.execute("SELECT study_name FROM studies")]
    finally:
        connection.close()


@contextlib.contextmanager
def unlocked(database: Database) -> Iterator[RDBStorage]:
    """Open the studies of a database as Optuna does, without a lock; the password is in no URL.

    Raises:
        sqlalchemy.exc.SQLAlchemyError, optuna.exceptions.StorageInternalError: it cannot be used.
    """
    made: weakref.WeakSet[psycopg.Connection[Any]] = weakref.WeakSet()

    def creator() -> psycopg.Connection[Any]:
        connection = connect(database)
        made.add(connection)
        return connection

    try:
        yield RDBStorage(_URL, {"creator": creator})
    finally:  # all that the pool keeps, or a storage that could not be opened has left
        for connection in made:
            connection.close()


def set_attribute(database: Database, name: str, key: str, value: Any) -> bool:
    """Set an attribute of a study, without its lock; False if there is no such study.

    Raises:
        psycopg.Error: it cannot be reached or written.
    """
    with connect(database) as connection:
        made = "SELECT to_regclass('studies')"
        if (connection.execute(made).fetchone() or [None])[0] is None:
            return False
        done = connection.execute(_SET, [key, json.dumps(value), name])
        return done.rowcount == 1


def _prepare(database: Database) -> None:
    """Make Optuna's tables if there are none; for that Optuna takes two connections."""
    connection = connect(database)
    try:
        connection.autocommit = True
        made = "SELECT to_regclass('alembic_version')"
        if (connection.execute(made).fetchone() or [None])[0] is None:
            connection.execute("SELECT pg_advisory_lock(%s)", [_key("tables")])  # one at a time
            with unlocked(database):
                pass
    finally:
        connection.close()


def _key(name: str) -> int:
    """Return the number of a lock."""
    digest = hashlib.sha256(f"caviar/{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


class Postgres(RDBStorage):
    """Keeps studies on one connection that holds a lock, and reads all trials at once."""

    def __init__(self, database: Database, name: str, me: Owner) -> None:
        """Connect and take the lock of the study of this name. Makes Optuna's tables.

        Raises:
            Taken: another driver has it.
            ConfigError: the tables are of another version of Optuna.
            psycopg.Error, optuna.exceptions.StorageInternalError: it cannot be reached or used.
        """
        self._database = database
        self._name = name
        self._me = me
        self._opened = self._closed = False
        self._closing = threading.Lock()
        _prepare(database)
        self._connection = self._connect()  # here, its errors are plain
        first = [self._connection]
        try:
            self._open(first)
        except BaseException:
            self._connection.close()
            raise
        self._opened = True

    def _open(self, first: list[psycopg.Connection[Any]]) -> None:
        super().__init__(
            _URL,
            {
                "creator": lambda: first.pop() if first else self._connect(),
                "pool_size": 1,
                "max_overflow": 0,
                "pool_timeout": _GONE_S,
            },
            skip_compatibility_check=True,  # which would take a second connection
        )
        self.scoped_session = orm.scoped_session(orm.sessionmaker(bind=self.engine, class_=Session))
        versions = self._version_manager
        if versions.get_current_version() != versions.get_head_version():
            raise ConfigError(
                f"study={self._database}: its tables are of another version of Optuna: optuna "
                "storage upgrade --storage=… brings them up to date"
            )

    def _connect(self) -> psycopg.Connection[Any]:
        connection = connect(self._database)
        try:
            with connection.transaction():
                for setting in _SESSION:
                    connection.execute(setting)
            self._take(connection)
            with self._closing:
                if self._closed:  # by now: the thread that writes may have waited for this
                    raise psycopg.OperationalError("the study is closed")
                self._connection = connection
        except BaseException:
            connection.close()
            raise
        return connection

    def _take(self, connection: psycopg.Connection[Any]) -> None:
        """Take the lock, unless it is another's, or was while we were not connected."""
        deadline = time.monotonic() + _LETTING_GO_S
        while not (locked := self._locked(connection)) and time.monotonic() < deadline:
            time.sleep(0.1)
        owner = self._owner(connection)
        if self._opened and owner != self._me:
            raise Taken(owner)
        if not locked and self._opened:
            raise psycopg.OperationalError("the server still holds our earlier connection")
        if not locked:
            raise Taken(owner)

    def _locked(self, connection: psycopg.Connection[Any]) -> bool:
        with connection.transaction():
            row = connection.execute(
                "SELECT pg_try_advisory_lock(%s)", [_key(f"studies/{self._name}")]
            )
            return bool((row.fetchone() or [False])[0])

    def _owner(self, connection: psycopg.Connection[Any]) -> Owner | None:
        try:
            with connection.transaction():
                row = connection.execute(_OWNER, [self._name, OWNER]).fetchone()
        except psycopg.errors.UndefinedTable:
            return None
        return None if row is None else Owner.read(json.loads(row[0]))

    def close(self) -> None:
        """Release the lock, for good."""
        with self._closing:
            self._closed = True
        self.scoped_session.remove()
        self.engine.dispose()
        self._connection.close()  # the pool keeps one that is in use

    def ping(self) -> None:
        """Check that the database answers; take the lock again if the connection was lost.

        Raises:
            Taken: another driver has it.
            sqlalchemy.exc.SQLAlchemyError: it cannot be reached.
        """
        with self.engine.connect() as connection:
            connection.execute(sqlalchemy.text("SELECT 1"))

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Make one transaction of what is written within, by a single thread."""
        session = self.scoped_session()
        assert isinstance(session, Session)
        session.held = True
        try:
            yield
            session.held = False
            session.commit()
        except BaseException:
            session.held = False
            session.rollback()
            raise
        finally:
            session.close()

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        """Create a trial and return its id. Optuna's own tries again, and may make two."""
        (made,) = self.add_trials(
            study_id, [template_trial or create_trial(state=TrialState.RUNNING)]
        )
        return made

    def add_trials(self, study_id: int, trials: Sequence[FrozenTrial]) -> list[int]:
        """Add trials, in a statement for each table; returns their ids."""
        with _create_scoped_session(self.scoped_session) as session:
            of_study = models.TrialModel.study_id == study_id
            count = sqlalchemy.select(sqlalchemy.func.count()).where(of_study)
            first: int = session.scalar(count) or 0
            new = [
                models.TrialModel(
                    study_id=study_id,
                    number=number,
                    state=trial.state,
                    datetime_start=trial.datetime_start,
                    datetime_complete=trial.datetime_complete,
                )
                for number, trial in enumerate(trials, first)
            ]
            session.add_all(new)
            session.flush()
            ids: list[Any] = [trial.trial_id for trial in new]
            rows: dict[Any, list[dict[str, Any]]] = {}
            for trial_id, trial in zip(ids, trials, strict=True):
                for model, row in rows_of(trial):
                    rows.setdefault(model, []).append({"trial_id": trial_id, **row})
            for model, of_model in rows.items():
                session.execute(sqlalchemy.insert(model), of_model)
        return ids

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Record it in one statement."""
        row = {"trial_id": trial_id, "key": key, "value_json": json.dumps(value)}
        self._put(models.TrialUserAttributeModel, ("trial_id", "key"), row)

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Record it in one statement."""
        row = {"trial_id": trial_id, "key": key, "value_json": json.dumps(value)}
        self._put(models.TrialSystemAttributeModel, ("trial_id", "key"), row)

    def set_trial_intermediate_value(
        self, trial_id: int, step: int, intermediate_value: float
    ) -> None:
        """Record it in one statement."""
        row = {"trial_id": trial_id, **intermediate(step, intermediate_value)}
        self._put(models.TrialIntermediateValueModel, ("trial_id", "step"), row)

    def _put(self, model: Any, keys: Sequence[str], row: Mapping[str, Any]) -> None:
        """Write a row in the place of one with the same keys. Optuna's own looks for it first."""
        insert = postgresql.insert(model).values(**row)
        changed = {column: value for column, value in row.items() if column not in keys}
        with _create_scoped_session(self.scoped_session) as session:
            session.execute(insert.on_conflict_do_update(index_elements=keys, set_=changed))

    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        """Read all trials of a study, each table once."""
        del deepcopy  # nobody else holds what is made here
        with orm.Session(self.engine) as session:
            trials = trials_of(session, study_id)
        return [t for t in trials if states is None or t.state in states]


def read_study(
    database: Database, name: str
) -> tuple[StudyDirection, dict[str, Any], list[FrozenTrial]]:
    """Read a study as it stands, in one transaction and without its lock.

    Returns:
        The direction of the first objective, the study's attributes, and its trials.

    Raises:
        KeyError: there is no study of this name.
        psycopg.Error, sqlalchemy.exc.SQLAlchemyError: it cannot be reached or read.
    """
    first = [_snapshot(database)]  # here, its errors are plain
    engine = sqlalchemy.create_engine(
        _URL, creator=lambda: first.pop() if first else _snapshot(database)
    )
    try:
        with orm.Session(engine) as session:
            study: Any = session.scalar(
                sqlalchemy.select(models.StudyModel).where(models.StudyModel.study_name == name)
            )
            if study is None:
                raise KeyError(name)
            directions: Any = models.StudyDirectionModel.where_study_id(study.study_id, session)
            rows: Any = models.StudyUserAttributeModel.where_study_id(study.study_id, session)
            return (
                min(directions, key=lambda row: row.objective).direction,
                {row.key: json.loads(row.value_json) for row in rows},
                trials_of(session, study.study_id),
            )
    finally:
        engine.dispose()


def _snapshot(database: Database) -> psycopg.Connection[Any]:
    """Connect for reading alone. All that a transaction reads is of one moment.

    Raises:
        KeyError: there are no studies at all.
    """
    connection = connect(database)
    try:
        if (connection.execute("SELECT to_regclass('studies')").fetchone() or [None])[0] is None:
            raise KeyError("studies")
        connection.rollback()
        connection.read_only = True
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    except BaseException:
        connection.close()
        raise
    return connection
