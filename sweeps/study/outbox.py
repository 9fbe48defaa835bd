"""Keep what is to be written to a study in order, while its storage is away.

One thread writes, in the order of the calls. While all is well, whoever writes waits until
it is on disk. When a write fails or takes long, it and all after it are kept in memory and tried
again, and nobody waits: training goes on.

A write of which it is not known whether it came through is looked up before it is made again; so
nothing is doubled. This relies on the study's lock: nobody else writes to the study.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext

from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError

from sweeps.study.entries import Destination, Entry
from sweeps.study.lock import Taken
from sweeps.study.storage import Storage
from sweeps.study.url import described

#: Seconds that a write may take before it is waited for no longer.
PATIENCE_S = 3.0
#: Seconds between two attempts: at first, and at most.
RETRY_S, LONGEST_S = 0.25, 5.0
#: Seconds without a write after which it is seen whether the storage is there.
IDLE_S = 5.0


class Writer:
    """Writes to one study."""

    def __init__(self, storage: Storage, study: int, ids: Sequence[int]) -> None:
        """Start the thread that writes.

        Args:
            study: its id in the storage.
            ids: of its trials, by number.
        """
        self._storage = storage
        self._to = Destination(storage, study, list(ids))
        self._changed = threading.Condition()
        self._queue: deque[tuple[Entry, ...]] = deque()
        self._taken = self._done = 0  # groups of entries, ever
        self._away = ""  # why the storage cannot be reached, while it cannot
        self._notes: list[str] = []
        self._error: BaseException | None = None
        self._gathered: list[Entry] | None = None
        self._closing = False
        self.lost = ""  # why nothing can be written any more
        self._thread = threading.Thread(target=self._work, name="study", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Count the records that have not been written."""
        with self._changed:
            return self._waiting()

    def notes(self) -> list[str]:
        """List what a person should know, each line once."""
        with self._changed:
            notes, self._notes = self._notes, []
            return notes

    def write(self, *entries: Entry) -> None:
        """Write entries; they are on disk when it returns, unless the storage is away.

        Raises:
            Exception: what cannot be written at all, such as an attribute that is no JSON.
        """
        if self._gathered is not None:
            self._gathered.extend(entries)
            return
        with self._changed:
            if self.lost:
                return
            self._queue.append(entries)
            self._taken += 1
            mine = self._taken
            self._changed.notify_all()
            self._changed.wait_for(
                lambda: self._done >= mine or self._away or self.lost or self._error, PATIENCE_S
            )
            if self._error is not None:
                raise self._error
            if self._done < mine and not self._away and not self.lost:
                self._leave(f"no answer for {PATIENCE_S:.0f} s")

    @contextmanager
    def together(self) -> Iterator[None]:
        """Keep what is to be written within, and write it at once at the end."""
        self._gathered = []
        try:
            yield
        finally:
            gathered, self._gathered = self._gathered, None
            if gathered:
                self.write(*gathered)

    def close(self) -> None:
        """End the thread. What is not written by then never is; see `waiting` first."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(PATIENCE_S)

    def discard(self) -> None:
        """End the thread, and delete the study with all that is in it."""
        self.close()
        self._storage.delete_study(self._to.study)

    def _waiting(self) -> int:
        return sum(len(entries) for entries in self._queue)

    def _work(self) -> None:
        failures = 0
        while True:
            with self._changed:
                if failures:
                    pause = min(RETRY_S * 2 ** (failures - 1), LONGEST_S)
                    self._changed.wait_for(lambda: self._closing, pause)
                else:
                    self._changed.wait_for(lambda: self._queue or self._closing, IDLE_S)
                if self._closing or self.lost or self._error is not None:
                    return
                entries = self._queue[0] if self._queue else ()
            try:
                self._put(entries, again=failures > 0)
            except (OSError, StorageInternalError, _sql()) as error:
                failures += 1
                with self._changed:
                    self._leave(described(error))
            except Taken as taken:
                self._give_up(f"the study is in use by {taken} by now, which goes on with it")
            except (KeyError, UpdateFinishedTrialError):
                self._give_up("another program has changed the study")
            except BaseException as error:
                with self._changed:
                    self._error = error
                    self._changed.notify_all()
            else:
                failures = 0
                with self._changed:
                    if entries:
                        self._queue.popleft()
                        self._done += 1
                    if self._away and not self._queue:
                        self._away = ""
                        self._notes.append("the study can be reached again, and has every record")
                    self._changed.notify_all()

    def _put(self, entries: Sequence[Entry], again: bool) -> None:
        if again:
            self._storage.ping()
            entries = [entry for entry in entries if not entry.written(self._to)]
        elif not entries:
            self._storage.ping()
        with self._storage.together() if len(entries) > 1 else nullcontext():
            for entry in entries:
                entry.write(self._to)

    def _leave(self, why: str) -> None:
        """Let nobody wait any longer for a storage that is away."""
        if not self._away:
            self._away = why
            waiting = self._waiting()
            records = f"{waiting} record{' waits' if waiting == 1 else 's wait'}"
            self._notes.append(
                f"the study cannot be reached: {why}; training goes on, "
                + (f"{records} for it" if waiting else "what comes waits for it")
            )
        self._changed.notify_all()

    def _give_up(self, why: str) -> None:
        with self._changed:
            self.lost = why
            self._changed.notify_all()


def _sql() -> type[Exception]:
    """Return the errors that a database raises; OSError where no database is used."""
    import sys

    module = sys.modules.get("sqlalchemy.exc")
    errors: type[Exception] = module.SQLAlchemyError if module else OSError
    return errors
