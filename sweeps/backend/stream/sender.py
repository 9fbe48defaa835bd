"""Send a trial's files to the driver's receiver, whatever the network and the disk have.

What fails is tried again for as long as it takes: a trial waits, and is not failed by it.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Protocol, TypeVar

from sweeps.backend.stream.contents import Delivery, Piece
from sweeps.backend.stream.receiver import MOST_BYTES, Outcome, Reply
from trainers.errors import FolderInUse, class_and_first_line

_Answer = TypeVar("_Answer")

#: Shows a person why a trial waits.
SayWaiting = Callable[[str], None]

#: Seconds between two attempts to send, and until a person hears that one waits.
_RETRY_S, _TELL_S = 2.0, 10.0


class Superseded(Exception):
    """Raised when another process has the trial: this one was believed lost."""


class AsksReceiver(Protocol):
    """Asks the driver's `Receiver`, wherever it is.

    Any method may raise whatever error the network has.
    """

    def open(self, trial: str, token: str) -> Reply:
        """Ask `Receiver.open`."""

    def read(self, trial: str, token: str, name: str, offset: int) -> bytes | Reply:
        """Ask `Receiver.read`."""

    def write(self, trial: str, token: str, name: str, offset: int, data: bytes) -> Reply:
        """Ask `Receiver.write`."""

    def deliver(self, trial: str, token: str, delivery: Delivery) -> Reply:
        """Ask `Receiver.deliver`."""


def insist(ask: Callable[[], _Answer | Reply], say: SayWaiting) -> _Answer:
    """Ask again and again until there is an answer, whatever the network or the disk has.

    Raises:
        FolderInUse, Superseded, ValueError: it is not granted.
    """
    said, since = False, time.monotonic()
    while True:
        try:
            reply = ask()
        except Exception as error:  # a network may raise anything; it is waited for
            # The receiver of a session that has just begun may be about to be there.
            why = _unreached(error) if time.monotonic() - since > _TELL_S else ""
        else:
            if not isinstance(reply, Reply) or not _waits(reply):
                return reply  # type: ignore[return-value]
            why = reply.why
        if why and not said:
            said = True
            say(why)
        time.sleep(_RETRY_S)


def _waits(reply: Reply) -> bool:
    """Whether to ask again later, and not to go on.

    Raises:
        FolderInUse, Superseded, ValueError: it is not granted.
    """
    if reply.outcome is Outcome.IN_USE:
        raise FolderInUse(reply.why)
    if reply.outcome is Outcome.SUPERSEDED:
        raise Superseded(reply.why)
    if reply.outcome is Outcome.REFUSED:
        raise ValueError(f"the driver's machine refuses it: {reply.why}")
    return reply.outcome is not Outcome.DONE


def _unreached(error: Exception) -> str:
    return f"the driver's machine is not reached ({class_and_first_line(error)})"


class Sending:
    """Sends one delivery on a thread of its own."""

    def __init__(
        self,
        receiver: AsksReceiver,
        to: tuple[str, str],
        delivery: Delivery,
        large: Mapping[str, Path],
    ) -> None:
        """Begin.

        Args:
            to: the trial, and the sender's token.
            delivery: without its large files.
            large: file -> where its bytes are, which are removed afterwards.
        """
        self._receiver, self._to = receiver, to
        self._delivery, self._large = delivery, large
        self._over, self._given_up = threading.Event(), threading.Event()
        self._why, self._newest = "", delivery.before
        self._error: Exception | None = None
        threading.Thread(target=self._run, name="send-epoch", daemon=True).start()

    def wait(self, say: SayWaiting) -> int:
        """Wait until it has arrived; returns the newest epoch that the driver's folder then has.

        Raises:
            Superseded, ValueError: it is not taken.
        """
        said, since = "", time.monotonic()
        while not self._over.wait(_RETRY_S):
            late = time.monotonic() - since > _TELL_S
            why = self._why or ("the last epoch has not arrived at the driver yet" if late else "")
            if why and why != said:
                said = why
                say(why)
        if self._error is not None:
            raise self._error
        return self._newest

    def give_up(self) -> None:
        """Send no more than the piece that is on its way."""
        self._given_up.set()

    def _run(self) -> None:
        try:
            while not self._given_up.is_set():
                try:
                    reply = self._attempt()
                except Exception as error:  # a network may raise anything; it is waited for
                    reply = Reply(Outcome.WAIT, _unreached(error))
                if not _waits(reply):
                    self._newest = reply.newest
                    return
                self._why = reply.why
                self._given_up.wait(_RETRY_S)
        except FolderInUse as error:  # by a training that took the trial over
            self._error = Superseded(str(error))
        except Exception as error:  # for whoever waits
            self._error = error
        finally:
            for path in self._large.values():
                path.unlink(missing_ok=True)
            self._over.set()

    def _attempt(self) -> Reply:
        pieces = {}
        for name, path in self._large.items():
            checksum, offset = hashlib.sha256(), 0
            with path.open("rb") as file:
                while data := file.read(MOST_BYTES):
                    reply = self._receiver.write(*self._to, name, offset, data)
                    if reply.outcome is not Outcome.DONE or self._given_up.is_set():
                        return reply
                    checksum.update(data)
                    offset += len(data)
            if not offset:
                self._receiver.write(*self._to, name, 0, b"")
            pieces[name] = Piece(offset, checksum.hexdigest())
        return self._receiver.deliver(*self._to, replace(self._delivery, large=pieces))
