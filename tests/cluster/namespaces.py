"""Put machines on a network of their own, of this host alone: each with an address, and a link.

A switch and its machines are network namespaces, which live as long as a process of ours in each:
nothing of the host's own network is changed, and nothing stays. Needs root, or a user's own
namespace in which it is root (`unshare -rn`).
"""

from __future__ import annotations

import functools
import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.sweeps.waiting import until

#: The network's first three numbers: kept for documentation, nobody's own.
_NET = "192.0.2"


@functools.cache
def why_none() -> str:
    """Why there can be no namespaces here; empty if there can."""
    try:
        with tempfile.TemporaryDirectory() as folder, network(Path(folder), 1):
            return ""
    except (OSError, subprocess.CalledProcessError) as error:
        output = getattr(error, "stderr", None) or error
        return f"this user may have no network of its own: {str(output).strip()}"


@dataclass(frozen=True)
class Host:
    """A machine on the network.

    Attributes:
        address: its own.
        python: program for `processes.start` that runs Python on it.
    """

    address: str
    python: str
    _ends: tuple[tuple[int, str], tuple[int, str]]

    def cut(self) -> None:
        """Let no packet through in either direction; its network card notices nothing."""
        self._set("0")

    def mend(self) -> None:
        """Let packets through again."""
        self._set("3")

    def narrow(self, kbit: int) -> None:
        """Let so many bits a second through to it and from it; 0: as many as there are."""
        for namespace, card in self._ends:
            if kbit:
                queue = f"tbf rate {kbit}kbit burst 16kb latency 400ms"
                _in(namespace, *f"tc qdisc replace dev {card} root {queue}".split())
            else:
                _in(namespace, *f"tc qdisc del dev {card} root".split())

    def _set(self, state: str) -> None:
        switch, port = self._ends[0]
        _in(switch, "bridge", "link", "set", "dev", port, "state", state)


@contextmanager
def network(folder: Path, count: int, hide: tuple[Path, ...] = ()) -> Iterator[list[Host]]:
    """Have a network of so many machines within a `with` block.

    Args:
        folder: where their programs are put.
        hide: folders in whose place all but the first machine see empty ones, as if no disk was
            shared; they must be there when a program is started.
    """
    with ExitStack() as stack:
        switch = _namespace(stack)
        _in(switch, "ip", "link", "add", "bridge", "type", "bridge")
        _in(switch, "ip", "link", "set", "bridge", "up")
        hosts = []
        for number in range(1, count + 1):
            inside, port, address = _namespace(stack), f"port{number}", f"{_NET}.{number}"
            _in(switch, *f"ip link add {port} type veth peer name eth0 netns {inside}".split())
            _in(switch, "ip", "link", "set", port, "master", "bridge", "up")
            for words in (f"addr add {address}/24 dev eth0", "link set eth0 up", "link set lo up"):
                _in(inside, "ip", *words.split())
            python = folder / f"python-{number}"
            _write_program(python, inside, hide if number > 1 else ())
            _wait_until_up(switch, port)
            hosts.append(Host(address, str(python), ((switch, port), (inside, "eth0"))))
        yield hosts


def _namespace(stack: ExitStack) -> int:
    """Keep a namespace until the stack is closed, or we are killed; returns its process."""
    holder = subprocess.Popen(
        ["unshare", "-n", "sh", "-c", "echo; exec cat"], env={"PATH": os.environ["PATH"]},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    stack.callback(holder.communicate)
    assert holder.stdout is not None
    assert holder.stderr is not None
    if not holder.stdout.readline():
        raise OSError(holder.stderr.read())
    return holder.pid


def _wait_until_up(switch: int, port: str) -> None:
    """Wait until the kernel has seen a new link: it would open it once more, cut or not."""
    until(lambda: json.loads(_in(switch, "ip", "-j", "link", "show", port))[0]["operstate"] == "UP")


def _in(namespace: int, *words: str) -> str:
    command = ["nsenter", f"--net=/proc/{namespace}/ns/net", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _write_program(path: Path, namespace: int, hide: tuple[Path, ...]) -> None:
    run = f"exec nsenter --net=/proc/{namespace}/ns/net"
    if hide:
        mounts = [f"mount -t tmpfs none {shlex.quote(str(one))}" for one in hide]
        script = " && ".join([*mounts, f'exec {shlex.quote(sys.executable)} "$@"'])
        run += f" unshare -m sh -c {shlex.quote(script)} --"
    else:
        run += f" {shlex.quote(sys.executable)}"
    path.write_text(f'#!/bin/sh\n{run} "$@"\n')
    path.chmod(0o755)
