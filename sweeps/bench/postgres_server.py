"""A PostgreSQL of a bench's or a test's own, in a folder of its own, by a user who is not root."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

PASSWORD = "s3cret-of-tests"
_VERSIONS = "/usr/lib/postgresql/*/bin/postgres"


def binaries() -> Path | None:
    """The folder of initdb and pg_ctl; None if there are none here."""
    found = sorted(Path("/").glob(_VERSIONS.removeprefix("/")))
    if found:
        return found[-1].parent
    there = shutil.which("initdb")
    return None if there is None else Path(there).parent


@dataclass(frozen=True)
class Server:
    """A server that can be stopped and started."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        """Of its database, with user and password."""
        return f"postgresql://tester:{PASSWORD}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        self._control("start", "-w", "-o", options, "-l", str(self.folder / "log"))

    def stop(self) -> None:
        """Stop it as a crash would."""
        self._control("stop", "-m", "immediate")

    def _control(self, *words: str) -> None:
        _as_user("pg_ctl", "-D", str(self.folder / "data"), *words)


def _as_user(program: str, *words: str) -> None:
    """Run one of PostgreSQL's programs, which refuse to be run by root."""
    folder = binaries()
    assert folder is not None
    user = {"user": "postgres", "group": "postgres", "extra_groups": []} if _root() else {}
    subprocess.run(
        [str(folder / program), *words],
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        **user,  # type: ignore[call-overload]
    )


def _root() -> bool:
    return os.getuid() == 0


@contextmanager
def server() -> Iterator[Server]:
    """A new server, gone at the end."""
    folder = Path(mkdtemp(prefix="pg-"))  # short: the path of a socket has 107 characters at most
    if _root():
        shutil.chown(folder, "postgres", "postgres")
    (folder / "pw").write_text(PASSWORD)
    (folder / "pw").chmod(0o644)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    made = Server(folder, port)
    try:
        _as_user(
            "initdb",
            *("-D", str(folder / "data"), "-U", "tester", "-A", "scram-sha-256", "--no-sync"),
            *("--pwfile", str(folder / "pw")),
        )
        made.start()
        yield made
    finally:
        with suppress(subprocess.CalledProcessError):  # it had not started, or has been stopped
            made.stop()
        shutil.rmtree(folder, ignore_errors=True)
