"""Real raylets on this host, as processes of the commands that start them."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.sweeps.processes import descendants, finish, start


@dataclass
class Machines:
    """A head of member zeta with one CPU, and what is needed to join it.

    Attributes:
        python: program that runs Python on the head's machine.
    """

    head: subprocess.Popen[str]
    address: str
    folder: Path
    python: str

    @staticmethod
    def begin(folder: Path, host: str = "127.0.0.1", python: str = sys.executable) -> Machines:
        """Start a head that keeps its state in this folder."""
        address = f"{host}:{free_ports(2)}"
        return Machines(_head(address, folder, python), address, folder, python)

    def start_head(self) -> None:
        """Start it again, once it has ended."""
        if self.head.stdout is not None:
            self.head.stdout.close()
        self.head = _head(self.address, self.folder, self.python)

    @property
    def environment(self) -> dict[str, str]:
        return {"CAVIAR_CLUSTER": str(self.folder), "RAY_ADDRESS": ""}

    def join(
        self, *words: str, folder: Path | None = None, python: str = sys.executable,
        **environment: str,
    ) -> subprocess.Popen[str]:  # fmt: skip
        """Join a machine; its own folder has the token, and its own Python runs there."""
        own = {**self.environment, "CAVIAR_CLUSTER": str(folder or self.folder), **environment}
        return start("cluster.join", f"--head={self.address}", *words, python=python, **own)

    @contextmanager
    def alpha(self) -> Iterator[subprocess.Popen[str]]:
        """A machine of member alpha with one CPU, joined within a `with` block."""
        alpha = self.join("--member=alpha", "--cpus=1")
        try:
            line(alpha, "joined")
            line(self.head, "joined: alpha")
            yield alpha
        finally:
            end(alpha)


def _head(address: str, folder: Path, python: str) -> subprocess.Popen[str]:
    host, _, port = address.rpartition(":")
    words = (f"--address={host}", f"--port={port}", "--member=zeta")
    own = {"CAVIAR_CLUSTER": str(folder), "RAY_ADDRESS": ""}
    head = start("cluster.head", *words, python=python, **own)
    try:
        line(head, "joined: zeta")
    except BaseException:
        end(head)
        raise
    return head


def free_port() -> int:
    return free_ports(1)


def free_ports(count: int) -> int:
    """The first of so many ports in a row that nothing listens at.

    None is of those that the system gives to whoever connects: another test would get it before
    this one listens. Nor is one of those that Ray gives to its workers, 10002 to 19999.
    """
    while True:
        first = random.SystemRandom().randrange(20000, 32000 - count)
        with ExitStack() as stack, suppress(OSError):
            for port in range(first, first + count):
                stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first


def line(process: subprocess.Popen[str], text: str) -> str:
    """The next line of its output with this text in it."""
    assert process.stdout is not None
    seen = ""
    for printed in process.stdout:
        seen += printed
        if text in printed:
            return printed
    raise AssertionError(f"{text!r} never came, but:\n{seen}")


def says_that_no_head_is_known(folder: Path, *words: str) -> None:
    """A command that asks the head is refused in a line where none was started or joined."""
    code, output = finish(start(*words, CAVIAR_CLUSTER=str(folder)))
    assert code == 2
    assert "no head is known here" in output
    assert len(output.splitlines()) == 1


def end(process: subprocess.Popen[str]) -> None:
    """Ctrl-C, and a kill of all it started if that does not help."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        for child in descendants(process.pid):
            os.kill(child, signal.SIGKILL)
        process.kill()
        process.communicate()
