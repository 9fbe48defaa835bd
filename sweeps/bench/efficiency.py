"""Measure the training that searches and stops need for a good configuration.

Curves: 20 epochs each of some hundred small models on a quarter of real speech (see `CURVES`), over
five parameters; the search proposes anything in that space and gets the nearest curve. The goal is
the best configuration that random search finds in 50 trials, all to their end, with the same seed.
The figure is the training that a strategy needs until it has found one as good, as a share of the
training of those 50 trials; a strategy that takes more than twice as much has given up.

    make bench BENCH=efficiency ARGS="seeds=20 workers=4"
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from itertools import repeat
from multiprocessing import get_context

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from sweeps import ROOT
from sweeps.bench.record import MedianOfRuns, write
from sweeps.checked.check import check
from sweeps.checked.sweep import Sweep
from sweeps.cli import refusals, terminal, use_plugins
from sweeps.config.composition import compose
from sweeps.config.overrides import key_of, value_of
from sweeps.driver.budget import UNLIMITED
from sweeps.simulation import baseline, simulate
from sweeps.simulation.lookup_table import read
from trainers.errors import ConfigError

#: Recorded with SPACE, `data.fraction=0.25 model.depth=2 batch_size=256 epochs=20 search=sobol
#: stop=none`, and `sweeps.simulation.lookup_table.write`.
CURVES = ROOT / "tests" / "sweeps" / "simulation" / "phoneme_curves.csv"
SPACE = (
    "optimizer.lr=tag(log,interval(1e-4,1e-1))",
    "model.width=tag(log,int(interval(16,256)))",
    "model.dropout=interval(0.0,0.5)",
    "data.context=int(interval(0,10))",
    "norm=batch,none",
)
CONTENDERS = (
    ("random", "none"),
    ("tpe", "none"),
    ("gp", "none"),
    ("random", "asha"),
    ("tpe", "asha"),
    ("random", "promotion"),
    ("tpe", "promotion"),
    ("random", "pasha"),
    ("tpe", "pasha"),
)
TRIALS = 50  # of the random search that sets the goal
GIVEN_UP = 2.0  # a strategy gives up after so many times the training of that random search
DEFAULTS = {"seeds": 20, "workers": 4}
#: Added to the contenders' seeds, so that random search does not repeat the yardstick's draws.
_OTHER = 10_000


def main() -> None:
    """Simulate all strategies, print a table and write results/bench/efficiency.json."""
    console = terminal()
    use_plugins()
    with refusals():
        options = _options(sys.argv[1:])
        seeds, workers = range(options["seeds"]), options["workers"]
        shares: dict[tuple[str, str], list[float]] = {
            contender: [math.inf] * len(seeds) for contender in CONTENDERS
        }
        with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as pool:
            goals = list(pool.map(_goal, seeds, repeat(workers)))
            tasks = {
                pool.submit(_share, *contender, seed, workers, *goals[seed]): (contender, seed)
                # The slowest search first, so that no process waits for it at the end.
                for contender in sorted(CONTENDERS, key=lambda one: one[0] != "gp")
                for seed in seeds
            }
            done = as_completed(tasks)
            for count, task in enumerate(
                track(done, "simulating", total=len(tasks), console=console), 1
            ):
                contender, seed = tasks[task]
                shares[contender][seed] = task.result()
                if not console.is_terminal and count % len(CONTENDERS) == 0:
                    console.print(f"simulated: {count} of {len(tasks)}")
        figures = _figures(shares, console)
        path = write("efficiency", len(seeds), figures)
    console.print(f"\n{path}")


def _options(words: Sequence[str]) -> dict[str, int]:
    """Read the options `seeds=` and `workers=` of the command line."""
    options = dict(DEFAULTS)
    for word in words:
        key, value = key_of(word), value_of(word)
        if key not in DEFAULTS or not value.isdecimal() or int(value) < 1:
            raise ConfigError(
                f"{word}: this bench takes seeds=20 and workers=4, whole numbers of 1 or more"
            )
        options[key] = int(value)
    return options


def _sweep(search: str, stop: str) -> Sweep:
    words = ["experiment=hw1p2", "space=null", "points=[]", "baseline=false", "epochs=20"]
    words += ["model.max_parameters=null", f"search={search}", f"stop={stop}", *SPACE]
    with compose(words) as composition:
        return check(composition)


def _goal(seed: int, workers: int) -> tuple[float, float]:
    """Return the best of random search after `TRIALS` trials, and its seconds of training."""
    use_plugins()
    sweep = _sweep("random", "none")
    source = read(CURVES, sweep.space, sweep.objective)
    random_search = baseline(sweep, source, workers, seed, TRIALS)
    return random_search.best or -math.inf, random_search.train_s


def _share(search: str, stop: str, seed: int, workers: int, goal: float, train_s: float) -> float:
    """Return the training until the goal is met, as a share of `train_s`; infinity: given up."""
    use_plugins()
    sweep = _sweep(search, stop)
    source = read(CURVES, sweep.space, sweep.objective)
    most = round(GIVEN_UP * TRIALS * source.epochs)
    sweep = replace(sweep, budget=replace(UNLIMITED, epochs=most, target=goal))
    met = simulate(sweep, source, workers, seed + _OTHER).reached(goal)
    share = math.inf if met is None else met.train_s / train_s
    return share if share <= GIVEN_UP else math.inf


def _figures(
    shares_of: dict[tuple[str, str], list[float]], console: Console
) -> dict[str, MedianOfRuns]:
    """Print a row for each contender, the least training first, and return its figures."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for head in ("search", "stop"):
        table.add_column(head)
    for head in ("training needed", "95 %", "goal met"):
        table.add_column(head, justify="right")
    figures: dict[str, MedianOfRuns] = {}
    ranked = sorted(shares_of, key=lambda c: float(np.median(_capped(shares_of[c]))))
    for search, stop in ranked:
        shares = _capped(shares_of[search, stop])
        low, high = _interval(shares)
        middle = float(np.median(shares))
        met = float(np.mean(np.isfinite(shares_of[search, stop])))
        figures[f"{search}, stop={stop}: training needed"] = MedianOfRuns(
            middle, low, high, "of 50 random trials"
        )
        figures[f"{search}, stop={stop}: goal met"] = MedianOfRuns(met, met, met, "of all seeds")
        cells = f"{middle:.2f}", f"{low:.2f} to {high:.2f}", f"{met:.0%}"
        table.add_row(search, stop, *cells)
    console.print(table)
    console.print(
        f"median over {len(shares)} seeds, as a share of the training of {TRIALS} random trials in "
        "full;\n95 % by bootstrap of the median",
    )
    return figures


def _capped(shares: Sequence[float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Count a strategy that has given up with the training it was granted."""
    return np.minimum(np.array(shares, dtype=np.float64), GIVEN_UP)


def _interval(
    shares: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> tuple[float, float]:
    """Return the 95 % interval of the median, by bootstrap (Efron 1979), percentile method."""
    drawn = np.random.default_rng(0).choice(shares, (10_000, len(shares)))
    low, high = np.quantile(np.median(drawn, axis=1), (0.025, 0.975))
    return float(low), float(high)


if __name__ == "__main__":
    main()
