"""Run a head and machines on this host for a benchmark: real processes, made-up CPUs.

The head has none, and each machine that joins has one: trials of one CPU run on the machines alone,
one on each.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cluster.node import free_port
from sweeps import ROOT
from sweeps.backend.known_head import Head
from sweeps.backend.ray_environment import SETTINGS
from trainers.errors import ConfigError

#: Tells Ray how many CPUs the head's machine lends.
_NO_CPU = {"RAY_OVERRIDE_RESOURCES": '{"CPU": 0}'}
_LOOPBACK = "127.0.0.1"
#: Seconds for a process to end after Ctrl-C.
_END_S = 60.0


@dataclass
class LocalCluster:
    """Holds the processes of a head and of the machines that have joined it."""

    folder: Path
    address: str
    head: subprocess.Popen[str]
    machines: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def ray_environment(self) -> dict[str, str]:
        """Return the variables by which a script of Ray's alone finds it."""
        head = Head(self.address, str(self.folder / "token"), "")
        return {**os.environ, **SETTINGS, **head.environment(), "RAY_ADDRESS": self.address}

    def grow(self, count: int) -> None:
        """Let machines join until there are so many, each of a member of its own."""
        while len(self.machines) < count:
            member = f"m{len(self.machines) + 1}"
            words = (f"--head={self.address}", f"--member={member}", "--cpus=1")
            machine = self._start("cluster.join", *words, CAVIAR_CLUSTER=str(self._own(member)))
            self.machines.append(machine)
            _wait_for("joined; ", machine)

    def sweep(self, words: Sequence[str], member: str = "") -> subprocess.Popen[str]:
        """Begin a sweep by hand, as `make sweep` does."""
        environment = {"CAVIAR_MEMBER": member} if member else {}
        return self._start("sweeps", *words, **environment)

    def _start(self, module: str, *words: str, **more: str) -> subprocess.Popen[str]:
        return run(["-m", module, *words], {**_environment(self.folder), **more})

    def _own(self, member: str) -> Path:
        """Make the folder of a machine, with the token: a machine joins once."""
        folder = self.folder / member
        folder.mkdir(mode=0o700)
        shutil.copy(self.folder / "token", folder)  # with its mode
        return folder

    def end(self) -> None:
        """End all."""
        for process in [*self.machines, self.head]:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=_END_S)
                continue
            os.killpg(process.pid, signal.SIGKILL)


@contextlib.contextmanager
def local_cluster() -> Iterator[LocalCluster]:
    """Run a head within a `with` block."""
    with tempfile.TemporaryDirectory(prefix="caviar-bench-") as temporary:
        folder, port = Path(temporary), _two_free_ports()
        words = (f"--address={_LOOPBACK}", f"--port={port}", "--member=head")
        head = run(["-m", "cluster.head", *words], {**_environment(folder), **_NO_CPU})
        cluster = LocalCluster(folder, f"{_LOOPBACK}:{port}", head)
        try:
            _wait_for("joined: head", head)
            yield cluster
        finally:
            cluster.end()


def _environment(folder: Path) -> dict[str, str]:
    """Return the variables by which commands find the head of a folder, and no other."""
    return {**os.environ, "CAVIAR_CLUSTER": str(folder), "RAY_ADDRESS": ""}


def run(words: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[str]:
    """Begin a process of Python's in a session of its own, its output in one pipe."""
    return subprocess.Popen(
        [sys.executable, *words],
        cwd=ROOT,
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def finished(process: subprocess.Popen[str]) -> str:
    """Wait for a process, and return what it printed.

    Raises:
        ConfigError: it failed.
    """
    output, _ = process.communicate()
    if process.returncode:
        raise ConfigError(f"a run has failed: {output.strip()[-300:]}")
    return output


def _wait_for(text: str, process: subprocess.Popen[str]) -> None:
    """Wait for a line that a process prints."""
    assert process.stdout is not None
    seen = ""
    for line in process.stdout:
        seen += line
        if text in line:
            return
    raise ConfigError(f"a process has ended: {seen.strip()[-300:]}")


def _two_free_ports() -> int:
    """Return the first of two ports in a row that nothing listens at."""
    while True:
        port = free_port(_LOOPBACK)
        with contextlib.suppress(OSError, OverflowError), socket.socket() as following:
            following.bind((_LOOPBACK, port + 1))
            return port
