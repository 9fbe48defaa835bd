"""Watch a sweep in a browser, here or on the head that runs it: `make watch SWEEP=mnist`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from cluster.service.client import known_service
from sweeps.backend.known_head import Head
from sweeps.cli import refusals, some_sweeps, terminal
from sweeps.commands.review.watch import OPTIONS, watch
from sweeps.formatting import RESULTS

#: Below trials, which may run on this machine.
_NICE = 10


def page_on_head(names: Sequence[str], given: Mapping[str, str]) -> str:
    """Return the address of a sweep's page on the head; empty if the sweep's folder is here.

    Raises:
        ConfigError: the head that is known here does not answer as it should.
    """
    if len(names) != 1 or (Path(given.get("results", RESULTS)) / names[0]).exists():
        return ""
    if Head.known() is None:
        return ""
    service = known_service()
    known = service.get("/api/status")
    if names[0] not in [entry["sweep"] for entry in known["queue"]]:
        return ""
    return f"http://{service.address}{known['login']}?sweep={quote(names[0], safe='')}"


def main() -> None:
    """Read the command line of `make watch`."""
    with refusals():
        names, given = some_sweeps("make watch SWEEP=quickstart", OPTIONS)
        if address := page_on_head(names, given):
            terminal().print(f"{address}  on the head: open it in a browser", soft_wrap=True)
        else:
            os.nice(_NICE)
            watch(names, given)


if __name__ == "__main__":
    main()
