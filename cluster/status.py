"""Show a cluster: its machines, the sweeps on it with their shares, and today's GPU-hours.

`make status`, on any machine that has started or joined a head.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cluster.service.client import known_service
from cluster.service.rows import MACHINES, how_it_does, how_it_stands, machine_rows, members_problem
from sweeps.cli import refusals, terminal
from sweeps.formatting import one_line


def main() -> None:
    """Ask the head, and print what it says."""
    with refusals():
        service = known_service()
        known = service.get("/api/status")
        show(terminal(), known)
        page = f"http://{service.address}{known['login']}"
        terminal().print(f"\nThe page, for a browser: {page}", soft_wrap=True)


def show(console: Console, known: Mapping[str, Any]) -> None:
    """Print machines, sweeps, the queue, and GPU-hours.

    Args:
        known: as the head's service answers to /api/status.
    """
    sharing, nodes = known["sharing"], known["machines"]
    machines = _table(*MACHINES)
    for row in machine_rows(nodes, sharing):
        machines.add_row(*map(_plain, row))
    console.print(machines)
    console.print(Text("\nSweeps that run", "bold"))
    if not sharing["sessions"]:
        console.print("none: make sweep, or make submit")
    else:
        sweeps = _table("sweep", "member", "running", "share", "could use", "a trial takes", "")
        for one in sharing["sessions"]:
            slot = ", ".join(f"{n:g} {what}" for what, n in one["slot"].items() if n)
            sweeps.add_row(
                *(_plain(one["sweep"]), _plain(one["member"]), str(one["held"])),
                *(str(one["granted"]), str(one["wanted"]), slot, _plain(how_it_does(one))),
            )
        console.print(sweeps)
    _show_queue(console, known["queue"])
    absent = {name: hours for name, hours in sharing["gpu_hours"].items() if hours}
    for name in absent.keys() - {str(node["member"]) for node in nodes}:
        console.print(_plain(f"{name} has had {absent[name]:.1f} GPU-hours today"))
    if problem := members_problem(known):
        console.print(Text(one_line(problem), "yellow"), soft_wrap=True)


def _show_queue(console: Console, queue: Sequence[Mapping[str, Any]]) -> None:
    """Print the sweeps that were handed in, the ended ones last."""
    if not queue:
        return
    console.print(Text("\nHanded in", "bold"))
    table = _table("sweep", "member", "", "since")
    for one in queue:
        since = time.strftime("%Y-%m-%d %H:%M", time.localtime(one["since"]))
        told = (one["sweep"], one["member"], how_it_stands(one), since)
        table.add_row(*map(_plain, told))
    console.print(table)


def _plain(text: str) -> Text:
    """Return a text that a member has written, in which nothing is markup."""
    return Text(one_line(text))


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        numeric = column in ("CPUs", "GPUs", "running", "share", "could use", "weight")
        table.add_column(column, justify="right" if numeric else "left")
    return table


if __name__ == "__main__":
    main()
