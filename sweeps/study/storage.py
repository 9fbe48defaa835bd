"""Open the storage of a study: a sweep's own journal file, or one that several sweeps share.

Whoever writes holds the study, one driver at a time; whoever reads a journal holds nothing.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage, JournalStorage

from sweeps.formatting import command
from sweeps.study.journal_repair import DAMAGE, first_damage
from sweeps.study.journal_storage import JournalFile, QuickJournal, unrenewed
from sweeps.study.lock import Owner, Taken, hold
from sweeps.study.url import Database, Journal, described
from trainers.errors import ConfigError

if TYPE_CHECKING:
    from sweeps.study.postgres_storage import Postgres

#: Where a study is: a journal of the sweep's own, or what several sweeps share.
Location = Union[Path, Journal, Database]  # noqa: UP007  isinstance and | at run time on 3.10

#: A storage of Optuna's that can also `close`, `ping` and write several things `together`.
Storage = Union[QuickJournal, "Postgres"]


def held(location: Location, name: str, me: Owner) -> Storage:
    """Open a storage for writing: until it closes no other driver can open this study.

    Raises:
        ConfigError: the storage cannot be reached or read, or another driver has the study.
    """
    if isinstance(location, Database):
        return _database(location, name, me)
    path = journal_path(location)
    try:
        descriptor = _lock(location, name, me)
        try:
            return _journal(path, descriptor, alone=isinstance(location, Path))
        except BaseException:
            os.close(descriptor)
            raise
    except OSError as error:
        raise ConfigError(_unwritable(path, error)) from None


@contextmanager
def alone(location: Location, name: str) -> Iterator[None]:
    """Keep drivers away from a study within, without opening it.

    Where its folder cannot be written, nobody is kept away: no driver could begin there.

    Raises:
        ConfigError: a driver has the study.
    """
    me = Owner.me()
    if isinstance(location, Database):
        storage = _database(location, name, me)
        try:
            yield
        finally:
            storage.close()
        return
    descriptor: int | None = None
    with suppress(OSError):
        descriptor = _lock(location, name, me)
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def reach(location: Journal | Database, name: str) -> None:
    """Check that a new study can be kept in a shared storage, before anything else is started.

    Raises:
        ConfigError: the storage cannot be reached, read or written, or has a study of this name.
    """
    if isinstance(location, Journal):
        names = _names(location.path)
    else:
        require_driver()
        import psycopg

        from sweeps.study.postgres_storage import names_in

        try:
            names = names_in(location)
        except psycopg.Error as error:
            raise ConfigError(unreachable(location, error)) from None
    refuse(location, name, True, names)


def refuse(location: Location, name: str, new: bool, names: Collection[str]) -> None:
    """Refuse a name that a new study cannot have, or that no study has.

    Args:
        names: of the studies in the storage.

    Raises:
        ConfigError: the name is refused.
    """
    if new and name in names:
        raise ConfigError(
            f"{location} has a study {name} already: name this one otherwise (name={name}-2), or "
            f"go on with that one where its results are (make resume SWEEP={name})"
        )
    if not new and not isinstance(location, Path) and name not in names:
        raise ConfigError(
            f"{location} has no study {name}: say with study=… where it is, or delete the "
            "sweep's folder and begin anew"
        )


def journal_path(location: Path | Journal) -> Path:
    """Return the path of a journal, a sweep's own or a shared one."""
    return location.path if isinstance(location, Journal) else location


def _lock(location: Path | Journal, name: str, me: Owner) -> int:
    """Hold the lock of a study in a journal; returns a descriptor, to be closed to let go."""
    own = isinstance(location, Path)
    path = journal_path(location)
    lock = Path(f"{path}.driver" if own else f"{path}.{name}.driver")
    return hold(lock, str(path.parent) if own else f"the study {name} in {path}", me)


def _names(path: Path) -> list[str]:
    """List the studies in a journal that can be written; none if it has yet to be made."""
    there = path.exists()
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o666))
        if there:
            studies = read_only(path).get_all_studies()
            return [study.study_name for study in studies]
        path.unlink()
        return []
    except OSError as error:
        raise ConfigError(_unwritable(path, error)) from None


def _unwritable(path: Path, error: OSError) -> str:
    return f"the study cannot be kept in {path} ({described(error)}): name another place, study=…"


