"""Give a trial its folder: the driver's, or one here whose files are sent there.

Where the driver's folder is not reached, each epoch is written to a scratch folder and sent in the
background, one at a time: training waits only if the one before has not arrived. A trial that goes
on from another machine is first given what it had there.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from sweeps.backend.stream import contents, scratch
from sweeps.backend.stream.contents import Delivery, Stamp
from sweeps.backend.stream.receiver import Reply
from sweeps.backend.stream.sender import AsksReceiver, SayWaiting, Sending, insist
from trainers.files import checkpoint_folders


class TrialFolder(Protocol):
    """Is the folder that a trial trains in.

    Attributes:
        path: the folder.
        streams: whether its files are sent to the driver's machine from here.
    """

    path: Path
    streams: bool

    def open(self, owner: str, say: SayWaiting) -> None:
        """Make sure that all is there of a training that goes on. May be called again."""

    def send(self, say: SayWaiting) -> None:
        """Send what is new, once what was sent before has arrived."""

    def wait(self, say: SayWaiting) -> None:
        """Wait until all that was sent has arrived."""

    def log(self, text: str) -> None:
        """Keep a traceback beside the trial's checkpoints, if there is room for it."""

    def close(self) -> None:
        """Remove what is of no use any more."""


def trial_folder(
    work: Mapping[str, Any], connect: Callable[[], AsksReceiver] | None
) -> TrialFolder:
    """Return the folder for a trial: the driver's where this machine reaches it.

    Args:
        work: as in `sweeps.backend.worker.train`.
        connect: connects to the driver's receiver; None: there is none.
    """
    folder = Path(str(work["folder"]))
    mark = str(work.get("mark", ""))
    if not mark or connect is None or reaches(folder.parent, mark):
        return SharedFolder(folder)
    return StreamedFolder(str(work["trial"]), str(work["session"]), connect)


def reaches(trials: Path, mark: str) -> bool:
    """Whether a folder here is the driver's, which has left a mark in it, and can be written."""
    return (trials / mark).is_file() and os.access(trials, os.W_OK)


class SharedFolder:
    """Is the driver's folder itself."""

    streams = False

    def __init__(self, path: Path) -> None:
        self.path = path

    def open(self, owner: str, say: SayWaiting) -> None:
        """Do nothing: all is there."""

    def send(self, say: SayWaiting) -> None:
        """Do nothing: it has arrived."""

    def wait(self, say: SayWaiting) -> None:
        """Do nothing: it has arrived."""

    def log(self, text: str) -> None:
        """Keep a traceback beside the trial's checkpoints, if there is room for it."""
        _log(self.path, text)

    def close(self) -> None:
        """Do nothing: it is the driver's."""


