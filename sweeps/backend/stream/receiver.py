"""Write what arrives from trials on other machines; give them what they go on with.

Takes the files that `contents` names, of trials whose folders the driver has made, and nothing
else. They are data: nothing here reads what is in them. Each is replaced whole and safely on disk
before the sender hears of it, as a training writes it that reaches the folder itself.

Only the newest sender of a trial may write. A trial's folder is locked while it is written, so that
a training that runs in it keeps a sender out that is believed lost, and the other way about.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from sweeps.backend.stream import contents
from sweeps.backend.stream.contents import Delivery
from trainers.files import checkpoint_folders, disk_faults
from trainers.files.whole_file import replacing

#: Bytes that are read or written at once, at most.
MOST_BYTES = 8 * 2**20

_TRIAL = re.compile(r"[0-9]{4,12}")
_TOKEN = re.compile(r"[0-9a-f]{32}")


class Outcome(str, Enum):
    """Says what became of a request."""

    DONE = "done"
    IN_USE = "in use"  # a training runs in the trial's folder itself
    SUPERSEDED = "superseded"  # another process has the trial now
    WAIT = "wait"  # the disk cannot be written for now
    AGAIN = "again"  # the bytes that came before are not here: send all of it again
    REFUSED = "refused"  # it does not belong here


@dataclass(frozen=True)
class Reply:
    """Answers a request.

    Attributes:
        why: in words, unless it is done.
        newest: the newest epoch that the trial's folder has; 0 if none.
        small: of a trial that goes on: file -> bytes, of all but the states.
        states: of a trial that goes on: file -> size.
    """

    outcome: Outcome
    why: str = ""
    newest: int = 0
    small: dict[str, bytes] = field(default_factory=dict)
    states: dict[str, int] = field(default_factory=dict)


class _Not(Exception):
    """Raised when a request is not fulfilled; for this module."""

    def __init__(self, outcome: Outcome, why: str) -> None:
        super().__init__(why)
        self.outcome = outcome


@dataclass
class _Sender:
    """Keeps what is known of a trial's newest sender.

    Attributes:
        delivered, begun: the number of its last delivery that is in its place, or partly so.
        staged: file -> (where its bytes are, their checksum so far, their number).
    """

    token: str
    delivered: int = 0
    begun: int = 0
    staged: dict[str, tuple[Path, Any, int]] = field(default_factory=dict)


class Receiver:
    """Serves all trials of one session; its methods may be called by several threads."""

    def __init__(self, trials: str) -> None:
        """Serve the trials in this folder, each of which has a folder of its own in it."""
        self._trials = Path(trials)
        self._senders: dict[str, _Sender] = {}
        self._locks: dict[str, threading.Lock] = {}

    def process(self) -> int:
        """Return the number of its process."""
        return os.getpid()

    def open(self, trial: str, token: str) -> Reply:
        """Begin to serve a sender of a trial, in the place of the one before.

        Returns:
            What the trial's folder has, but for the states, which `read` gives.
        """
        try:
            if not _TOKEN.fullmatch(token):
                raise _Not(Outcome.REFUSED, f"{token[:40]!r} is no sender")
            with self._alone(trial) as folder:
                for run in contents.runs(folder):
                    checkpoint_folders.clean(folder / run)
                self._senders[trial] = _Sender(token)
                kept = [n for n in contents.checkpoints(folder) if "refused" not in n]
                found = {
                    n: size for one in kept for n, size in contents.files_of(folder, one).items()
                }
                states = {name: size for name, size in found.items() if contents.is_state(name)}
                loose = [n for n in contents.loose_files(folder) if "histograms/" not in n]
                needed = [*loose, *(found.keys() - states.keys())]
                small = {name: (folder / name).read_bytes() for name in needed}
                return Reply(Outcome.DONE, newest=_newest(folder), small=small, states=states)
        except (_Not, OSError) as error:
            return _reply(error)

    def read(self, trial: str, token: str, name: str, offset: int) -> bytes | Reply:
        """Return some bytes of a file, from `offset` on; none at its end."""
        try:
            with self._of(trial, token) as (folder, _):
                if not contents.is_file(name):
                    raise _Not(Outcome.REFUSED, f"{name[:80]!r} is no file of a trial")
                with _opened(folder / name, os.O_RDONLY) as descriptor:
                    return os.pread(descriptor, MOST_BYTES, offset)
        except (_Not, OSError) as error:
            return _reply(error)

    def write(self, trial: str, token: str, name: str, offset: int, data: bytes) -> Reply:
        """Keep some bytes of a large file, until its delivery says what it must be."""
        try:
            # Locked: what comes late would lie in the folder of a training that has cleaned it.
            with self._of(trial, token) as (folder, sender), self._locked(folder):
                if not contents.is_file(name) or not contents.is_state(name):
                    raise _Not(Outcome.REFUSED, f"{name[:80]!r} is no state of a trial")
                if offset == 0:
                    stage = _stage(folder, name, token)
                    stage.parent.mkdir(parents=True, exist_ok=True)
                    path, checksum, size = stage, hashlib.sha256(), 0
                    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
                elif name in sender.staged and sender.staged[name][2] == offset:
                    path, checksum, size = sender.staged[name]
                    flags = os.O_WRONLY
                else:
                    raise _Not(Outcome.AGAIN, f"{name} is not here up to byte {offset}")
                sender.staged.pop(name, None)  # until all of this is written
                with _opened(path, flags) as descriptor:
                    view = memoryview(data)
                    while view:
                        written = os.pwrite(descriptor, view, size)
                        checksum.update(view[:written])
                        size += written
                        view = view[written:]
                sender.staged[name] = (path, checksum, size)
                return Reply(Outcome.DONE)
        except (_Not, OSError) as error:
            return _reply(error)

    def deliver(self, trial: str, token: str, delivery: Delivery) -> Reply:
        """Put a delivery in its place; the bytes of its large files are here."""
        try:
            with self._of(trial, token) as (folder, sender):
                if sender.delivered == delivery.number:  # the answer was lost
                    return Reply(Outcome.DONE, newest=_newest(folder))
                with self._locked(folder):
                    _check(folder, sender, delivery)
                    sender.begun = delivery.number
                    try:
                        _place(folder, sender, delivery)
                    finally:  # should the disk be full, all of it comes again
                        sender.staged.clear()
                    sender.delivered = delivery.number
                    return Reply(Outcome.DONE, newest=_newest(folder))
        except (_Not, OSError) as error:
            return _reply(error)

    @contextlib.contextmanager
    def _of(self, trial: str, token: str) -> Iterator[tuple[Path, _Sender]]:
        """Yield the folder of a trial and its sender, for one request at a time.

        A receiver that had to be started again takes the first that speaks for the trial's own.
        """
        folder = self._folder(trial)
        with self._lock(trial):
            if not _TOKEN.fullmatch(token):
                raise _Not(Outcome.REFUSED, f"{token[:40]!r} is no sender")
            sender = self._senders.setdefault(trial, _Sender(token))
            if sender.token != token:
                raise _Not(Outcome.SUPERSEDED, f"another process has {trial} now")
            yield folder, sender

    @contextlib.contextmanager
    def _alone(self, trial: str) -> Iterator[Path]:
        folder = self._folder(trial)
        with self._lock(trial), self._locked(folder):
            yield folder

    def _lock(self, trial: str) -> threading.Lock:
        return self._locks.setdefault(trial, threading.Lock())

    def _folder(self, trial: str) -> Path:
        folder = self._trials / trial
        if not _TRIAL.fullmatch(trial) or folder.is_symlink() or not folder.is_dir():
            raise _Not(Outcome.REFUSED, f"{trial[:40]!r} is no trial of this session")
        return folder

    @contextlib.contextmanager
    def _locked(self, folder: Path) -> Iterator[None]:
        """Keep trainings out of a folder, as `trainers.run` does."""
        with _opened(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o666) as descriptor:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise _Not(Outcome.IN_USE, f"{folder} is in use by another run") from None
            yield


def _reply(error: _Not | OSError) -> Reply:
    if isinstance(error, _Not):
        return Reply(error.outcome, str(error))
    if disk_faults.of_disk(error) is not None:
        return Reply(Outcome.WAIT, f"{error.filename}: {error.strerror}")
    return Reply(Outcome.AGAIN, f"{error.filename}: {error.strerror}")


def _check(folder: Path, sender: _Sender, delivery: Delivery) -> None:
    """Refuse what does not belong, before anything is changed."""
    names = [*delivery.small, *delivery.large]
    wrong = [name for name in names if not contents.is_file(name)]
    wrong += [name for name in delivery.removed if not contents.is_checkpoint(name)]
    if wrong:
        raise _Not(Outcome.REFUSED, f"{wrong[0][:80]!r} is no file of a trial")
    for name in (*names, *delivery.removed):
        inner = folder
        for part in Path(name).parts:
            inner /= part
            if inner.is_symlink():
                raise _Not(Outcome.REFUSED, f"{inner} is a link")
    if _newest(folder) != delivery.before and sender.begun != delivery.number:
        raise _Not(
            Outcome.SUPERSEDED, f"{folder} has got epoch {_newest(folder)} from another process"
        )
    for name, piece in delivery.large.items():
        _, checksum, size = sender.staged.get(name, (None, hashlib.sha256(), -1))
        if size != piece.size or checksum.hexdigest() != piece.sha256:
            raise _Not(Outcome.AGAIN, f"{name} has not arrived as it was sent")


def _place(folder: Path, sender: _Sender, delivery: Delivery) -> None:
    """Write a delivery: last what says that the rest is there, and only then remove."""
    whole = {contents.folder_of(name) for name in (*delivery.small, *delivery.large)} - {""}
    loose = [name for name in delivery.small if not contents.folder_of(name)]
    # Histograms first, as a training has them before its checkpoint; the table after it.
    for name in sorted(loose, key=lambda name: "histograms/" not in name):
        if "histograms/" in name:
            _write(folder / name, delivery.small[name])
    for checkpoint in sorted(whole):
        filled = _stage(folder, f"{checkpoint}/state.pt", sender.token).parent
        filled.mkdir(parents=True, exist_ok=True)
        for name in (n for n in delivery.small if contents.folder_of(n) == checkpoint):
            with (filled / Path(name).name).open("wb") as file:
                file.write(delivery.small[name])
        for path in filled.iterdir():
            with _opened(path, os.O_RDONLY) as descriptor:
                os.fsync(descriptor)
        checkpoint_folders.move_to(folder / checkpoint, filled)
    for name in loose:
        if "histograms/" not in name:
            _write(folder / name, delivery.small[name])
    for checkpoint in delivery.removed:
        if (folder / checkpoint).is_dir():
            checkpoint_folders.remove(folder / checkpoint)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as fresh, fresh.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _stage(folder: Path, name: str, token: str) -> Path:
    """Return where a file of a checkpoint waits for the rest; removed like all that begins so."""
    path = folder / name
    return path.parent.with_name(f".tmp_{path.parent.name}_{token[:8]}") / path.name


def _newest(folder: Path) -> int:
    return max(checkpoint_folders.saved(folder), default=0)


@contextlib.contextmanager
def _opened(path: Path, flags: int, mode: int = 0o666) -> Iterator[int]:
    """Open a file that is no link."""
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