def _database(database: Database, name: str, me: Owner) -> Postgres:
    require_driver()
    import psycopg
    from sqlalchemy.exc import SQLAlchemyError

    from sweeps.study.postgres_storage import Postgres

    try:
        return Postgres(database, name, me)
    except Taken as taken:
        raise ConfigError(
            f"the study {name} in {database} is in use by {taken}: stop it first, or wait for its "
            "end (half a minute, if that machine is gone)"
        ) from None
    except (psycopg.Error, SQLAlchemyError, StorageInternalError) as error:
        raise ConfigError(unreachable(database, error)) from None


def require_driver() -> None:
    """Check that the driver of PostgreSQL is installed.

    Raises:
        ConfigError: it is not.
    """
    try:
        import psycopg  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            f"study=postgresql://… needs psycopg ({error}): pip install 'psycopg[binary]'"
        ) from None


def unreachable(database: Database, error: BaseException) -> str:
    """Explain why a database cannot be used, and what to do."""
    text = described(error)
    hint = "check host, port and network"
    if "password" in text or "authentication" in text:
        hint = "give the right one in PGPASSWORD, ~/.pgpass, or user:password@host"
    elif "does not exist" in text:
        hint = "create it, or name one that exists"
    elif "permission denied" in text:
        hint = "let this user create tables there"
    return f"study={database} cannot be used ({text}): {hint}"


def read_only(path: Path) -> QuickJournal:
    """Open a journal as it stands now, to be read: whoever writes it is not disturbed.

    Raises:
        ConfigError: the file is no journal, or is damaged.
        OSError: the file cannot be read.
    """
    return _read(path, -1)


@contextmanager
def uncollected() -> Iterator[None]:
    """Turn garbage collection off within: a fourth of the time of reading a million objects."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


@contextmanager
def for_tools(location: Location) -> Iterator[BaseStorage]:
    """Open a storage for Optuna's own tools within, as they keep it; nothing is locked.

    A journal of ours is replayed by Optuna, which copies what it changes: several threads may read.

    Raises:
        ConfigError: the database cannot be reached.
    """
    if not isinstance(location, Database):
        yield JournalStorage(JournalFile(journal_path(location)))
        return
    require_driver()
    from sqlalchemy.exc import SQLAlchemyError

    from sweeps.study.postgres_storage import unlocked

    with ExitStack() as stack:
        try:
            storage = stack.enter_context(unlocked(location))
        except (SQLAlchemyError, StorageInternalError) as error:
            raise ConfigError(unreachable(location, error)) from None
        yield storage


def annotate(location: Location, name: str, key: str, value: Any) -> None:
    """Add an attribute to a study that another process may have open: its driver goes on.

    Args:
        name: of the study; that of a journal of the sweep's own does not matter.
        key: one that no driver writes.

    Raises:
        ConfigError: the storage cannot be reached, read or written, or has no such study.
    """
    if isinstance(location, Database):
        require_driver()
        import psycopg

        from sweeps.study.postgres_storage import set_attribute

        try:
            found = set_attribute(location, name, key, value)
        except psycopg.Error as error:
            raise ConfigError(unreachable(location, error)) from None
    else:
        found = _annotate_journal(location, name, key, value)
    if not found:
        raise ConfigError(f"{location} has no study {name} yet: let the sweep run first")


def _annotate_journal(location: Path | Journal, name: str, key: str, value: Any) -> bool:
    path = journal_path(location)
    try:
        journal = read_only(path)
        own = isinstance(location, Path)
        studies = [s for s in journal.get_all_studies() if own or s.study_name == name]
        if studies:
            with unrenewed(path):
                journal.set_study_user_attr(studies[0]._study_id, key, value)
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written ({described(error)}): let somebody write who may"
        ) from None
    return bool(studies)


def _journal(path: Path, lock: int, alone: bool) -> QuickJournal:
    """Open a journal for writing, mended where a killed process left it.

    Args:
        lock: the descriptor of the lock, to be closed with the journal.
        alone: no other driver writes to the file, so that a lock on it is a dead process's.
    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o666))
    with unrenewed(path):
        if alone:
            Path(f"{path}.lock").unlink(missing_ok=True)
        JournalFile(path).mend()
    return _read(path, lock)


def _read(path: Path, lock: int) -> QuickJournal:
    try:
        return QuickJournal(JournalFile(path), lock)
    except DAMAGE:
        found = first_damage(path)
        if found is None or found[0] == 1:
            raise ConfigError(f"{path} is no study: name another file") from None
        line, why = found
        sweep, results = path.parent.name, path.parent.parent
        how = command("repair", sweep, results) if path.name == "study.log" else "make repair"
        raise ConfigError(
            f"{path} is damaged in line {line:,} ({why}): {how} keeps all that can be read, and "
            "the damaged file beside it"
        ) from None
