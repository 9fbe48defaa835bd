"""Measure whether logging to W&B slows training: the same sweep without it, and with it.

Three trainings of one configuration on MNIST, one at a time, in turns with track=none, with W&B
offline and, where WANDB_BASE_URL and WANDB_API_KEY name a server, with W&B online there. That
server should be another machine's or a stand-in's: what it computes here would be measured too.

    make bench BENCH=tracking ARGS="runs=3 epochs=20 data.root=data/mnist"
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from sweeps import ROOT
from sweeps.bench.record import MedianOfRuns, show, write
from sweeps.cli import refusals, terminal
from sweeps.config.overrides import key_of, value_of
from trainers.config import compose
from trainers.data import resident
from trainers.errors import ConfigError
from trainers.files import history

DEFAULTS = {"runs": 3, "epochs": 20}
SEEDS = 3  # trials of a sweep
_SERVER = ("WANDB_BASE_URL", "WANDB_API_KEY")
_SIDES = {
    "none": ["track=none"],
    "offline": ["track=wandb", "track.mode=offline"],
    "online": ["track=wandb", "track.mode=online"],
}
_SWEEP = (
    "experiment=mnist",
    "space=null",
    "search=grid",
    f"seed={','.join(map(str, range(1, SEEDS + 1)))}",
    "stop=none",
    "model.channels=8",
    "max_concurrent=1",
    "budget.trials=null",
    "name=s",
)


@dataclass(frozen=True)
class MeasuredSweep:
    """Holds the figures of one sweep.

    Attributes:
        epoch_s: seconds of an epoch, the mean of all.
        between_epochs_s: seconds until the next epoch of a trial, the checkpoint included; median.
        between_trials_s: the same until the next trial's first.
        cpu_s: name of a process -> its seconds of CPU.
        wall_s: seconds of the whole command.
    """

    epoch_s: float
    between_epochs_s: float
    between_trials_s: float
    cpu_s: Mapping[str, float]
    wall_s: float


def main() -> None:
    """Run the sweeps in turns, print the figures and write results/bench/tracking.json."""
    console = terminal()
    with refusals():
        options, data_root = _options(sys.argv[1:])
        data = compose(["data=mnist", *data_root]).data
        resident.prepare(data)  # fetched once, where it is not here
        root = Path(str(data["root"])).absolute()
        sides = [side for side in _SIDES if side != "online" or all(map(os.environ.get, _SERVER))]
        ran = _measured(options["runs"], options["epochs"], root, sides, console)
    figures = _figures(ran)
    path = write("tracking", options["runs"], figures)
    show(console, f"{SEEDS} trainings of {options['epochs']} epochs, one at a time", figures)
    if "online" not in sides:
        console.print(f"\nnot measured online: that needs {' and '.join(_SERVER)} of a server")
    console.print(f"\n{path}", soft_wrap=True)


def _options(words: Sequence[str]) -> tuple[dict[str, int], list[str]]:
    """Read runs= and epochs=, and the override of the data's folder if given."""
    options = dict(DEFAULTS)
    data_root: list[str] = []
    for word in words:
        key, value = key_of(word), value_of(word)
        if key == "data.root" and value:
            data_root = [word]
            continue
        if (
            key not in options
            or not value.isdecimal()
            or int(value) < (2 if key == "epochs" else 1)
        ):
            raise ConfigError(f"{word}: this benchmark takes runs=3, epochs=20 and data.root=…")
        options[key] = int(value)
    return options, data_root


def _measured(
    runs: int, epochs: int, root: Path, sides: Sequence[str], console: Console
) -> dict[str, list[MeasuredSweep]]:
    """Measure every side in turns, in another order each time."""
    ran: dict[str, list[MeasuredSweep]] = {side: [] for side in sides}
    turns = [side for run in range(runs) for side in (sides if run % 2 == 0 else sides[::-1])]
    for side in track(turns, "sweeps", console=console, disable=not console.is_terminal):
        ran[side].append(sweep(_SIDES[side], epochs, root))
    return ran


