"""Find a trial's data on the machine that it runs on: where that machine keeps its data.

A configuration names the data by a path of the driver's machine. Where DATA_ROOT is set on another
machine, what lies in the driver's DATA_ROOT (or its `data`) lies in that one's. On each machine the
data is fetched, read and compared with the driver's once in a session, before the first trial.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from trainers.errors import ConfigError, first_line


class LacksData(Exception):
    """Raised when this machine does not have the data of a trial; says so in a line."""


@dataclass(frozen=True)
class DriversData:
    """Describes the data as the driver has it.

    Attributes:
        session: of the driver, unlike any other.
        base: folder in which data lies there where a configuration does not say where.
        fingerprint: of the data set; empty if any will do.
    """

    session: str
    base: str
    fingerprint: str


#: Data as the driver has it -> as it is here; of this process.
_found: dict[str, dict[str, Any]] = {}


def base() -> str:
    """Return the folder in which data lies by default on this machine."""
    return os.path.abspath(os.path.expanduser(os.environ.get("DATA_ROOT") or "data"))


def found_here(data: Mapping[str, Any], drivers: DriversData) -> dict[str, Any]:
    """Return a trial's `data` configuration with the path that it has on this machine.

    Raises:
        LacksData: it is not here and cannot be fetched, or it is not what the driver has.
    """
    key = json.dumps([data, drivers.session], sort_keys=True)
    if key not in _found:
        _found[key] = _find(data, drivers)
    return _found[key]


def _find(data: Mapping[str, Any], drivers: DriversData) -> dict[str, Any]:
    reasons = []
    for place in sorted(_places(data, drivers.base), key=lambda one: not _is_here(one)):
        try:
            found = _prepared_once(place, drivers.session)
        except (ConfigError, OSError) as error:
            reasons.append(first_line(error))
            continue
        if drivers.fingerprint in ("", found):
            return place
        reasons.append(f"the data in {place.get('root')} is not what the driver's machine has")
    raise LacksData("; ".join(dict.fromkeys(reasons)))


def _places(data: Mapping[str, Any], drivers_base: str) -> list[dict[str, Any]]:
    """List the configuration as this machine would have it, and as it is."""
    given, own = dict(data), os.environ.get("DATA_ROOT")
    root = given.get("root")
    if not own or not root or not Path(root).is_relative_to(drivers_base):
        return [given]
    here = os.path.join(base(), Path(root).relative_to(drivers_base))
    return [given] if here == root else [{**given, "root": here}, given]


def _is_here(data: Mapping[str, Any]) -> bool:
    from trainers.data import resident

    try:
        return resident.here(data)
    except (ConfigError, OSError):
        return False


def _prepared_once(data: Mapping[str, Any], session: str) -> str:
    """Prepare a data set if no process of the session has done so here; return its fingerprint.

    Other processes wait meanwhile.
    """
    from trainers.data import resident

    with _note(data) as note:
        of, _, fingerprint = note.read().partition(" ")
        if of != session:
            fingerprint = resident.prepare(data).fingerprint
            note.seek(0)
            note.truncate()
            note.write(f"{session} {fingerprint}")
        return fingerprint


@contextlib.contextmanager
def _note(data: Mapping[str, Any]) -> Iterator[IO[str]]:
    """Open this machine's note about a data set, for one process at a time."""
    name = hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:16]
    path = Path(tempfile.gettempdir()) / f"caviar-data-{os.getuid()}-{name}"
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o600), "r+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file
