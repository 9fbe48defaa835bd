"""Print what a sweep that was handed in has printed, and go on until it ends: `make logs`."""

from __future__ import annotations

import sys
import time
from urllib.parse import quote

from cluster.service.client import known_service
from sweeps.cli import one_sweep, refusals

#: Seconds between two questions.
_ASK_S = 1.0


def logs(sweep: str) -> None:
    """Print a sweep's log to its end; Ctrl-C ends the printing alone.

    Raises:
        ConfigError: no head answers, or it knows no such sweep.
    """
    service, start = known_service(), 0
    while True:
        answer = service.get(f"/api/sweeps/{quote(sweep, safe='')}/log?from={start}")
        sys.stdout.write(_plain(str(answer["text"])))
        sys.stdout.flush()
        if answer["over"]:
            return
        if answer["next"] == start:
            time.sleep(_ASK_S)
        start = answer["next"]


def _plain(text: str) -> str:
    """Remove what would steer the terminal: a log is data of somebody else's."""
    return "".join(letter for letter in text if letter.isprintable() or letter in "\n\t")


def main() -> None:
    """Read the command line of `make logs`."""
    with refusals():
        logs(one_sweep("make logs SWEEP=quickstart", ())[0])


if __name__ == "__main__":
    main()
