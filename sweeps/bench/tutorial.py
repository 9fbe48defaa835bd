"""Compare the study of the course's Optuna tutorial: a sweep of ours and a student's script.

Both search the same space on the same images with the same rules (100 trials, 600 s, 10 epochs of
30 batches of 128, validated on 10 batches), each as a command of its own, in turns:

    plain    `sweeps.bench.plain_optuna`: Optuna and a DataLoader, as the tutorial writes it
    ours     `make sweep ARGS="experiment=optuna_mnist"`, two trials at a time on two cores

    make bench BENCH=tutorial ARGS="seeds=3 data.root=data/mnist"
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import optuna
from optuna.trial import TrialState
from rich.console import Console
from rich.progress import track
from rich.table import Table

from sweeps import ROOT
from sweeps.bench.record import MedianOfRuns, show, write
from sweeps.cli import refusals, terminal
from sweeps.config.overrides import key_of, value_of
from sweeps.study.storage import read_only
from trainers.config import compose
from trainers.data import resident
from trainers.errors import ConfigError

SEEDS = 3


@dataclass(frozen=True)
class Ran:
    """Holds the figures of one run, of ours or of the plain script.

    Attributes:
        wall_s: seconds of the whole command.
        best, test: accuracy of the best model on the validation and the test images.
        trials: number of trials.
        best_after: (seconds since the command began, best accuracy) at the end of each trial.
    """

    wall_s: float
    best: float
    test: float
    trials: int
    best_after: tuple[tuple[float, float], ...]

    def reached(self, goal: float) -> float:
        """Return the seconds until a trial as good as the goal had ended; infinity without one."""
        return next((s for s, best in self.best_after if best >= goal), math.inf)


def main() -> None:
    """Run both sides, print a table and write results/bench/tutorial.json."""
    console = terminal()
    with refusals(), tempfile.TemporaryDirectory() as scratch:
        seeds, data_root = _options(sys.argv[1:])
        data = compose(["data=mnist", *data_root]).data
        resident.prepare(data)
        runs: dict[str, list[Ran]] = {"plain": [], "ours": []}
        turns = [(seed, side) for seed in range(seeds) for side in runs]
        for seed, side in track(turns, "running both studies", console=console):
            run = _plain if side == "plain" else _ours
            runs[side].append(run(str(data["root"]), seed, Path(scratch) / f"{side}-{seed}"))
        path = _report(runs, console)
    console.print(f"\n{path}")


def _options(words: Sequence[str]) -> tuple[int, list[str]]:
    """Read the options: the number of seeds, and the override of the data's folder if given."""
    options = {key_of(word): value_of(word) for word in words}
    for key in options:
        if key not in ("seeds", "data.root"):
            raise ConfigError(f"{key}: this bench takes seeds=3 and data.root=…")
    seeds = options.get("seeds", str(SEEDS))
    if not seeds.isdecimal() or int(seeds) < 1:
        raise ConfigError(f"seeds={seeds} must be a whole number of 1 or more: seeds={SEEDS}")
    root = options.get("data.root")
    return int(seeds), [] if root is None else [f"data.root={root}"]


def _plain(root: str, seed: int, output: Path) -> Ran:
    wall_s, began = _command("sweeps.bench.plain_optuna", root, str(seed), str(output))
    figures = json.loads(output.read_text())
    after = tuple((ended - began, best) for ended, best in figures["best_at"])
    return Ran(wall_s, figures["best"], figures["test"], figures["trials"], after)


def _ours(root: str, seed: int, results: Path) -> Ran:
    words = ["experiment=optuna_mnist", f"seed={seed}", f"data.root={Path(root).absolute()}"]
    wall_s, began = _command("sweeps", *words, f"results={results}", "name=s", "track=none")
    summary = json.loads((results / "s" / "summary.json").read_text())
    study = optuna.load_study(study_name="s", storage=read_only(results / "s" / "study.log"))
    best, after = -math.inf, []
    ended = [t for t in study.get_trials(deepcopy=False) if t.datetime_complete is not None]
    for trial in sorted(ended, key=lambda t: t.datetime_complete or 0):
        if trial.state in (TrialState.COMPLETE, TrialState.PRUNED) and trial.datetime_complete:
            best = max(best, *trial.intermediate_values.values())
            after.append((trial.datetime_complete.timestamp() - began, best))
    winner = summary["best"]
    return Ran(wall_s, winner["value"], winner["test_accuracy"], summary["trials"], tuple(after))


def _command(module: str, *words: str) -> tuple[float, float]:
    """Run a module as a command; return its seconds and the time at which it began."""
    began = time.time()
    process = subprocess.run(
        [sys.executable, "-m", module, *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode:
        last = (process.stderr.strip().splitlines() or ["it printed no error"])[-1]
        raise ConfigError(f"{module} failed: {last}")
    return time.time() - began, began


def _report(runs: dict[str, list[Ran]], console: Console) -> Path:
    """Print a row for each run, and write the figures; return their path."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    heads = ("seed", "side", "wall s", "trials", "best", "on 10,000 test", "the other's best after")
    for head in heads:
        table.add_column(head, justify="left" if head == "side" else "right")
    pairs = list(zip(runs["plain"], runs["ours"], strict=True))
    for seed, pair in enumerate(pairs):
        plain, ours = pair
        for side, one, other in (("plain", plain, ours), ("ours", ours, plain)):
            after = one.reached(other.best)
            reached = f"{after:.0f} s" if math.isfinite(after) else "never"
            scores = f"{one.best:.4f}", f"{one.test:.4f}"
            table.add_row(str(seed), side, f"{one.wall_s:.0f}", str(one.trials), *scores, reached)
    console.print(table)
    figures: dict[str, MedianOfRuns] = {}
    for side, ran in runs.items():
        figures[f"{side}, wall"] = MedianOfRuns.of([r.wall_s for r in ran], "s")
        figures[f"{side}, best validation accuracy"] = MedianOfRuns.of(
            [100 * r.best for r in ran], "%"
        )
        figures[f"{side}, accuracy on the test images"] = MedianOfRuns.of(
            [100 * r.test for r in ran], "%"
        )
    figures["wall, plain over ours"] = MedianOfRuns.of([p.wall_s / o.wall_s for p, o in pairs], "x")
    for name, several in (
        ("ours, until plain's best", [o.reached(p.best) for p, o in pairs]),
        ("plain, until our best", [p.reached(o.best) for p, o in pairs]),
    ):
        finite = [s for s in several if math.isfinite(s)]
        figures[f"{name}: reached"] = MedianOfRuns.of([len(finite) / len(several)], "of all seeds")
        if finite:
            figures[f"{name}, where reached"] = MedianOfRuns.of(finite, "s")
    show(console, f"\n{len(pairs)} seeds", figures)
    return write("tutorial", len(pairs), figures)


if __name__ == "__main__":
    main()
