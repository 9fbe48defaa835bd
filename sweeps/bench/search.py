"""Measure how long slots wait for the search, and how many trials run a minute.

    make bench BENCH=search ARGS="trials=1000"

Waiting: a sweep's own driver, study, composition and files, against the number of trials that have
finished, 20 epochs each. Nothing trains. The time covers all that happens in the driver's process
between two trials: recording and judging the last epoch of one, proposing the next, composing its
configuration, recording it, and handing it out. What Ray adds to that is part of the trials a
minute, where a slot's whole time between two trainings is measured.

Trials a minute: the same training of a tenth of a second, by a sweep of ours, by Ray Tune as it
comes (a process a trial, its own random searcher), and by Optuna in one process (`optimize`).
Ours also saves every epoch's checkpoint and keeps every trial's files; the others keep nothing.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from sweeps.bench import rivals
from sweeps.bench.postgres_server import binaries, server
from sweeps.bench.record import MedianOfRuns, write
from sweeps.bench.waiting import EPOCH, PARTS, Waited, build, measure, measure_in, sync_ms
from sweeps.cli import refusals, terminal
from sweeps.config.overrides import key_of, value_of
from sweeps.study.url import Database, shared
from trainers.errors import ConfigError

#: Number of finished trials -> number of trials that are then timed.
SIZES = {100: 30, 1_000: 30, 10_000: 20}
SEARCHES = ("random", "tpe", "grid")
#: Searches that continue from trials that were proposed at random.
_FROM_RANDOM = ("random", "tpe")
_DATABASE = "(PostgreSQL)"
#: Number of times that each contender runs its trials.
ROUNDS = 3
_SYNC = "a line written to disk"
_SLOT = "ours, a slot between two trainings"
#: Number of trials in a round; those of Ray Tune take seconds each.
TRIALS = {"ours": 100, "Ray Tune": 10, "Optuna": 100}


def main() -> None:
    """Measure waiting and rates, print tables and write results/bench/search.json."""
    console = terminal()
    with refusals():
        most = _most_trials(sys.argv[1:])
        sizes = {count: timed for count, timed in SIZES.items() if count <= most}
        # On disk, as results are: a temporary folder may be in memory, where nothing is synced.
        place = Path("results") / "bench"
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place) as scratch, _progress(console) as progress:
            figures = _waiting(Path(scratch), sizes, progress)
            figures |= _rates(Path(scratch), progress)
        path = write("search", ROUNDS, figures)
    _show_waiting(console, sizes, figures)
    _show_rates(console, figures)
    console.print(f"\n{path}")


def _most_trials(words: Sequence[str]) -> int:
    """Read the option `trials=`: the most finished trials to measure after."""
    most = max(SIZES)
    for word in words:
        key, value = key_of(word), value_of(word)
        if key != "trials" or not value.isdecimal() or int(value) < min(SIZES):
            raise ConfigError(f"{word}: this bench takes trials={min(SIZES)} or more")
        most = int(value)
    return most


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
    )


def _advance(progress: Progress, task: TaskID, done: str) -> None:
    """Advance a progress bar; print a line instead where the bars cannot be seen."""
    progress.advance(task)
    if not progress.console.is_terminal:
        progress.console.print(f"measured: {done}")


def _waiting(scratch: Path, sizes: dict[int, int], progress: Progress) -> dict[str, MedianOfRuns]:
    """Measure every search at every size; name figures like "tpe, 1,000 trials, propose"."""
    figures: dict[str, MedianOfRuns] = {}
    kinds = dict.fromkeys("random" if s in _FROM_RANDOM else s for s in SEARCHES)
    largest = max(sizes)
    building = progress.add_task("making records", total=len(kinds) * largest)
    records = {
        kind: build(scratch, kind, tuple(sizes), lambda: progress.advance(building))
        for kind in kinds
    }
    task = progress.add_task("waiting", total=len(SEARCHES) * len(sizes))
    for search in SEARCHES:
        for count, timed in sizes.items():
            record = records["random" if search in _FROM_RANDOM else search][count]
            waited = measure(scratch, record, search, count, timed)
            figures |= _figures(f"{search}, {count:,} trials", waited)
            _advance(progress, task, f"{search}, {count:,} trials")
    if binaries() is not None:
        figures |= _in_a_database(scratch, sizes, records["random"], progress)
    figures[_SYNC] = MedianOfRuns.of(sync_ms(scratch), "ms")
    return figures


def _in_a_database(
    scratch: Path, sizes: dict[int, int], records: dict[int, Path], progress: Progress
) -> dict[str, MedianOfRuns]:
    """Measure waiting with a private PostgreSQL server, which does not sync to disk."""
    figures: dict[str, MedianOfRuns] = {}
    task = progress.add_task("waiting, PostgreSQL", total=len(_FROM_RANDOM) * len(sizes))
    with server() as running:
        place = shared(running.url)
        assert isinstance(place, Database)
        for count, timed in sizes.items():
            for search in _FROM_RANDOM:
                waited = measure_in(place, scratch, search, count, timed, records[count])
                case = f"{search} {_DATABASE}"
                figures |= _figures(f"{case}, {count:,} trials", waited)
                _advance(progress, task, f"{case}, {count:,} trials")
    return figures


def _figures(case: str, waited: Waited) -> dict[str, MedianOfRuns]:
    figures = {
        f"{case}, {part}": MedianOfRuns.of(waited.ms[part], "ms") for part in (*PARTS, EPOCH, "all")
    }
    figures[f"{case}, opening"] = MedianOfRuns.of([waited.opening_s], "s")
    figures[f"{case}, memory"] = MedianOfRuns.of([waited.memory_mb], "MB")
    return figures


def _show_waiting(
    console: Console, sizes: dict[int, int], figures: dict[str, MedianOfRuns]
) -> None:
    """Print the parts, then the sum with its spread, the time to open the record and its memory."""
    kinds = [*SEARCHES, *(f"{search} {_DATABASE}" for search in _FROM_RANDOM)]
    cases = [
        (kind, count)
        for kind in kinds
        for count in sizes
        if f"{kind}, {count:,} trials, all" in figures
    ]
    timed = " and ".join(dict.fromkeys(map(str, sizes.values())))
    console.print(
        "\nWhat a slot waits for between two trials, in ms, after so many finished trials of 20 "
        f"epochs\n(medians of {timed} trials; a line written to disk: {figures[_SYNC]})",
    )
    table = _table(("search", "after", *PARTS, "all"))
    for search, count in cases:
        parts = (figures[f"{search}, {count:,} trials, {part}"] for part in (*PARTS, "all"))
        table.add_row(search, f"{count:,}", *(f"{figure.value:.1f}" for figure in parts))
    console.print(table)
    console.print("\nAll parts together, and what a record of so many trials costs")
    table = _table(("search", "after", "all, least to most", EPOCH, "to open it", "memory"))
    for search, count in cases:
        case = f"{search}, {count:,} trials"
        every, opening = figures[f"{case}, all"], figures[f"{case}, opening"]
        table.add_row(
            search,
            f"{count:,}",
            f"{every.low:.1f} to {every.high:.1f} ms",
            f"{figures[f'{case}, {EPOCH}'].value:.1f} ms",
            f"{opening.value:.2f} s",
            f"{figures[f'{case}, memory'].value:.0f} MB",
        )
    console.print(table)


def _table(columns: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, justify="left" if column == "search" else "right", no_wrap=True)
    return table


def _rates(scratch: Path, progress: Progress) -> dict[str, MedianOfRuns]:
    """Measure the trials a minute of each contender, in turns, and ours over each rival's."""
    per_minute: dict[str, list[float]] = {name: [] for name in TRIALS}
    idle: list[float] = []
    task = progress.add_task("trials a minute", total=ROUNDS * len(TRIALS))
    for turn in range(ROUNDS):
        for name, count in TRIALS.items():
            seconds = rivals.CONTENDERS[name](scratch / f"round{turn}", count)
            per_minute[name].append(60 * count / seconds)
            if name == "ours":
                idle.append(rivals.idle_ms(scratch / f"round{turn}"))
            _advance(progress, task, f"round {turn + 1}, {name}")
    figures = {
        f"trials a minute, {name}": MedianOfRuns.of(r, "1/min") for name, r in per_minute.items()
    }
    figures[_SLOT] = MedianOfRuns.of(idle, "ms")
    for name in TRIALS:
        if name != "ours":
            ratios = [a / b for a, b in zip(per_minute["ours"], per_minute[name], strict=True)]
            figures[f"trials a minute, ours over {name}"] = MedianOfRuns.of(ratios, "x")
    return figures


def _show_rates(console: Console, figures: dict[str, MedianOfRuns]) -> None:
    named = {key: figure for key, figure in figures.items() if key.startswith("trials a minute")}
    console.print(
        f"\nTrials a minute on 2 CPUs, {ROUNDS} rounds of "
        + ", ".join(f"{count} ({name})" for name, count in TRIALS.items())
        + ": median (least to most)",
    )
    for key, figure in named.items():
        console.print(f"  {key.removeprefix('trials a minute, '):<24} {figure}")
    alone = 60 / figures["trials a minute, Optuna"].value
    console.print(
        f"  Optuna trains one at a time, {alone:.2f} s each; the others two at a time\n"
        f"  {_SLOT}, checkpoint included: {figures[_SLOT]}",
    )


if __name__ == "__main__":
    main()
