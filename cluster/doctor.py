"""Try this machine from end to end, and print what to do: `make doctor [HEAD=host:port]`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cluster.checks import card_trial, connection, hardware, software, work
from cluster.checks.check import Check, Verdict, fail
from sweeps.cli import FAILED, doing, refusals, terminal
from sweeps.formatting import one_line
from trainers.errors import class_and_first_line

_COLOURS = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.FAIL: "bold red"}

#: What is tried, as a person reads it, and how: the quick ones first.
_Trial = tuple[str, Callable[[], "Check | Iterable[Check]"]]


def trials(head: str) -> Sequence[_Trial]:
    """List what is tried.

    Args:
        head: host:port; empty: of the head last started or joined here.
    """
    return (
        ("Python", software.python),
        ("packages", software.packages),
        ("code", software.code),
        ("cores", hardware.cores),
        ("memory", hardware.memory),
        ("disk", hardware.disk),
        ("shared memory", hardware.shared_memory),
        ("open files", hardware.open_files),
        ("cards", card_trial.cards),
        ("data", work.data),
        ("W&B", work.wandb),
        ("token", connection.token),
        ("head", lambda: connection.head(head)),
        ("a trial", work.trial),
    )


def examine(head: str) -> list[Check]:
    """Try everything, and say meanwhile what is being tried."""
    found: list[Check] = []
    for what, attempt in trials(head):
        with doing(f"trying: {what}"):
            try:
                given = attempt()
                found += [given] if isinstance(given, Check) else list(given)
            except Exception as error:  # what cannot even be looked at is a finding
                found.append(fail(what, class_and_first_line(error), "tell us: this is a bug"))
    return found


def show(console: Console, checks: Sequence[Check]) -> None:
    """Print a line for each, and below it what to do."""
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for check in checks:
        text = Text(one_line(check.found))
        if check.remedy:
            text.append(f"\n→ {one_line(check.remedy)}", style=_COLOURS[check.verdict])
        table.add_row(Text(check.verdict.value, _COLOURS[check.verdict]), Text(check.what), text)
    console.print(table)
    bad = [
        sum(check.verdict is verdict for check in checks)
        for verdict in (Verdict.FAIL, Verdict.WARN)
    ]
    console.print(f"\n{bad[0]} failed, {bad[1]} to look at" if any(bad) else "\nall is well")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m cluster.doctor", description=__doc__)
    parser.add_argument("--head", default="", help="host:port of a head to join")
    given = parser.parse_args()
    with refusals():
        checks = examine(given.head)
        show(terminal(), checks)
        if any(check.verdict is Verdict.FAIL for check in checks):
            raise SystemExit(FAILED)


if __name__ == "__main__":
    main()