class StreamedFolder:
    """Is a scratch folder on this machine, of which each epoch is sent to the driver's."""

    streams = True

    def __init__(self, trial: str, session: str, connect: Callable[[], AsksReceiver]) -> None:
        """Name the folder; `open` makes it."""
        self.path = scratch.place()
        self._trial, self._session = trial, session
        self._connect = connect
        self._receiver: AsksReceiver | None = None
        self._token = secrets.token_hex(16)
        self._opened = False
        self._loose: dict[str, Stamp] = {}  # what the driver has, as it is here
        self._checkpoints: dict[str, Stamp] = {}
        self._newest = self._number = 0
        self._sending: Sending | None = None

    def open(self, owner: str, say: SayWaiting) -> None:
        """Make the folder, and fetch what the training goes on with.

        Raises:
            FolderInUse: another process trains in the driver's folder itself.
            OSError: this machine's disk is full.
        """
        if self._opened:
            return
        self.path = _base(self._session) / self._trial
        shutil.rmtree(self.path, ignore_errors=True)
        self.path.mkdir()
        reply: Reply = insist(self._begin, say)
        for name, data in reply.small.items():
            _write(self.path / name, data)
        for name in reply.states:
            (self.path / name).parent.mkdir(parents=True, exist_ok=True)
        for run in contents.runs(self.path):
            self._fetch_newest(run, reply, owner, say)
        self._loose = contents.loose_files(self.path)
        self._checkpoints = contents.checkpoints(self.path)
        self._newest = reply.newest
        self._opened = True

    def send(self, say: SayWaiting) -> None:
        """Send what is new in the folder, in the background.

        Raises:
            Superseded: another process has the trial.
        """
        self.wait(say)
        if not self._opened:
            return
        loose, kept = contents.loose_files(self.path), contents.checkpoints(self.path)
        new = [name for name, stamp in loose.items() if self._loose.get(name) != stamp]
        for checkpoint, stamp in kept.items():
            if self._checkpoints.get(checkpoint) != stamp:
                new += contents.files_of(self.path, checkpoint)
        removed = tuple(sorted(self._checkpoints.keys() - kept.keys()))
        if not new and not removed:
            return
        aside = self.path.with_name(f".{self._trial}.sending")
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir()
        states = sorted(filter(contents.is_state, new))
        large = {name: aside / str(number) for number, name in enumerate(states)}
        for name, path in large.items():  # as it is now, whatever becomes of it meanwhile
            os.link(self.path / name, path)
        small = {name: (self.path / name).read_bytes() for name in new if name not in large}
        self._drop_old_states()
        assert self._receiver is not None
        self._number += 1
        delivery = Delivery(self._number, self._newest, small, {}, removed)
        self._sending = Sending(self._receiver, (self._trial, self._token), delivery, large)
        self._loose, self._checkpoints = loose, kept

    def wait(self, say: SayWaiting) -> None:
        """Wait until all that was sent has arrived.

        Raises:
            Superseded: another process has the trial.
        """
        if self._sending is not None:
            self._newest = self._sending.wait(say)
            self._sending = None

    def log(self, text: str) -> None:
        """Keep a traceback beside the trial's checkpoints, if there is room for it."""
        if self._opened:
            _log(self.path, text)

    def close(self) -> None:
        """Remove the folder; what is still being sent is given up."""
        if self._sending is not None:
            self._sending.give_up()
        if self._opened:
            shutil.rmtree(self.path.with_name(f".{self._trial}.sending"), ignore_errors=True)
            shutil.rmtree(self.path, ignore_errors=True)

    def _begin(self) -> Reply:
        self._receiver = self._receiver or self._connect()
        return self._receiver.open(self._trial, self._token)

    def _fetch_newest(self, run: str, reply: Reply, owner: str, say: SayWaiting) -> None:
        """Fetch the newest state that is complete, and the damaged ones after it, if any.

        Of the others there is all but the state: enough to know what is kept.
        """
        from trainers.files import checkpoints

        folder = self.path / run
        for path in reversed(checkpoint_folders.saved(folder).values()):
            name = f"{run}{path.name}/state.pt"
            if name not in reply.states:
                continue
            with (self.path / name).open("wb") as file:
                for data in self._read(name, say):
                    file.write(data)
            if checkpoints.latest(folder, owner)[0] is not None:
                return

    def _read(self, name: str, say: SayWaiting) -> Iterator[bytes]:
        offset = 0
        assert self._receiver is not None
        ask = self._receiver.read
        while data := insist(partial(ask, self._trial, self._token, name, offset), say):
            yield data
            offset += len(data)

    def _drop_old_states(self) -> None:
        """Make room: of all checkpoints but the newest, the states are the driver's alone."""
        for run in contents.runs(self.path):
            for path in list(checkpoint_folders.saved(self.path / run).values())[:-1]:
                (path / "state.pt").unlink(missing_ok=True)


def _log(folder: Path, text: str) -> None:
    with contextlib.suppress(OSError), (folder / "log").open("a", encoding="utf-8") as file:
        file.write(text)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


_bases: dict[str, tuple[Path, int]] = {}


def _base(session: str) -> Path:
    """Return this process's scratch folder for a session, made at first."""
    if session not in _bases or not _bases[session][0].is_dir():
        _bases[session] = scratch.make(session)
        atexit.register(shutil.rmtree, _bases[session][0], ignore_errors=True)
    return _bases[session][0]
