"""Keep a sweep's share of a cluster: tell the arbiter what is wanted, learn what is granted.

A thread does so, as the arbiter's machine may be slow or gone; then the last grant holds.
"""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from sweeps.backend.claim import ARBITER, NAMESPACE, Claim, Grant
from trainers.errors import ConfigError, first_line

#: Gives the arbiter's answer to a claim.
#:
#: Raises: any error of Ray's, where the arbiter cannot be asked now.
Ask = Callable[[Claim], Grant]

#: Seconds between two words to the arbiter: a sweep that is to give a slot to another one should
#: hear so before the next end of an epoch.
_BEAT_S = 0.5
#: Seconds that the arbiter may take to answer, and to be there where a head has just been started.
_ANSWER_S, _THERE_S = 10.0, 20.0


class Share:
    """Describes the slots that a session may use, of those that all sweeps share."""

    def __init__(self, claim: Claim, ask: Ask) -> None:
        """Ask for the first time.

        Raises:
            Exception: whatever `ask` raises.
        """
        self._claim, self._ask = claim, ask
        self._progress: Callable[[], str] = str
        self._running: Callable[[], Mapping[str, int]] = dict
        self.grant = ask(claim)
        self._changed, self._over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._beat, name="share", daemon=True)
        self._thread.start()

    def update(self, wanted: int, held: int, on_cards: int = 0) -> None:
        """Take in what the session wants and has now; the arbiter hears of it at once."""
        claim = replace(self._claim, wanted=wanted, held=held, on_cards=on_cards)
        if claim != self._claim:
            self._claim = claim
            self._changed.set()

    def report(self, progress: Callable[[], str], running: Callable[[], Mapping[str, int]]) -> None:
        """Tell with each word from now on how the sweep does and what runs where (`Claim`)."""
        self._progress, self._running = progress, running

    def end(self) -> None:
        """Give all back."""
        self._over.set()
        self._changed.set()
        self._thread.join(timeout=_ANSWER_S)
        with contextlib.suppress(Exception):  # then its lease runs out
            self._ask(replace(self._claim, wanted=0, held=0, on_cards=0))

    def _beat(self) -> None:
        while not self._over.is_set():
            self._changed.wait(_BEAT_S)
            self._changed.clear()
            if not self._over.is_set():
                with contextlib.suppress(Exception):  # Ray has no one error for this
                    progress, running = self._progress(), dict(self._running())
                    self.grant = self._ask(replace(self._claim, progress=progress, running=running))


def _arbiter_name() -> str | None:
    """Return the name of the arbiter's actor; None where there is no head of ours."""
    from ray.experimental import internal_kv

    name = internal_kv._internal_kv_get(ARBITER, namespace=NAMESPACE)
    return None if name is None else str(name.decode())


@contextlib.contextmanager
def shared(
    sweep: str, member: str, slot: Mapping[str, float], wanted: int, anywhere: bool = False
) -> Iterator[Share]:
    """Take part in the sharing of the cluster that this process is connected to.

    Args:
        wanted: slots that the sweep could use.
        anywhere: as in `Claim`.

    Raises:
        LookupError: this cluster has no arbiter.
        ConfigError: it does not answer.
    """
    import ray

    if _arbiter_name() is None:
        raise LookupError(ARBITER)
    known: list[Any] = []

    def ask(claim: Claim) -> Grant:
        try:
            if not known:
                known.append(ray.get_actor(str(_arbiter_name()), namespace=NAMESPACE))
            grant: Grant = ray.get(known[0].beat.remote(claim), timeout=_ANSWER_S)
        except Exception:  # a head that was started again has another one
            known.clear()
            raise
        return grant

    claim = Claim(uuid.uuid4().hex, sweep, member, dict(slot), wanted, 0, anywhere=anywhere)
    share = _patiently(claim, ask)
    try:
        yield share
    finally:
        share.end()


def _patiently(claim: Claim, ask: Ask) -> Share:
    """Ask for the first time, again and again for some seconds.

    Raises:
        ConfigError: the arbiter does not answer.
    """
    until = time.monotonic() + _THERE_S
    while True:
        try:
            return Share(claim, ask)
        except Exception as error:  # Ray has no one error for this
            if time.monotonic() >= until:
                raise ConfigError(
                    f"the head's arbiter cannot be asked ({first_line(error)}): try again, or "
                    "start the head again (make head)"
                ) from error
        time.sleep(_BEAT_S)
