"""Run a private PostgreSQL server for a bench or a test, in its own folder, never as root."""

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
    """Find the folder of initdb and pg_ctl; None if PostgreSQL is not installed."""
    versions = sorted(Path("/").glob(_VERSIONS.removeprefix("/")))
    if versions:
        return versions[-1].parent
    initdb = shutil.which("initdb")
    return None if initdb is None else Path(initdb).parent


@dataclass(frozen=True)
class Server:
    """Represents a server that can be stopped and started."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        """URL of the database, with user and password."""
        return f"postgresql://tester:{PASSWORD}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        self._control("start", "-w", "-o", options, "-l", str(self.folder / "log"))

    def stop(self) -> None:
        """Stop the server as a crash would."""
        self._control("stop", "-m", "immediate")

    def _control(self, *words: str) -> None:
        _as_user("pg_ctl", "-D", str(self.folder / "data"), *words)


def _as_user(program: str, *words: str) -> None:
    """Run one of PostgreSQL's programs, which refuse to run as root."""
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
    """Provide a new server, and remove it at the end."""
    folder = Path(mkdtemp(prefix="pg-"))  # short: a socket's path has 107 characters at most
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
        with suppress(subprocess.CalledProcessError):  # not started, or stopped already
            made.stop()
        shutil.rmtree(folder, ignore_errors=True)
