"""What must hold after a round, in words if it does not."""

from __future__ import annotations

import csv
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tests.sweeps.processes import command, finish, start
from tests.torture.round import EPOCHS, SWEEP, TRIALS, Round

#: Trial -> its epochs, as `metrics.csv` has them, without times.
Numbers = Mapping[str, list[dict[str, str]]]

#: Columns that tell of time, not of training.
_TIMES = ("epoch_s", "seconds", "samples_per_s")
#: Seconds that what is being ended may take to be gone, and bytes of a log that are read.
_GONE_S, _MOST = 30.0, 64 * 2**20


def undisturbed() -> Numbers:
    """The numbers of a sweep that nobody disturbs."""
    with tempfile.TemporaryDirectory(prefix="caviar-torture-") as folder:
        words = (*SWEEP, f"results={folder}")
        environment = {"CAVIAR_CLUSTER": f"{folder}/none", "RAY_ADDRESS": ""}
        code, output = finish(start("sweeps", *words, **environment))
        assert code == 0, output
        return _numbers(Path(folder))


def wrong_with_sweep(one: Round, right: Numbers) -> str:
    """What is wrong with the sweep that has ended."""
    with (one.results / "t" / "trials.csv").open() as file:
        bad = [row["id"] for row in csv.DictReader(file) if row["state"] != "complete"]
    if bad:
        return f"not complete: {bad}"
    recorded = one.epochs()
    if len(recorded) != TRIALS * EPOCHS or len(set(recorded)) != len(recorded):
        return f"{len(recorded)} epochs on record, {len(set(recorded))} different ones"
    found = _numbers(one.results)
    return "" if found == right else f"other numbers: {_difference(found, right)}"


def token_found(one: Round) -> str:
    """Where the cluster's token is, but in its own files."""
    token = (one.machines.folder / "token").read_text().strip()
    places = (one.folder, *Path(tempfile.gettempdir()).glob("caviar-ray-*"))
    for path in (found for place in places for found in place.rglob("*")):
        with suppress(OSError):
            small = path.is_file() and path.stat().st_size < _MOST
            if small and path.name != "token" and token.encode() in path.read_bytes():
                return f"the token is in {path}"
    pids = [pid for pid in one.processes() if token in command(pid)]
    return f"the token is in the command line of {pids}" if pids else ""


def left_over(folder: Path) -> str:
    """What a round has left, once all of it was ended: a process, or a scratch folder."""
    until = time.monotonic() + _GONE_S
    while (left := _of_round(folder)) and time.monotonic() < until:
        time.sleep(0.2)
    if left:
        return f"still running: {[command(pid)[:60] for pid in left]}"
    scratch = [*folder.rglob("*caviar-scratch-*")]
    return f"left: {scratch}" if scratch else ""


def _of_round(folder: Path) -> list[int]:
    """The processes that know a round's folder: the environment of each of them has it."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if f"{folder}/".encode() in path.read_bytes():
                found.append(int(path.parent.name))
    return found


def _numbers(results: Path) -> Numbers:
    found = {}
    for path in sorted((results / "t" / "trials").glob("*/metrics.csv")):
        with path.open() as file:
            found[path.parent.name] = [
                {key: value for key, value in row.items() if key not in _TIMES}
                for row in csv.DictReader(file)
            ]
    return found


def _difference(found: Numbers, right: Numbers) -> str:
    for trial, rows in right.items():
        epochs = [row["epoch"] for row in found.get(trial, [])]
        if epochs != [row["epoch"] for row in rows]:
            return f"{trial} has epochs {epochs[:3]}…{epochs[-3:]}, {len(epochs)} of {len(rows)}"
        for mine, other in zip(found[trial], rows, strict=True):
            if mine != other:
                return f"{trial} at epoch {other['epoch']}"
    return "trials that should not be there"
