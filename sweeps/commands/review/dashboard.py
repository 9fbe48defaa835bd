"""Open optuna-dashboard on the record of a sweep: `make dashboard SWEEP=mnist`.

It reads the record as it is, while the sweep runs or after, and is of this machine alone. What a
person edits in it is written to the record; nothing else is.
"""

from __future__ import annotations

import importlib
import importlib.util
import socketserver
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from sweeps import results_folder
from sweeps.cli import doing, one_sweep, refusals, terminal
from sweeps.recorded.recorded_sweep import read
from sweeps.study.storage import for_tools
from sweeps.study.url import shared
from trainers.errors import ConfigError, first_line

OPTIONS = ("results", "port")
PORT = 8080

#: What is installed at first use; `dashboard` in pyproject.toml names the same.
REQUIREMENT = "optuna-dashboard==0.21.0"
MODULE = "optuna_dashboard"


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    """Answers each request in a thread of its own, so that a slow one keeps no other waiting."""

    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    """Logs no requests."""

    def log_message(self, format: str, *args: Any) -> None:
        """Do nothing."""


@contextmanager
def served(name: str, results: str, port: int | None) -> Iterator[_Server]:
    """Bind the dashboard of a sweep to a port of this machine; the caller lets it serve.

    Args:
        port: None: 8080, or any that is free.

    Raises:
        ConfigError: no such sweep, a record that cannot be read, or a port that is taken.
    """
    folder = results_folder.find(Path(results), name)
    with doing("reading the record"):
        config = read(folder).config  # refuses with a reason what cannot be read
        place = shared(config.get("study")) or folder.study
    with for_tools(place) as storage:
        application = importlib.import_module(MODULE).wsgi(storage)
        with _bound(application, port) as server:
            yield server


def _bound(application: Any, port: int | None) -> _Server:
    for wanted in (PORT, 0) if port is None else (port,):
        try:
            return make_server("127.0.0.1", wanted, application, _Server, _Quiet)
        except (OSError, OverflowError) as error:
            why = getattr(error, "strerror", None) or str(error)
    raise ConfigError(f"port={port} cannot be had ({why}): name another one, or none for any")


def install(say: Callable[[str], None]) -> None:
    """Install the dashboard into this environment, unless it is there.

    Raises:
        ConfigError: it cannot be installed.
    """
    if importlib.util.find_spec(MODULE) is not None:
        return
    command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "-q"]
    say(f"{REQUIREMENT} is not installed here; installing it, this once: pip install {REQUIREMENT}")
    done = subprocess.run([*command, REQUIREMENT], capture_output=True, text=True, check=False)
    importlib.invalidate_caches()
    if done.returncode or importlib.util.find_spec(MODULE) is None:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["pip says nothing"]
        why = first_line(RuntimeError(lines[-1]))
        raise ConfigError(
            f"{REQUIREMENT} cannot be installed ({why}): once there is a network, "
            f"pip install '{REQUIREMENT}'"
        )


def _port(given: str | None) -> int | None:
    if given is None:
        return None
    if not given.isascii() or not given.isdigit() or not 1 <= int(given[:9]) < 1 << 16:
        raise ConfigError(f"port={given}: a port is a number from 1 to 65535")
    return int(given)


def main() -> None:
    """Read the command line of `make dashboard`."""
    with refusals():
        name, given = one_sweep("make dashboard SWEEP=mnist", OPTIONS)
        port, results = _port(given.get("port")), given.get("results", "results")
        results_folder.find(Path(results), name)  # before anything is installed
        console = terminal()
        install(lambda line: console.print(line, soft_wrap=True))
        with served(name, results, port) as server:
            console.print(
                f"http://127.0.0.1:{server.server_port}/dashboard  (Ctrl-C ends it)", soft_wrap=True
            )
            try:
                server.serve_forever()
            except KeyboardInterrupt:
                console.print("ended")


if __name__ == "__main__":
    main()
