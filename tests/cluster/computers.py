"""Computers of this host: each has an address, a disk, a name and processes of its own.

Namespaces of the kernel, which end with their first process: what is switched off leaves its disk.
They share the checkout, which none may write. Needs root.
"""

from __future__ import annotations

import functools
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import HTTPCookieProcessor, ProxyHandler, build_opener

from cluster.service.client import known_service
from tests.cluster import namespaces
from tests.cluster.namespaces import Host, network
from tests.sweeps.processes import ROOT, finish, start
from tests.sweeps.waiting import until

#: Where a computer has its disk; its temporary folder lies on it, too.
DISK = "/mnt"
_FOLDERS = ("home", "scratch", "results", "tmp")
#: The first process, which lets nobody become a zombie.
_INIT = (
    "import signal, sys\n"
    "signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
    "print('up', flush=True)\n"
    "while True: signal.pause()"
)


#: What a computer does not share with the host, beside its network.
_OWN = ("--mount", "--uts", "--pid", "--mount-proc", "--fork", "--kill-child")


@functools.cache
def why_none() -> str:
    """Why there can be no computers here; empty if there can."""
    try:
        subprocess.run(["unshare", *_OWN, "true"], check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        output = getattr(error, "stderr", None) or error
        return f"this user may have no computers: {str(output).strip()}"
    return namespaces.why_none()


@dataclass
class Computer:
    """A computer that is on, or off.

    Attributes:
        name: of itself.
        address: its own.
        disk: what it sees at `DISK`.
        variables: of its owner's environment.
    """

    name: str
    address: str
    disk: Path
    _host: Host
    variables: dict[str, str] = field(default_factory=dict)
    _on: subprocess.Popen[str] | None = None

    def switch_on(self) -> None:
        """Start it with what is on its disk."""
        for folder in _FOLDERS:
            (self.disk / folder).mkdir(mode=0o700, exist_ok=True)
        run = "import os, sys; os.execvp('unshare', sys.argv)"
        self._on = subprocess.Popen(
            [self._host.python, "-c", run, *_OWN, "sh", "-c", self._set_up()],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._on.stdout is not None
        assert self._on.stdout.readline() == "up\n", f"{self.name} does not start"
        (self.disk / "python").write_text(self._program())
        (self.disk / "python").chmod(0o755)

    def switch_off(self) -> None:
        """Cut its power: all its processes are gone at once."""
        if self._on is not None:
            there = self.processes()
            self._on.kill()
            self._on.communicate()
            self._on = None
            until(lambda: not any(_alive(process) for process in there))

    def start(self, module: str, *words: str, **environment: str) -> subprocess.Popen[str]:
        """`python -m module words` on it, by its owner."""
        own = {
            "HOME": f"{DISK}/home",
            "TMPDIR": "",
            "CAVIAR_CLUSTER": f"{DISK}/cluster",
            "CAVIAR_SCRATCH": f"{DISK}/scratch",
            "RAY_ADDRESS": "",
            **self.variables,
        }
        python = str(self.disk / "python")
        return start(module, *words, python=python, **{**own, **environment})

    def run(self, module: str, *words: str, **environment: str) -> tuple[int, str]:
        """The same to its end: the exit code, and what it printed."""
        return finish(self.start(module, *words, **environment))

    def ask(self, path: str) -> dict[str, Any]:
        """What the head's service answers to a member of the cluster on this computer."""
        code, output = self.run("tests.cluster.computers", path)
        assert code == 0, output
        answer: dict[str, Any] = json.loads(output)
        return answer

    def browse(self, link: str) -> str:
        """What a browser on this computer shows after a login link."""
        code, page = self.run("tests.cluster.computers", link)
        assert code == 0, page
        return page

    def join(self, head: Computer, member: str, port: int, *terms: str) -> subprocess.Popen[str]:
        """Join a head's cluster, with the token that its owner has copied."""
        token = self.disk / "cluster" / "token"
        if not token.exists():
            token.parent.mkdir(mode=0o700)
            token.touch(mode=0o600)
            token.write_text((head.disk / "cluster" / "token").read_text())
        return self.start(
            "cluster.join", f"--head={head.address}:{port}", f"--member={member}", *terms
        )

    @property
    def root(self) -> Path:
        """Its whole file system, as long as it is on."""
        return Path(f"/proc/{self._first}/root")

    def processes(self) -> list[int]:
        """All its processes, by the host's numbers."""
        found, space = [], os.stat(f"/proc/{self._first}/ns/pid").st_ino
        for path in Path("/proc").glob("[0-9]*/ns/pid"):
            with suppress(OSError):
                if path.stat().st_ino == space:
                    found.append(int(path.parts[2]))
        return found

    @property
    def _first(self) -> int:
        assert self._on is not None, f"{self.name} is off"
        return child(self._on.pid)

    def _set_up(self) -> str:
        """A script that gives it its name and its view of the disk."""
        code, disk = shlex.quote(str(ROOT)), shlex.quote(str(self.disk))
        lines = [
            "set -e",
            f"echo {self.name} > /proc/sys/kernel/hostname",
            f"mount --bind {disk} {DISK}",
            "mount -t tmpfs none /dev/shm",
            f"mount --bind {code} {code}",
            f"mount -o remount,bind,ro {code}",
        ]
        if ROOT.is_relative_to("/tmp"):
            place = shlex.quote(f"{DISK}{ROOT}")
            lines += [f"mkdir -p {place}", f"mount --rbind {code} {place}"]
        lines += [
            f"mount --rbind {DISK}/tmp /tmp",
            "chmod 1777 /tmp",
            f"exec {shlex.quote(sys.executable)} -c {shlex.quote(_INIT)}",
        ]
        return "\n".join(lines)

    def _program(self) -> str:
        """A program that runs Python on it."""
        spaces = f"nsenter -t {self._first} -m -u -n -p"
        script = f'cd {shlex.quote(str(ROOT))} && exec {shlex.quote(sys.executable)} "$@"'
        return f'#!/bin/sh\nexec {spaces} sh -c {shlex.quote(script)} -- "$@"\n'


def child(process: int) -> int:
    """The one process that another one has started and waits for."""
    return int(Path(f"/proc/{process}/task/{process}/children").read_text().split()[0])


def interrupt(process: subprocess.Popen[str]) -> None:
    """Ctrl-C, at a computer's keyboard."""
    os.kill(child(process.pid), signal.SIGINT)


def _alive(process: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False


@contextmanager
def computers(folder: Path, *names: str) -> Iterator[list[Computer]]:
    """Computers on one network, switched on; off after the `with` block.

    Args:
        folder: where their disks are, one each.
    """
    with network(folder, len(names)) as hosts, ExitStack() as stack:
        made = []
        for name, host in zip(names, hosts, strict=True):
            (folder / name).mkdir()
            one = Computer(name, host.address, folder / name, host)
            stack.callback(one.switch_off)
            one.switch_on()
            made.append(one)
        yield made


def main(what: str) -> None:
    """Print what the head's service answers, or what a browser shows after a login link."""
    if what.startswith("http:"):
        with build_opener(HTTPCookieProcessor(), ProxyHandler({})).open(what) as page:
            sys.stdout.write(page.read().decode())
    else:
        sys.stdout.write(json.dumps(known_service().get(what)))


if __name__ == "__main__":
    main(sys.argv[1])
