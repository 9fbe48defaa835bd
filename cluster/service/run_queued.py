"""Run a queued sweep as its driver, in a job of Ray: its name is the only argument.

What it runs stands in the queue's file, so that no command line and no page of Ray has it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from cluster.service.queue import FILE, Queued, read
from sweeps.backend.known_head import FOLDER
from sweeps.cli import refusals
from sweeps.commands import resume, sweep
from sweeps.config.trusted_targets import trust_for_later
from trainers.errors import ConfigError


def log_of(folder: Path, sweep: str) -> Path:
    """Return the file that has what a queued sweep's drivers print."""
    return folder / "logs" / f"{sweep}.log"


def main() -> None:
    """Start or resume the sweep; exits as `make sweep` and `make resume` do."""
    (name,) = sys.argv[1:]
    _print_to(log_of(FOLDER, name))
    with refusals():
        queued = {entry.sweep: entry for entry in read(FOLDER / FILE)}.get(name)
        if queued is None:
            raise ConfigError(f"{name} is not in the queue any more")
    os.environ["CAVIAR_MEMBER"] = queued.member
    _run(queued)


def _run(queued: Queued) -> None:
    results = [f"results={queued.results}"]
    if (Path(queued.results) / queued.sweep).exists():
        # What was given when it was handed in is on record, but for whose code may be run.
        words = queued.words if queued.goes_on else trust_for_later(queued.words)
        sys.argv[1:] = [queued.sweep, *words, *results]
        resume.main()
    else:
        sys.argv[1:] = [*queued.words, *results]
        sweep.main()


def _print_to(path: Path) -> None:
    """Append what is printed to a file of its owner's alone."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(file, stream)
    os.close(file)


if __name__ == "__main__":
    main()
