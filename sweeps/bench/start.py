"""Measure where the time of `make sweep` goes, from the shell to the prompt, part by part.

Quickstart, with the trials that `trials=` gives, as a command of its own; and in turns, as a rival,
what Ray and PyTorch take by themselves: `ray.init`, as many trials of Ray Tune as fit at once, each
importing PyTorch and ending, and `ray.shutdown`.

    make bench BENCH=start ARGS="runs=3 trials=20"
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import track

from sweeps import ROOT, timeline
from sweeps.bench.record import MedianOfRuns, counts, show, write
from sweeps.cli import refusals, terminal
from trainers.errors import ConfigError

DEFAULTS = {"runs": 3, "trials": 20}

_RIVAL = """
import os, ray
from ray import tune

os.environ.update(RAY_AIR_NEW_OUTPUT="0", TUNE_DISABLE_AUTO_CALLBACK_LOGGERS="1")

def trial(config):
    import torch
    tune.report({"sum": float(torch.ones(2).sum())})

ray.init(address="local", include_dashboard=False, log_to_driver=False)
tuner = tune.Tuner(trial, tune_config=tune.TuneConfig(num_samples=os.cpu_count()),
                   run_config=tune.RunConfig(verbose=0, storage_path=os.environ["STORAGE"]))
tuner.fit()
ray.shutdown()
"""


@dataclass(frozen=True)
class Started:
    """Holds the figures of one sweep.

    Attributes:
        wall_s: seconds of the whole command.
        parts: part -> its seconds, in the order in which they come.
        training_s: seconds that a slot trained, of all slots the mean.
    """

    wall_s: float
    parts: dict[str, float]
    training_s: float


def main() -> None:
    """Run sweeps and the rival in turns, print the timeline and write results/bench/start.json."""
    console = terminal()
    with refusals():
        options = counts(sys.argv[1:], DEFAULTS)
        ours, bare = _measured(options["runs"], options["trials"], console)
    figures = {
        "wall": MedianOfRuns.of([one.wall_s for one in ours], "s"),
        **{part: MedianOfRuns.of(seconds, "s") for part, seconds in _parts(ours).items()},
        "training of a slot": MedianOfRuns.of([one.training_s for one in ours], "s"),
        "besides training": MedianOfRuns.of([one.wall_s - one.training_s for one in ours], "s"),
        "bare Ray and PyTorch": MedianOfRuns.of(bare, "s"),
        "besides training / bare": MedianOfRuns.of(
            [(o.wall_s - o.training_s) / b for o, b in zip(ours, bare, strict=True)], "times"
        ),
    }
    path = write("start", options["runs"], figures)
    show(console, f"make sweep, {options['trials']} trials, from the shell to the prompt", figures)
    console.print(f"\n{path}", soft_wrap=True)


def _measured(runs: int, trials: int, console: Console) -> tuple[list[Started], list[float]]:
    ours, bare = [], []
    for _ in track(range(runs), "sweeps", console=console, disable=not console.is_terminal):
        ours.append(sweep(trials))
        bare.append(rival())
    return ours, bare


def sweep(trials: int) -> Started:
    """Run a sweep as a command of its own, and measure it."""
    with tempfile.TemporaryDirectory() as folder:
        notes = Path(folder, "timeline")
        words = [f"results={folder}", "name=s", "track=none", f"budget.trials={trials}"]
        began, ended = _timed(["-m", "sweeps", *words], {timeline.FILE: str(notes)})
        summary = json.loads(Path(folder, "s", "summary.json").read_text(encoding="utf-8"))
        marks = timeline.read(notes)
    ends = [mark.at for mark in marks[1:]] + [ended]
    parts = {"python": marks[0].at - began}
    for mark, end in zip(marks, ends, strict=True):
        parts[mark.part] = parts.get(mark.part, 0.0) + end - mark.at
    return Started(ended - began, parts, summary["train_s"] / min(trials, os.cpu_count() or 1))


def rival() -> float:
    """Measure what Ray and PyTorch take without us, in seconds."""
    with tempfile.TemporaryDirectory() as folder:
        began, ended = _timed(["-c", _RIVAL], {"STORAGE": folder})
    return ended - began


def _timed(words: Sequence[str], environment: dict[str, str]) -> tuple[float, float]:
    began = time.time()
    done = subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ConfigError(f"a run has failed: {(done.stderr or done.stdout).strip()[-300:]}")
    return began, time.time()


def _parts(runs: Sequence[Started]) -> dict[str, list[float]]:
    """Map each part to its seconds in each run, in the order of their beginning."""
    names = dict.fromkeys(part for run in runs for part in run.parts)
    return {f"  {name}": [run.parts.get(name, 0.0) for run in runs] for name in names}


if __name__ == "__main__":
    main()
