"""Keep Optuna's journal safe where disks fill up and folders go away, and open it quickly.

What is written is Optuna's own format, and its lock is kept to, so that Optuna's tools read the
file at any time. Beside Optuna's own file backend, which this takes the place of:
    a line that a kill or a full disk has cut short is cut off before the next is written;
    a write that fails leaves the file as it was;
    the file is never begun anew in the place of one whose folder has been unmounted;
    several lines may be written at once, and what has been read is not gone over again.
And reading changes each trial in its place, where Optuna copies it for each line.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from optuna.storages import JournalStorage
from optuna.storages.journal import BaseJournalBackend, JournalFileSymlinkLock
from optuna.storages.journal._file import get_lock_file
from optuna.storages.journal._storage import JournalOperation, JournalStorageReplayResult
from optuna.trial import TrialState

from sweeps.study.fast_json import parsed

#: Bytes that are looked at, from the end of the file, for the end of its last whole line.
_TAIL = 1 << 16
#: Bytes read and parsed at once.
_BLOCK = 1 << 20


class JournalFile(BaseJournalBackend):
    """Reads and writes a journal file, which must exist."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = JournalFileSymlinkLock(str(path))
        self._read = 0  # lines, and
        self._offset = 0  # their bytes
        self._held: list[dict[str, Any]] | None = None

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Write lines; on disk when it returns, and none of them if it raises.

        Raises:
            OSError: they could not be written.
        """
        if self._held is not None:
            self._held.extend(logs)
            return
        lines = "".join(f"{json.dumps(log, separators=(',', ':'))}\n" for log in logs).encode()
        with get_lock_file(self._lock):
            file = os.open(self._path, os.O_RDWR | os.O_APPEND)
            try:
                self.check()
                _append(file, lines)
            finally:
                os.close(file)

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        """Yield the whole lines from this number on, which is where the last reading ended."""
        if self._held is not None:
            return
        assert log_number_from == self._read
        with open(self._path, "rb") as file:
            file.seek(self._offset)
            rest = b""
            while block := file.read(_BLOCK):
                lines = (rest + block).splitlines(keepends=True)
                rest = b"" if lines[-1].endswith(b"\n") else lines.pop()
                for line, log in zip(lines, parsed(lines), strict=True):
                    self._read += 1
                    self._offset += len(line)
                    yield log

    def check(self) -> None:
        """Check that the file is there, and is the one that has been read.

        Raises:
            OSError: it is not.
        """
        if os.stat(self._path).st_size < self._offset:
            raise OSError(f"{self._path} is shorter than it was")

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Keep lines within, and write them at once at its end; nothing may be read within."""
        self._held = []
        try:
            yield
            held = self._held
        finally:
            self._held = None
        if held:
            self.append_logs(held)

    def mend(self) -> None:
        """Cut off what a kill has left of a last line."""
        with open(self._path, "rb") as file:
            if not file.seek(0, os.SEEK_END):
                return
            file.seek(-1, os.SEEK_END)
            if file.read(1) == b"\n":
                return
        with get_lock_file(self._lock):  # it may be one that is being written
            descriptor = os.open(self._path, os.O_RDWR)
            try:
                os.ftruncate(descriptor, _whole(descriptor))
            finally:
                os.close(descriptor)


@contextlib.contextmanager
def unrenewed(path: Path) -> Iterator[None]:
    """Keep others from taking the journal's lock for a dead process's, and from replacing it.

    Whoever adds a line without being the driver does it in here, and so does whoever opens a
    journal of a sweep's own or repairs one; a driver that runs is not kept waiting.

    Raises:
        OSError: the file is not there, or cannot be written.
    """
    while True:
        file = os.open(path, os.O_RDWR)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)  # the kernel lets go of it however a process ends
            if os.path.samestat(os.fstat(file), os.stat(path)):
                yield
                return
        finally:
            os.close(file)


def _append(file: int, lines: bytes) -> None:
    """Append all of the lines, or none."""
    size = os.fstat(file).st_size
    whole = _whole(file)
    if whole < size:
        os.ftruncate(file, whole)
    try:
        written = 0
        while written < len(lines):
            written += os.write(file, lines[written:])
        os.fsync(file)
    except OSError:
        with contextlib.suppress(OSError):  # then the next write cuts off what is not whole
            os.ftruncate(file, whole)
        raise


def _whole(file: int) -> int:
    """Return the size of the file without a last line that is not whole."""
    size = os.fstat(file).st_size
    end, step = size, 1
    while end > 0:
        begin = max(0, end - step)
        found = os.pread(file, end - begin, begin).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        end, step = begin, _TAIL
    return 0


class QuickJournal(JournalStorage):
    """Keeps studies in a `JournalFile`, opened in a third of the time that Optuna takes."""

    def __init__(self, file: JournalFile, held: int) -> None:
        """Read the file.

        Args:
            held: a descriptor that is closed with it.
        """
        self._held = held
        super().__init__(_Nothing())
        self._file = self._backend = file
        self._replay_result = JournalReplay(self._worker_id_prefix)
        self._sync_with_backend()

    def close(self) -> None:
        """Release the lock."""
        if self._held >= 0:
            os.close(self._held)
            self._held = -1

    def ping(self) -> None:
        """Check that the file is there.

        Raises:
            OSError: it is not.
        """
        self._file.check()

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Keep what is written within, and write it at once at the end."""
        with self._file.together():
            yield
        with self._thread_lock:
            self._sync_with_backend()


class _Nothing(BaseJournalBackend):
    """Stands in for the file while Optuna's own constructor would replay it."""

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Do nothing; never called."""

    def read_logs(self, log_number_from: int) -> Iterable[dict[str, Any]]:
        """Return no lines."""
        return ()


class JournalReplay(JournalStorageReplayResult):
    """Replays lines by changing trials in place, where Optuna copies them for each line."""

    def apply_logs(self, logs: Iterable[dict[str, Any]]) -> None:
        """JournalReplay lines."""
        trials, op_of = self._trials, JournalOperation
        value = int(op_of.SET_TRIAL_INTERMEDIATE_VALUE)
        user, system = int(op_of.SET_TRIAL_USER_ATTR), int(op_of.SET_TRIAL_SYSTEM_ATTR)
        for log in logs:
            op = log["op_code"]
            trial = trials.get(log["trial_id"]) if op in (value, user, system) else None
            if trial is None or trial.state is not TrialState.RUNNING:
                super().apply_logs((log,))  # what is seldom, and what Optuna refuses
                continue
            self.log_number_read += 1
            if op == value:
                trial.intermediate_values[log["step"]] = log["intermediate_value"]
            elif op == system:
                trial.system_attrs.update(log["system_attr"])
            else:
                trial.user_attrs.update(log["user_attr"])
