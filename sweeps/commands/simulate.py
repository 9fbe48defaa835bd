"""Run a sweep in simulated time: `make simulate [SWEEP=…] [ARGS="workers=8 …"]`.

The search and the stopping rule are those of a real sweep; the learning curves are those of
SWEEP's trials, or without a SWEEP made-up ones. Nothing is trained and nothing is written.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from hydra.errors import HydraException
from rich import box
from rich.console import Console
from rich.table import Table

from sweeps import results_folder
from sweeps.checked.check import check
from sweeps.checked.sweep import Sweep
from sweeps.cli import refusals, terminal, use_plugins
from sweeps.config.composition import compose
from sweeps.config.overrides import key_of, replaced, split, value_of
from sweeps.config.schema import Kind, SweepConfig, is_of, keys_of
from sweeps.config.trusted_targets import Origin
from sweeps.formatting import duration, score
from sweeps.simulation import (
    CurveSource,
    Generated,
    Simulated,
    baseline,
    check_length,
    read,
    simulate,
)
from trainers.errors import ConfigError
from trainers.nearest_names import unknown

#: Options beside Hydra overrides; for a recorded sweep, `trials` is its budget by default.
DEFAULTS = {"workers": 8, "trials": 1000, "seeds": 5}


def run(name: str | None, options: Mapping[str, int], given: Sequence[str], results: str) -> None:
    """Simulate a sweep with several seeds, and print the results.

    Args:
        name: the recorded sweep whose curves are used; None: made-up curves.
        options: the options of `DEFAULTS` that were given, 1 or more each.
        given: Hydra overrides.
        results: the folder of results.

    Raises:
        ConfigError: a wrong option or override, no such sweep, or one without curves.
    """
    asked = {**DEFAULTS, **options}
    console = terminal()
    words = list(given)
    if "trials" in options or name is None:
        words.append(f"budget.trials={asked['trials']}")
    recorded: dict[str, Any] | None = None
    origin: Origin | None = None
    if name is not None:
        folder = results_folder.find(Path(results), name)
        recorded = results_folder.read_sweep(folder)
        words = _merge(recorded["overrides"], words)
        origin = Origin.read(folder.path, given)
    with console.status("checking the space"), _composed(words, origin) as sweep:
        if recorded is not None:
            if recorded["config"]["space"] != sweep.config["space"]:
                raise ConfigError(
                    f"conf/ has changed since {name} was run: its space is different now, and its "
                    "curves do not fit it"
                )
            source: CurveSource = read(folder, sweep.space, sweep.objective, sweep.shared)
        else:
            source = Generated(
                sweep.space,
                sweep.longest,
                sweep.training.seed,
                sweep.objective.maximize,
            )
        check_length(sweep, source)
        seeds = range(sweep.training.seed, sweep.training.seed + asked["seeds"])
        _show(sweep, source, asked["workers"], seeds, console)


def _show(
    sweep: Sweep, source: CurveSource, workers: int, seeds: Sequence[int], console: Console
) -> None:
    """Simulate with each seed, and print a table with a row for each."""
    console.print(
        f"{sweep.name} in simulated time: {sweep.choice('search')} search, {sweep.choice('stop')} "
        f"stop, {workers} workers, up to {sweep.longest} epochs a trial",
        *source.describe(),
        *_CHILDREN[: sweep.population is not None],
        sep="\n",
        soft_wrap=True,
    )
    ran: list[tuple[Simulated, Simulated]] = []
    for seed in seeds:
        with console.status(f"seed {seed}"):
            one = simulate(sweep, source, workers, seed)
            proposed = sum(trial.source is None for trial in one.trials)
            ran.append((one, baseline(sweep, source, workers, seed, proposed)))
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    for column in _COLUMNS:
        table.add_column(column, justify="right")
    for seed, pair in zip(seeds, ran, strict=True):
        table.add_row(str(seed), *_row(*pair))
    console.print(table, soft_wrap=True)
    console.print(*_summary(ran), *_LEGEND, sep="\n", soft_wrap=True)
    for halted in dict.fromkeys(one.halted for one, _ in ran if one.halted):
        console.print(f"given up: {halted}", soft_wrap=True)


_CHILDREN = (
    "a child has the curve of its own configuration from where its parent was: an estimate",
)
_COLUMNS = (
    "seed",
    "trials",
    "epochs",
    "saved",
    "time",
    "best",
    "goal",
    "goal met",
    "alone",
    "pace",
)
_LEGEND = (
    "saved: share of the epochs that the same trials would have taken in full",
    "goal: the best of random search without stopping, with as many trials; goal met: when "
    "this search had as good a one; alone: when random search had it",
    "times are simulated, h:mm:ss; pace: trials that were simulated in a real second",
)


def _row(one: Simulated, yardstick: Simulated) -> list[str]:
    goal = yardstick.best
    reached = None if goal is None else one.reached(goal)
    alone = None if goal is None else yardstick.reached(goal)
    return [
        f"{len(one.trials):,}",
        f"{one.epochs:,}",
        f"{one.saved:.0%}",
        duration(one.seconds),
        "-" if one.best is None else score(one.best),
        "-" if goal is None else score(goal),
        "never" if reached is None else duration(reached.seconds),
        "-" if alone is None else duration(alone.seconds),
        f"{len(one.trials) / one.took_s:,.0f}",
    ]


def _summary(ran: Sequence[tuple[Simulated, Simulated]]) -> list[str]:
    """Summarise all seeds in lines."""
    saved = statistics.fmean(one.saved for one, _ in ran)
    bests = [one.best for one, _ in ran if one.best is not None]
    lines = [f"over {len(ran)} seeds: {saved:.0%} of the epochs saved on average"]
    if bests:
        lines[0] += f"; best {score(statistics.median(bests))} in the median"
    met = [
        (reached.seconds, alone.seconds)
        for one, yardstick in ran
        if yardstick.best is not None
        and (reached := one.reached(yardstick.best)) is not None
        and (alone := yardstick.reached(yardstick.best)) is not None
    ]
    goal = f"the goal was met with {len(met)} of {len(ran)} seeds"
    if met:
        reached_s = statistics.median(reached for reached, _ in met)
        alone_s = statistics.median(alone for _, alone in met)
        goal += (
            f", then after {duration(reached_s)} in the median (random alone: {duration(alone_s)})"
        )
    return [*lines, goal]


def _merge(recorded: Sequence[str], given: Sequence[str]) -> list[str]:
    """Replace overrides of a recorded sweep by those given now; refuse what its curves need."""
    for word in given:
        if not is_of(Kind.IN_SIMULATION, key_of(word)):
            raise ConfigError(
                f"{word}: a recorded sweep keeps its {key_of(word)}, which its curves are of (here "
                f"may be given: {', '.join((*DEFAULTS, *keys_of(Kind.IN_SIMULATION)))})"
            )
    return replaced(recorded, given)


@contextmanager
def _composed(words: Sequence[str], origin: Origin | None) -> Iterator[Sweep]:
    """Compose and check the sweep of these overrides; Hydra's errors are left for `refusals`."""
    try:
        with compose(words, origin) as composition:
            yield check(composition)
    except ConfigError as error:
        if isinstance(error.__cause__, HydraException):
            raise error.__cause__ from None  # its message then lists the keys there are
        raise


def main() -> None:
    """Read the command line of `make simulate`."""
    use_plugins()
    with refusals():
        names, words = split(sys.argv[1:])
        if len(names) > 1:
            raise ConfigError(
                f"name one sweep, not {' and '.join(names)}: make simulate SWEEP=mnist"
            )
        options: dict[str, int] = {}
        results, given = "results", []
        for word in words:
            key = key_of(word)
            if key in DEFAULTS:
                options[key] = _whole(key, value_of(word))
            elif key == "results":
                results = value_of(word)
            elif key.split(".")[0] not in _KEYS:
                raise ConfigError(unknown("option", word, key, [*DEFAULTS, "results", *_KEYS]))
            else:
                given.append(word)
        run(names[0] if names else None, options, given, results)


_KEYS = (*(f.name for f in fields(SweepConfig)), "hydra")


def _whole(key: str, value: str) -> int:
    if not value.isdecimal() or int(value) < 1:
        raise ConfigError(
            f"{key}={value} must be a whole number of 1 or more: {key}={DEFAULTS[key]}"
        )
    return int(value)


if __name__ == "__main__":
    main()
