"""Torture a cluster of real processes with faults drawn at random: `make torture N=50 SEED=1`.

Each round: a head, a joined machine, a sweep that is handed in, one or two faults in the middle,
and what a person would do then (make head, make join). Afterwards every epoch of every trial must
be there once, with the numbers of a sweep that nobody disturbed.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.cluster.raylets import Machines, end, line
from tests.sweeps.processes import command, descendants, finish, start

#: Seconds after which a round has failed; and that a process is stopped, or a machine is away.
MOST_S, PAUSE_S = 300.0, 20.0
TRIALS, EPOCHS = 4, 60
SWEEP = (
    "name=t", "search=grid", "space=null", "stop=none", "seed=" + ",".join(map(str, range(TRIALS))),
    f"epochs={EPOCHS}", "track=none", "model.width=16", "data.fraction=0.5", "resources.cpu=1",
)  # fmt: skip
#: Columns that tell of time, not of training.
TIMES = ("epoch_s", "seconds", "samples_per_s")


@dataclass
class Round:
    """Holds the processes of a round."""

    folder: Path
    machines: Machines
    alpha: subprocess.Popen[str]

    @property
    def results(self) -> Path:
        return self.folder / "results"

    def epochs(self) -> int:
        """How many epochs are on record."""
        log = self.results / "t" / "study.log"
        return log.read_text().count('"op_code":7') if log.exists() else 0

    def processes(self, *words: str) -> list[int]:
        """Ours whose command line has all these words."""
        below = {*descendants(self.machines.head.pid), *descendants(self.alpha.pid)}
        return [pid for pid in below if all(word in command(pid) for word in words)]

    def join(self) -> None:
        self.alpha = self.machines.join("--member=alpha", "--cpus=1", folder=self.folder / "alpha")
        line(self.alpha, "joined")


def begin(folder: Path) -> Round:
    """Start a head and a machine, each with a folder of its own, as on two machines."""
    one = Round(folder, Machines.begin(folder / "zeta"), None)  # type: ignore[arg-type]
    (folder / "alpha").mkdir(mode=0o700)
    (folder / "alpha" / "token").write_text((folder / "zeta" / "token").read_text())
    one.join()
    return one


def kill(*words: str) -> Callable[[Round, random.Random], None]:
    """A fault that kills one process, the first it finds."""

    def fault(one: Round, dice: random.Random) -> None:
        found = one.processes(*words)
        if found:
            os.kill(dice.choice(found), signal.SIGKILL)

    return fault


def kill_head(one: Round, dice: random.Random) -> None:
    os.kill(one.machines.head.pid, signal.SIGKILL)
    one.machines.head.wait()
    time.sleep(dice.uniform(2, 8))
    one.machines.start_head()


def kill_machine(one: Round, dice: random.Random) -> None:
    os.kill(one.alpha.pid, signal.SIGKILL)
    one.alpha.wait()
    time.sleep(dice.uniform(0, 5))
    one.join()


def stop_machine(one: Round, dice: random.Random) -> None:
    """A machine that stands still, as a suspended laptop does."""
    below = [one.alpha.pid, *descendants(one.alpha.pid)]
    for pid in below:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(PAUSE_S)
    for pid in reversed(below):
        if Path(f"/proc/{pid}").exists():
            os.kill(pid, signal.SIGCONT)


def leave_and_join(one: Round, dice: random.Random) -> None:
    end(one.alpha)
    time.sleep(dice.uniform(0, 3))
    one.join()


FAULTS: Mapping[str, Callable[[Round, random.Random], None]] = {
    "a trial": kill("ray::ImplicitFunc"),
    "the driver": kill("run_queued"),
    "the arbiter": kill("ray::Arbiter"),
    "the service": kill("cluster.service.server"),
    "a raylet": kill_machine,
    "the head": kill_head,
    "a machine stands still": stop_machine,
    "a machine leaves and joins": leave_and_join,
}


def revive(one: Round) -> None:
    """Do what a person does who sees that something has ended."""
    if one.machines.head.poll() is not None:
        one.machines.start_head()
    if one.alpha.poll() is not None:
        one.join()


def table_of(results: Path) -> dict[str, list[dict[str, str]]]:
    """Trial -> its epochs, without times."""
    found = {}
    for path in sorted((results / "t" / "trials").glob("*/metrics.csv")):
        with path.open() as file:
            found[path.parent.name] = [
                {key: value for key, value in row.items() if key not in TIMES}
                for row in csv.DictReader(file)
            ]
    return found


def step(one: Round) -> str:
    """Where the sweep stands in the head's queue."""
    try:
        content = json.loads((one.machines.folder / "queue.json").read_text())
    except (OSError, ValueError):
        return ""
    return str(content[0]["step"]) if content else ""


