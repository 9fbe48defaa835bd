"""Torture a cluster of real processes with faults drawn at random: `make torture N=50 SEED=1`.

Each round: a head, a joined machine, a sweep that is handed in or started by hand, one or two
faults in the middle, and what a person would do then (make head, make join, make resume).
Afterwards every epoch of every trial must be there once, with the numbers of a sweep that nobody
disturbed; nothing may run on, no scratch folder may be left, and the token may stand nowhere.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from contextlib import suppress

from rich.console import Console
from rich.table import Table

from tests.cluster.namespaces import why_none
from tests.sweeps.processes import ROOT
from tests.torture.faults import FAULTS
from tests.torture.game import Game, Played
from tests.torture.verdict import undisturbed

#: Set once we have a view of the disks of our own, in which what we mount ends with us.
_OWN = "CAVIAR_TORTURE_OWN_MOUNTS"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--n", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fault", default="", help="only the first whose name has this in it")
    given = parser.parse_args()
    if given.n < 1:
        parser.error(f"N={given.n} must be 1 or more")
    _with_own_mounts()
    os.environ["PYTHONPATH"] = str(ROOT)  # trials on other machines lack our model
    console, why = Console(), why_none()
    played: list[Played] = []
    with suppress(KeyboardInterrupt):
        right, began = undisturbed(), time.monotonic()
        for number in range(given.n):
            game = Game(1000 * given.seed + number, not why, given.fault)
            played.append(one := game.play(right))
            left = (time.monotonic() - began) / (number + 1) * (given.n - number - 1)
            console.print(
                f"{number + 1}/{given.n}  {one.told}: {one.wrong or 'whole'} ({one.seconds:.0f} s, "
                f"of them {one.pause_s:.0f} s without an epoch of some trial); "
                f"about {left // 60:.0f}:{left % 60:02.0f} left",
                soft_wrap=True, markup=False, highlight=False,
            )  # fmt: skip
    console.print(_table(played))
    if why:
        left_out = ", ".join(name for name, fault in FAULTS.items() if fault.apart)
        console.print(f"left out ({why}): {left_out}", soft_wrap=True)
    whole = sum(not one.wrong for one in played)
    console.print(f"{whole} of {len(played)} whole")
    sys.exit(0 if whole == given.n else 1)


def _table(played: list[Played]) -> Table:
    table = Table("round", "faults", "s", "pause", "what a person did", "", box=None)
    for number, one in enumerate(played, 1):
        table.add_row(
            *(str(number), one.told, f"{one.seconds:.0f}", f"{one.pause_s:.0f} s"),
            *(", ".join(one.done), one.wrong or "whole"),
        )
    return table


def _with_own_mounts() -> None:
    """Run in a view of the disks of our own, if that is allowed: as root, or root in it alone."""
    how = ["unshare", *(["-m"] if os.getuid() == 0 else ["-rnm"])]
    if _OWN in os.environ or subprocess.run([*how, "true"], check=False).returncode:
        return
    os.environ[_OWN] = "1"
    script = 'ip link set lo up 2>/dev/null; exec "$@"'
    again = [sys.executable, "-m", "tests.torture", *sys.argv[1:]]
    os.execvp(how[0], [*how, "sh", "-c", script, "sh", *again])


if __name__ == "__main__":
    main()
