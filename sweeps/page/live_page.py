"""Keep the page of sweeps as new as their record: made again when the record has changed."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from sweeps import results_folder
from sweeps.page.report_file import page_of
from sweeps.results_folder import Folder
from sweeps.study.storage import Location, journal_path
from sweeps.study.url import Database, shared

#: How often an open page asks for a newer one.
REFRESH_S = 5.0
#: A page is made again no sooner than after so many times the time that it took: the machine
#: may be the one that trains.
_REST = 10.0


@dataclass(frozen=True)
class Version:
    """Holds a page as it was made, and what tells it from others."""

    content: bytes
    tag: str


class LivePage:
    """Makes the page of sweeps anew when it is asked for and their record has changed."""

    def __init__(
        self, folders: Sequence[Folder], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Find the records; raises ConfigError as `page_of` does."""
        self._folders = folders
        self._clock = clock
        self._places = [_place(folder) for folder in folders]
        self._lock = Lock()
        self._stamp: tuple[object, ...] = ()
        self._version = self._make()
        self._not_before = 0.0  # the first has loaded libraries, which the others need not

    def version(self) -> Version:
        """Return the page: the one there is, if the record is as it was or it is too soon.

        A record that cannot be read at this moment leaves the page as it is, too.
        """
        with self._lock:
            now = self._clock()
            if now >= self._not_before and self._now() != self._stamp:
                try:
                    self._version = self._make()
                except Exception:  # what fails must not fail again at each question
                    self._not_before = now + REFRESH_S
            return self._version

    def _make(self) -> Version:
        stamp, began = self._now(), self._clock()
        content = page_of(self._folders, REFRESH_S).encode()
        ended = self._clock()
        self._stamp, self._not_before = stamp, ended + _REST * (ended - began)
        return Version(content, f'"{hashlib.sha256(content).hexdigest()[:32]}"')

    def _now(self) -> tuple[object, ...]:
        """Return what changes with the record: its size and time; of a database, the moment."""
        stamps: list[object] = []
        for folder, place in zip(self._folders, self._places, strict=True):
            if isinstance(place, Database):
                stamps.append(self._clock())
            else:
                stamps.append(_stamp(journal_path(place)))
            stamps.append(_stamp(folder.summary))
        return tuple(stamps)


def _place(folder: Folder) -> Location:
    return shared(results_folder.read_sweep(folder)["config"].get("study")) or folder.study


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
