"""Read `study=`, a storage that several sweeps share; its password is kept apart.

    postgresql://user@host:5432/database    a PostgreSQL database
    /shared/group.log                       a journal file in a folder that all machines share

A password may stand in the URL (user:password@host), in PGPASSWORD or in ~/.pgpass. The first is
taken off the command line before anyone else can read it there, so what is recorded, shown or
sent anywhere never has it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from sweeps.redaction import PASSWORD, redacted_text
from trainers.errors import ConfigError, first_line

_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")
_UNDERSTOOD = "postgresql://user@host/database, or the path of a journal file"
_SCHEME = re.compile(r"([\w+.-]+)://")
_SECRET = re.compile(r"(^|[?&])\w*password=", re.IGNORECASE)
_HOST = r"(?:\[[0-9a-fA-F:.]+\]|[\w.,-]*)(?::\d+)?"
_REST = re.compile(rf"{_HOST}/[^?/]+(?:\?.*)?")


@dataclass(frozen=True)
class Database:
    """Names a PostgreSQL database.

    Attributes:
        url: without a password; what may be shown and recorded.
        password: from the URL; empty: PGPASSWORD or ~/.pgpass have it, or none is needed.
    """

    url: str
    password: str = field(default="", repr=False)

    def __str__(self) -> str:
        return self.url


@dataclass(frozen=True)
class Journal:
    """Names a journal file that holds several studies."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)


def shared(study: str | None) -> Database | Journal | None:
    """Read `study=`; None: nothing is shared, the sweep keeps its own journal.

    Raises:
        ConfigError: neither a URL of PostgreSQL nor a path where a file can be.
    """
    if study is None:
        return None
    if not study.strip():
        raise ConfigError("study= is empty: study=null keeps it in the sweep's folder")
    if not (scheme := _SCHEME.match(study)):
        return Journal(_file(Path(study).expanduser()))
    if scheme[1] not in _SCHEMES:
        raise ConfigError(f"study={scheme[1]}://… is not understood: give {_UNDERSTOOD}")
    login, _, rest = study[scheme.end() :].rpartition("@")
    user, _, password = login.partition(":")
    if _SECRET.search(rest):
        raise ConfigError(
            "study=: a password among the URL's options would be recorded; give it in "
            f"{PASSWORD} or ~/.pgpass"
        )
    if not _REST.fullmatch(rest):
        raise ConfigError(
            f"study={scheme[1]}://… names no database: give postgresql://user@host/database"
        )
    return Database(f"postgresql://{user}{'@' if user else ''}{rest}", unquote(password))


def _file(path: Path) -> Path:
    """Return the path of a journal file, in full."""
    if path.is_dir():
        raise ConfigError(f"study={path} is a folder: name a file in it, study={path}/group.log")
    if not path.parent.is_dir():
        raise ConfigError(f"study={path}: there is no folder {path.parent}; make it first")
    return path.resolve()


def described(error: BaseException) -> str:
    """Describe an error of a storage in one line, without a password."""
    cause = error.__cause__ or error
    original = getattr(cause, "orig", None) or cause
    # Whole: a password that was cut in two would not be known for one.
    text = first_line(original, most=None).removeprefix("connection failed: ")
    if isinstance(original, OSError) and original.strerror:
        text = original.strerror
    return redacted_text(text)
