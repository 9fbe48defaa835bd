"""Tell a cluster that a machine is not lent now and why, or that it is lent again.

A process of its own, for a second or two: where the head has gone, Ray ends the process that asks.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

from cluster.machine.processes import kill
from sweeps import ROOT
from sweeps.backend.claim import NAMESPACE
from sweeps.backend.known_head import Head
from sweeps.backend.machines import key_of
from sweeps.backend.ray_environment import for_trials

#: Seconds that the head may take to answer, and after which it is asked again.
_ANSWER_S, _AGAIN_S = 20.0, 5.0


class Telling:
    """Tells the head of one machine, in the background: the newest word counts."""

    def __init__(self, head: Head, machine: str) -> None:
        """Prepare to tell; nothing is told yet.

        Args:
            machine: its label in Ray.
        """
        self._head, self._machine = head, machine
        self._wanted: str | None = None  # what the head is to know
        self._sent = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._not_before = 0.0

    def tell(self, why_not: str) -> None:
        """Let the head know why the machine is not lent; empty: that it is lent."""
        self._wanted = why_not
        self.go_on()

    def go_on(self) -> None:
        """Look how far it is, and try again what has failed; to be called every second or so."""
        if self._process is not None:
            if self._process.poll() is None:
                return
            if self._process.returncode:
                self._not_before = time.monotonic() + _AGAIN_S
            elif self._sent == self._wanted:
                self._wanted = None
            self._process = None
        if self._wanted is not None and time.monotonic() >= self._not_before:
            self._sent = self._wanted
            self._process = self._start(self._sent)

    @property
    def is_told(self) -> bool:
        """Whether the head knows all."""
        return self._wanted is None

    def end(self) -> None:
        """Tell nothing more."""
        if self._process is not None and self._process.poll() is None:
            kill([self._process.pid])
            self._process.wait()

    def _start(self, why_not: str) -> subprocess.Popen[bytes]:
        words = [self._head.address, self._machine, why_not]
        return subprocess.Popen(
            [sys.executable, "-m", "cluster.machine.tell", *words],
            env={**for_trials(os.environ), **self._head.environment()},
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is not for it
        )


def main() -> None:
    """Put a mark into Ray's store, or take it away: ADDRESS MACHINE REASON."""
    from ray import _raylet

    address, machine, why_not = sys.argv[1:]
    client, space = vars(_raylet)["GcsClient"](address=address), NAMESPACE.encode()
    if why_not:
        client.internal_kv_put(key_of(machine), why_not.encode(), True, space, timeout=_ANSWER_S)
    else:
        client.internal_kv_del(key_of(machine), False, space, timeout=_ANSWER_S)


if __name__ == "__main__":
    main()