def play(seed: int, reference: Mapping[str, list[dict[str, str]]]) -> tuple[str, float, str]:
    """Play a round; returns the faults, the seconds it took, and what is wrong (empty: nothing)."""
    dice = random.Random(seed)
    names = dice.sample([*FAULTS], dice.choice((1, 1, 2)))
    at = dice.randrange(5, TRIALS * EPOCHS // 2)
    told = f"{' and '.join(names)}, after {at} epochs"
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="caviar-torture-") as folder:
        one = begin(Path(folder))
        try:
            wrong = _play(one, dice, names, at, reference, began)
            return told, time.monotonic() - began, wrong
        finally:
            end(one.alpha)
            end(one.machines.head)


def _play(
    one: Round, dice: random.Random, names: list[str], at: int,
    reference: Mapping[str, list[dict[str, str]]], began: float,
) -> str:  # fmt: skip
    hand_in(one)
    while one.epochs() < at and step(one) != "ended":
        if time.monotonic() - began > MOST_S:
            return f"only {one.epochs()} epochs before any fault"
        time.sleep(0.05)
    for name in names:
        FAULTS[name](one, dice)
    while step(one) not in ("ended", "failed", "stopped"):
        revive(one)
        if time.monotonic() - began > MOST_S:
            return f"not over after {MOST_S:.0f} s: {step(one)}, {one.epochs()} epochs"
        time.sleep(0.2)
    if step(one) != "ended":
        return f"the sweep {step(one)}: {_last_line(one)}"
    with (one.results / "t" / "trials.csv").open() as file:
        bad = [row["id"] for row in csv.DictReader(file) if row["state"] != "complete"]
    if bad:
        return f"not complete: {bad}"
    found = table_of(one.results)
    return "" if found == reference else f"other numbers: {_difference(found, reference)}"


def hand_in(one: Round) -> None:
    words = (*SWEEP, f"results={one.results}")
    code, output = finish(start("cluster.submit", *words, **one.machines.environment))
    assert code == 0, output


def _last_line(one: Round) -> str:
    log = one.machines.folder / "logs" / "t.log"
    return (log.read_text().splitlines() or [""])[-1] if log.exists() else "no log"


def _difference(
    found: Mapping[str, list[dict[str, str]]], reference: Mapping[str, list[dict[str, str]]]
) -> str:
    for trial, rows in reference.items():
        epochs = [row["epoch"] for row in found.get(trial, [])]
        if epochs != [row["epoch"] for row in rows]:
            return f"{trial} has epochs {epochs[:3]}…{epochs[-3:]}, {len(epochs)} of {len(rows)}"
        for mine, right in zip(found[trial], rows, strict=True):
            if mine != right:
                return f"{trial} at epoch {right['epoch']}"
    return "trials that should not be there"


def undisturbed() -> dict[str, list[dict[str, str]]]:
    """The numbers of a sweep that nobody disturbs."""
    with tempfile.TemporaryDirectory(prefix="caviar-torture-") as folder:
        words = (*SWEEP, f"results={folder}")
        environment = {"CAVIAR_CLUSTER": f"{folder}/none", "RAY_ADDRESS": ""}
        code, output = finish(start("sweeps", *words, **environment))
        assert code == 0, output
        return table_of(Path(folder))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    console, reference = Console(), undisturbed()
    table = Table("round", "what was killed, and when", "s", "", box=None)
    failed = 0
    for number in range(given.n):
        told, seconds, wrong = play(1000 * given.seed + number, reference)
        failed += bool(wrong)
        console.print(f"{number + 1}/{given.n}  {told}: {wrong or 'whole'} ({seconds:.0f} s)")
        table.add_row(str(number + 1), told, f"{seconds:.0f}", wrong or "whole")
    console.print(table)
    console.print(f"{given.n - failed} of {given.n} whole")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
