"""Where a study is kept, held by one driver at a time: its own journal, or a storage shared."""

from __future__ import annotations

import gc
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Union

from optuna.exceptions import StorageInternalError

from sweeps.study.journal_storage import JournalFile, QuickJournal
from sweeps.study.lock import Owner, Taken, hold
from sweeps.study.url import Database, Journal, told
from trainers.errors import ConfigError

if TYPE_CHECKING:
    from sweeps.study.postgres_storage import Postgres

#: A journal of a sweep's own, or what several sweeps share.
Place = Union[Path, Journal, Database]  # noqa: UP007  isinstance and | at run time on 3.10

#: A storage of Optuna's that also can `close`, `ping` and write several things `together`.
Storage = Union[QuickJournal, "Postgres"]


def opened(place: Place, name: str, me: Owner) -> Storage:
    """The storage, held for this driver: nobody else can open the study of this name there.

    Raises:
        ConfigError: it cannot be reached or read, or another driver has the study.
    """
    if isinstance(place, Database):
        return _database(place, name, me)
    path = place.path if isinstance(place, Journal) else place
    lock = Path(f"{path}.{name}.driver" if isinstance(place, Journal) else f"{path}.driver")
    what = f"the study {name} in {path}" if isinstance(place, Journal) else str(path.parent)
    try:
        held = hold(lock, what, me)
        try:
            return _journal(path, held, alone=isinstance(place, Path))
        except BaseException:
            os.close(held)
            raise
    except OSError as error:
        raise ConfigError(_unwritable(path, error)) from None


def reach(place: Journal | Database, name: str) -> None:
    """See whether a new study can be kept there, before anything else is started.

    Raises:
        ConfigError: it cannot be reached, read or written, or has a study of this name.
    """
    if isinstance(place, Journal):
        names = _names(place.path)
    else:
        _driver_there()
        import psycopg

        from sweeps.study.postgres_storage import names_in

        try:
            names = names_in(place)
        except psycopg.Error as error:
            raise ConfigError(_unreachable(place, error)) from None
    refuse(place, name, True, names)


def refuse(place: Place, name: str, new: bool, names: Collection[str]) -> None:
    """Raise ConfigError if the storage has the study against `new`."""
    if new and name in names:
        raise ConfigError(
            f"{place} has a study {name} already: name this one otherwise (name={name}-2), or "
            f"go on with that one where its results are (make resume SWEEP={name})"
        )
    if not new and not isinstance(place, Path) and name not in names:
        raise ConfigError(
            f"{place} has no study {name}: say with study=… where it is, or delete the "
            "sweep's folder and begin anew"
        )


def _names(path: Path) -> list[str]:
    """The studies in a journal that can be written; none if it has yet to be made."""
    there = path.exists()
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o666))
        if there:
            studies = _read(path, -1).get_all_studies()
            return [study.study_name for study in studies]
        path.unlink()
        return []
    except OSError as error:
        raise ConfigError(_unwritable(path, error)) from None


def _unwritable(path: Path, error: OSError) -> str:
    return f"the study cannot be kept in {path} ({told(error)}): name another place, study=…"


def _database(place: Database, name: str, me: Owner) -> Postgres:
    _driver_there()
    import psycopg
    from sqlalchemy.exc import SQLAlchemyError

    from sweeps.study.postgres_storage import Postgres

    try:
        return Postgres(place, name, me)
    except Taken as taken:
        raise ConfigError(
            f"the study {name} in {place} is in use by {taken}: stop it first, or wait for its "
            "end (half a minute, if that machine is gone)"
        ) from None
    except (psycopg.Error, SQLAlchemyError, StorageInternalError) as error:
        raise ConfigError(_unreachable(place, error)) from None


def _driver_there() -> None:
    try:
        import psycopg  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            f"study=postgresql://… needs psycopg ({error}): pip install 'psycopg[binary]'"
        ) from None


def _unreachable(place: Database, error: BaseException) -> str:
    text = told(error)
    hint = "check host, port and network"
    if "password" in text or "authentication" in text:
        hint = "give the right one in PGPASSWORD, ~/.pgpass, or user:password@host"
    elif "does not exist" in text:
        hint = "create it, or name one that exists"
    elif "permission denied" in text:
        hint = "let this user create tables there"
    return f"study={place} cannot be used ({text}): {hint}"


def look(path: Path) -> QuickJournal:
    """The journal as it stands now, to be read only: whoever writes it is not disturbed."""
    return _read(path, -1)


@contextmanager
def looking(place: Place, name: str) -> Iterator[Storage]:
    """The storage, to read the study of this name: a journal as `look` does, a database held.

    Raises:
        ConfigError: it cannot be reached or read, or a driver has the study in a database.
    """
    if not isinstance(place, Database):
        yield look(place.path if isinstance(place, Journal) else place)
        return
    storage = opened(place, name, Owner.me())
    try:
        yield storage
    finally:
        storage.close()


@contextmanager
def uncollected() -> Iterator[None]:
    """Without looking for garbage: a fourth of the time of reading a million objects, all kept."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def _journal(path: Path, held: int, alone: bool) -> QuickJournal:
    """The journal, mended where a killed process left it.

    Args:
        held: the descriptor to be closed with it.
        alone: nobody else writes to the file, so that a lock on it is one of the dead.
    """
    if alone:
        Path(f"{path}.lock").unlink(missing_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o666))
    JournalFile(path).mend()
    return _read(path, held)


def _read(path: Path, held: int) -> QuickJournal:
    try:
        return QuickJournal(JournalFile(path), held)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ConfigError(f"{path} is no study, or is damaged: name another file") from None
