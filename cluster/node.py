"""Run one machine's part of a cluster: `ray start`, in the foreground, quiet, ended with us.

Ray's own output goes to a log; of a failure the person is told what to do, in a line or two.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from cluster.machine.processes import (
    adopt_orphans,
    descendants,
    die_with_parent,
    end_left,
    kill,
    remember,
)
from sweeps import ROOT
from sweeps.backend.known_head import FOLDER, make
from sweeps.backend.ray_environment import PATIENCE_S, SETTINGS, for_trials, plain_python
from sweeps.backend.ray_session import PREFIX
from sweeps.backend.stream.scratch import remove_left
from sweeps.cli import signals
from sweeps.private_folder import private_folder
from trainers.errors import ConfigError

#: Seconds that Ray may take to start or to reach the head; what it waits for itself is within.
START_S = PATIENCE_S + 30.0

#: In Ray's log -> what it means.
_REFUSED = (
    r"InvalidAuthToken|Unauthenticated|AuthenticationError",
    f"the head refuses the token: copy the head's to {FOLDER}/token here",
)
_REASONS = (
    _REFUSED,
    (
        r"Version mismatch|version mismatch",
        "this machine has another Ray or Python than the head: use the same Python (to the patch "
        "version) and run make setup on both",
    ),
    (r"Some Ray subprocesses exited unexpectedly", "one of its processes was killed"),
    (r"Address already in use|port .* is (already )?in use", "the port is in use: PORT=…"),
)


class Stopped(Exception):
    """Raised when a signal asks us to end."""


@dataclass(frozen=True)
class Node:
    """Watches a running `ray start --block`."""

    process: subprocess.Popen[bytes]
    log: Path

    def check(self) -> None:
        """Raise if it has ended.

        Raises:
            ConfigError: with the reason that Ray gives.
        """
        if self.process.poll() is not None:
            raise ConfigError(f"Ray has ended: {self.reason()}")

    def check_start(self) -> None:
        """Raise if it has ended, or cannot start: with a wrong token Ray tries for minutes.

        Raises:
            ConfigError: with the reason that Ray gives.
        """
        self.check()
        pattern, reason = _REFUSED
        if re.search(pattern, self.log.read_text(encoding="utf-8", errors="replace")):
            raise ConfigError(reason)

    def remember(self) -> None:
        """Write down its processes, so that what a kill of all of us leaves can be ended."""
        remember(_record(self.log), self.process.pid)

    def reason(self) -> str:
        """Say why Ray failed, as far as its log tells."""
        text = self.log.read_text(encoding="utf-8", errors="replace")
        for pattern, reason in _REASONS:
            if re.search(pattern, text):
                return reason
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        errors = [line for line in lines if re.search(r"Error|error|failed|Failed", line)]
        last = (errors or lines or ["it said nothing"])[-1]
        return f"{last[:200]} (more in {self.log})"


@contextlib.contextmanager
def ray_node(arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> Iterator[Node]:
    """Run `ray start` with these arguments; on leaving, end it and all that it started.

    What a kill has left of the one before with this log is ended first.
    """
    if left := end_left(_record(log)):
        say(f"ended {left} processes of Ray's that a kill had left")
    adopt_orphans()
    others = set(descendants(os.getpid()))
    with private_folder(PREFIX) as folder, log.open("wb") as output:
        log.chmod(0o600)
        command = [
            *(plain_python(folder), "-m", "cluster.ray_start", "start"),
            "--block",
            "--disable-usage-stats",
            f"--temp-dir={folder / 'ray'}",  # within ours: Ray lets everybody into its own
            *arguments,
        ]
        process = subprocess.Popen(
            command,
            env={
                **for_trials(os.environ),
                **SETTINGS,
                # Ray would wait for 15 s, when it is told to end, for what runs here to end.
                "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0",
                **environment,
            },
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for us, who then end it in order
            preexec_fn=die_with_parent,
        )
        try:
            yield Node(process, log)
        finally:
            with _in_a_hurry(process):
                _end(process)
            # Of a Ray that has ended by itself, trials may have yet to notice: they are ours now.
            kill(set(descendants(os.getpid())) - others)
            remove_left()
            _record(log).unlink(missing_ok=True)


def token(folder: Path = FOLDER, create: bool = False) -> Path:
    """Return the file with the cluster's token, readable by its owner only.

    Raises:
        ConfigError: there is none, and `create` is not set; or the folder cannot be written.
    """
    make(folder)
    path = folder / "token"
    if not path.exists():
        if not create:
            raise ConfigError(
                f"there is no token in {path}: copy the one of the head's machine there, as make "
                "head says"
            )
        import secrets

        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(secrets.token_hex(32))
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        path.chmod(0o600)
        say(f"{path} could be read by others; it is yours alone now (mode 600)")
    return path


def wait_for_port(node: Node, host: str, port: int) -> None:
    """Wait until something listens at an address.

    Raises:
        ConfigError: Ray ended, or took too long.
    """
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        node.check_start()
        with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1):
            node.remember()
            return
        time.sleep(0.2)
    raise ConfigError(f"Ray did not start within {START_S:.0f} s: {node.reason()}")


def wait_for_text(node: Node, text: str) -> None:
    """Wait until Ray's log has a text in it.

    Raises:
        ConfigError: Ray ended, or took too long.
    """
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        if text.encode() in node.log.read_bytes():
            node.remember()
            return
        node.check_start()
        time.sleep(0.2)
    raise ConfigError(f"the head did not answer within {START_S:.0f} s: {node.reason()}")


def split_address(text: str, what: str) -> tuple[str, int]:
    """Split "host:port" into host and port.

    Raises:
        ConfigError: it has no port, or not a number from 1 to 65535.
    """
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise ConfigError(f"{what}={text!r} must be host:port, such as {what}=10.0.0.5:26379")
    return host, int(port)


def free_port(host: str) -> int:
    """Return a port of this machine that nothing listens at."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def say(text: str) -> None:
    """Print a line to the person."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def say_now(text: str) -> None:
    """Print a line to the person, with the time of day."""
    say(f"{time.strftime('%H:%M:%S')}  {text}")


@contextlib.contextmanager
def until_stopped() -> Iterator[None]:
    """Raise `Stopped` within on Ctrl-C and SIGTERM, once: a second one would cut the end short."""
    stopped = False

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal stopped
        if not stopped:
            stopped = True
            raise Stopped

    with signals(handle):
        yield


@contextlib.contextmanager
def _in_a_hurry(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Let a further Ctrl-C kill Ray at once, rather than leave it to itself."""

    def handle(number: int, frame: FrameType | None) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    with signals(handle):
        yield


def _end(process: subprocess.Popen[bytes]) -> None:
    """End `ray start`, which ends what it started; all of that if it does not.

    Whoever starts a head next finds its memory on disk unlocked, as no process of this one is left.
    """
    started = descendants(process.pid)
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=15)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    kill(started)


def _record(log: Path) -> Path:
    """Return the file beside a log in which the processes of its Ray are written down."""
    return log.with_suffix(".processes.json")