def sweep(tracked: Sequence[str], epochs: int, root: Path) -> MeasuredSweep:
    """Run a sweep as a command of its own, and measure it."""
    with tempfile.TemporaryDirectory() as folder:
        words = [*_SWEEP, *tracked, f"epochs={epochs}", f"data.root='{root}'", f"results={folder}"]
        began = time.monotonic()
        with open(Path(folder, "printed"), "w+", encoding="utf-8") as printed:
            process = subprocess.Popen(
                [sys.executable, "-m", "sweeps", *words], cwd=ROOT, stdout=printed, stderr=printed
            )
            cpu_s = _cpu(process)
            printed.seek(0)
            if process.returncode:
                raise ConfigError(f"a sweep has failed: {printed.read().strip()[-300:]}")
        trials = sorted(Path(folder, "s", "trials").iterdir())
        return measured(trials, cpu_s, time.monotonic() - began)


def measured(trials: Sequence[Path], cpu_s: Mapping[str, float], wall_s: float) -> MeasuredSweep:
    """Compute the figures of a sweep that ran one trial after the other, from its files."""
    took: list[float] = []
    ends: list[tuple[Path, float, float]] = []  # trial, when its epoch was kept, its seconds
    for trial in trials:
        for epoch, metrics in sorted(history.read(trial / "metrics.csv").items()):
            kept = (trial / f"epoch_{epoch:03d}" / "state.pt").stat().st_mtime
            took.append(metrics["epoch_s"])
            ends.append((trial, kept, metrics["epoch_s"]))
    ends.sort(key=lambda end: end[1])
    within: list[float] = []
    across: list[float] = []
    for (before, ended, _), (trial, kept, seconds) in pairwise(ends):
        (within if before == trial else across).append(kept - seconds - ended)
    medians = statistics.median(within), statistics.median(across)
    return MeasuredSweep(statistics.mean(took), *medians, cpu_s, wall_s)


def _cpu(process: subprocess.Popen[Any]) -> dict[str, float]:
    """Wait for a driver to end; return the seconds of CPU that it and its wandb-core took.

    Those of their last half second may be missing, and all of them outside Linux.
    """
    seconds = {"driver": 0.0, "wandb-core": 0.0}
    while process.poll() is None:
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                number, _, rest = stat.read_text(errors="replace").partition(" (")
                name, _, fields = rest.rpartition(") ")
                _, parent, *others = fields.split()
                used = sum(map(int, others[9:11])) / os.sysconf("SC_CLK_TCK")
                if int(number) == process.pid:
                    seconds["driver"] = used
                elif int(parent) == process.pid and name == "wandb-core":
                    seconds[name] = used
        time.sleep(0.5)
    return seconds


def _figures(ran: Mapping[str, Sequence[MeasuredSweep]]) -> dict[str, MedianOfRuns]:
    """Name the figures of each side, and its ratio to the sweep of the same turn without W&B."""
    figures: dict[str, MedianOfRuns] = {}
    for side, runs in ran.items():
        of = MedianOfRuns.of
        figures[f"track {side}: epoch"] = of([run.epoch_s for run in runs], "s")
        if side != "none":
            ratios = [r.epoch_s / bare.epoch_s for r, bare in zip(runs, ran["none"], strict=True)]
            figures[f"  {side}, epoch / none"] = of(ratios, "times")
        for between in ("epochs", "trials"):
            ms = [1e3 * getattr(run, f"between_{between}_s") for run in runs]
            figures[f"  {side}, slot between {between}"] = of(ms, "ms")
        for name in ("driver", "wandb-core"):
            figures[f"  {side}, CPU of {name}"] = of([run.cpu_s[name] for run in runs], "s")
        figures[f"  {side}, wall"] = of([run.wall_s for run in runs], "s")
    return figures


if __name__ == "__main__":
    main()
