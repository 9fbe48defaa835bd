"""Measure what tracking costs the training: epochs with W&B, and without, in turns.

The same trials each time, one at a time: with track=none, with W&B's files alone (offline), and,
where WANDB_BASE_URL and WANDB_API_KEY name a server for it, online.

    make bench BENCH=tracking ARGS="runs=3 epochs=40"
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.progress import track

from sweeps import ROOT
from sweeps.bench.record import MedianOfRuns, show, write
from sweeps.cli import refusals, terminal
from sweeps.config.overrides import key_of, value_of
from sweeps.results_folder import Folder
from trainers.errors import ConfigError
from trainers.files import history

DEFAULTS = {"runs": 3, "epochs": 40}
_TRIALS = "1,2,3"
_NONE = "without"
#: Figure of a sweep -> what it is.
_WHAT = {
    "epoch_s": "training of an epoch",
    "held_s": "epoch with its checkpoint",
    "cpu_s": "processors, whole sweep",
}


@dataclass(frozen=True)
class Tracked:
    """Holds the figures of one sweep.

    Attributes:
        epoch_s: seconds of an epoch's training, the median of all.
        held_s: seconds that trials held their slot, for an epoch: with its checkpoint.
        cpu_s: seconds of all processors, in all processes of the sweep.
    """

    epoch_s: float
    held_s: float
    cpu_s: float


def main() -> None:
    """Run sweeps in turns, print their figures and write results/bench/tracking.json."""
    console = terminal()
    with refusals():
        options = _options(sys.argv[1:])
        contenders = {_NONE: ["track=none"], "offline": ["track=wandb", "track.mode=offline"]}
        if "WANDB_BASE_URL" in os.environ:
            contenders["online"] = ["track=wandb", "track.mode=online"]
        runs: dict[str, list[Tracked]] = {name: [] for name in contenders}
        turns = range(options["runs"])
        for _ in track(turns, "sweeps", console=console, disable=not console.is_terminal):
            for name, words in contenders.items():
                runs[name].append(sweep(words, options["epochs"]))
    figures = {what: figure for part in _WHAT for what, figure in _figures(runs, part)}
    path = write("tracking", options["runs"], figures)
    show(console, f"3 trials of {options['epochs']} epochs, one at a time", figures)
    console.print(f"\n{path}", soft_wrap=True)


def _figures(
    runs: Mapping[str, Sequence[Tracked]], part: str
) -> Iterator[tuple[str, MedianOfRuns]]:
    """Yield a figure of each contender, and its ratio to that of the same turn without tracking."""
    values = {name: [getattr(one, part) for one in turns] for name, turns in runs.items()}
    for name, own in values.items():
        yield f"{_WHAT[part]}, {name}", MedianOfRuns.of(own, "s")
        if name != _NONE:
            ratios = [a / b for a, b in zip(own, values[_NONE], strict=True)]
            yield f"{_WHAT[part]}, {name} / {_NONE}", MedianOfRuns.of(ratios, "times")


def _options(words: Sequence[str]) -> dict[str, int]:
    """Read runs= and epochs=."""
    options = dict(DEFAULTS)
    for word in words:
        value = value_of(word)
        if key_of(word) not in options or not value.isdecimal() or int(value) < 1:
            raise ConfigError(f"{word}: this benchmark takes runs=3 and epochs=40")
        options[key_of(word)] = int(value)
    return options


def sweep(tracking: Sequence[str], epochs: int) -> Tracked:
    """Run a sweep as a command of its own, and measure it."""
    with tempfile.TemporaryDirectory() as results:
        words = [
            *(f"results={results}", "name=s", "search=grid", "stop=none", "space=null"),
            *(f"seed={_TRIALS}", f"epochs={epochs}", "max_concurrent=1", *tracking),
        ]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [sys.executable, "-m", "sweeps", *words],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode:
            raise ConfigError(f"a run has failed: {(done.stderr or done.stdout).strip()[-300:]}")
        folder = Folder(Path(results, "s"))
        rows = [
            row
            for path in sorted(folder.trials.glob("*/metrics.csv"))
            for row in history.read(path).values()
        ]
        summary = json.loads(folder.summary.read_text(encoding="utf-8"))
    return Tracked(
        statistics.median(row["epoch_s"] for row in rows),
        summary["train_s"] / len(rows),
        after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
    )


if __name__ == "__main__":
    main()
