"""Measure the driver's cost of one trial after a record of many, in a fresh process each."""

from __future__ import annotations

import io
import multiprocessing
import os
import random
import resource
import shutil
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from rich.console import Console

from sweeps.checked.check import check
from sweeps.checked.sweep import Sweep
from sweeps.cli import use_plugins
from sweeps.config.composition import Composition, compose
from sweeps.console.live import Progress
from sweeps.console.status import Overview
from sweeps.driver.driver import Driver
from sweeps.search.sampler_memory import SamplerMemory
from sweeps.study.lock import Owner
from sweeps.study.open import open_study
from sweeps.study.postgres_storage import Postgres, names_in
from sweeps.study.storage import held, read_only
from sweeps.study.study import Study
from sweeps.study.url import Database
from sweeps.tracking import NullTracker
from sweeps.trials import Place, State

EPOCHS = 20
#: Between two trials, in the order in which they come: `end` is the last epoch of the one before.
#: The disk's part is separate: it depends on the disk, and on who else writes to it.
PARTS = ("end", "propose", "compose", "record", "hand out", "disk")
#: The cost of an epoch that is not a trial's last, its disk included.
EPOCH = "an epoch"

#: A space with every kind of key; for a grid in steps, 358,400 configurations.
_SPACE = (
    "activation=relu,gelu,tanh,silu",
    "model.depth=range(1,5)",
    "model.width=int(interval(8,512))",
    "model.dropout=interval(0.0,0.7)",
    "label_smoothing=interval(0.0,0.2)",
)
_GRID = (
    *_SPACE[:2],
    "model.width=range(8,520,8)",
    "model.dropout=range(0.0,0.7,0.02)",
    "label_smoothing=range(0.0,0.2,0.02)",
)
_HERE = Place("me", "bench")
#: The fastest rule that has to look at all trials at some epochs, and the default.
_STOP = "stop=asha"


@dataclass(frozen=True)
class Waited:
    """Holds the measurements on one record.

    Attributes:
        ms: part -> milliseconds of each timed trial; "all" is their sum, without `EPOCH`, which is
            the mean over the trial's epochs but the last.
        opening_s: seconds until a driver has the record open.
        memory_mb: peak memory of opening the record and running the trials, beyond what the process
            held before.
    """

    ms: dict[str, list[float]]
    opening_s: float
    memory_mb: float


def study_at(place: Path | Database, sweep: Sweep) -> Study:
    """Open the study in the storage to measure: a journal file, or a database."""
    new = not place.exists() if isinstance(place, Path) else sweep.name not in names_in(place)
    return open_study(place, sweep.objective, sweep.space, sweep.name, create=new)


def build(
    scratch: Path, search: str, sizes: Sequence[int], tick: Callable[[], None]
) -> dict[int, Path]:
    """Write records of finished trials with 20 epochs each, as a sweep writes them.

    Returns:
        Number of trials -> folder with such a record.
    """
    folder = scratch / f"record-{search}"
    folder.mkdir()
    folders = {}
    chance = random.Random(0)
    # These records need not survive a power cut, and syncing would take most of an hour.
    with _swept(search) as sweep, patch.object(os, "fsync", lambda descriptor: None):
        study = study_at(folder / "study.log", sweep)
        for number in range(1, max(sizes) + 1):
            trial = study.propose(sweep.search).id
            top = chance.uniform(0.3, 0.8)
            for epoch in range(1, EPOCHS + 1):
                study.report(trial, epoch, _metrics(top, epoch, chance), *_place())
                if epoch < EPOCHS:
                    study.go_on(trial, epoch)
            study.end(trial, State.COMPLETE)
            tick()
            if number in sizes:
                folders[number] = scratch / f"{folder.name}-{number}"
                shutil.copytree(folder, folders[number])
        study.close()
    return folders


def measure(scratch: Path, record: Path, search: str, count: int, trials: int) -> Waited:
    """Time some trials after those of a record, in a fresh process and on a copy of it."""
    copy = scratch / f"copy-{search}-{count}"
    shutil.copytree(record, copy)
    os.sync()  # else the copy is written while a line waits for the disk
    try:
        return _in_fresh_process(copy / "study.log", copy, search, count + trials, trials)
    finally:
        shutil.rmtree(copy)


def measure_in(
    database: Database, scratch: Path, search: str, count: int, trials: int, record: Path
) -> Waited:
    """Time some trials in a database, after filling it with the first trials of a record."""
    with _swept(search) as sweep:
        study_at(database, sweep).close()
        storage = held(database, sweep.name, Owner.me())
        assert isinstance(storage, Postgres)
        try:
            number = storage.get_study_id_from_name(sweep.name)
            present = len(storage.get_all_trials(number, deepcopy=False))
            recorded = read_only(record / "study.log").get_all_trials(0, deepcopy=False)
            storage.add_trials(number, recorded[present:])
        finally:
            storage.close()
    folder = scratch / f"database-{search}-{count}"
    folder.mkdir()
    return _in_fresh_process(database, folder, search, count + 2 * trials, trials)


def _in_fresh_process(
    place: Path | Database, folder: Path, search: str, limit: int, trials: int
) -> Waited:
    """Run `_measured` in a fresh process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measured, (place, folder, search, limit, trials))


def sync_ms(scratch: Path) -> list[float]:
    """Measure 100 times the milliseconds to sync a line to disk: no record is faster."""
    ms = []
    with (scratch / "line").open("ab", buffering=0) as file:
        for _ in range(100):
            began = time.perf_counter()
            file.write(b"x" * 200)
            os.fsync(file.fileno())
            ms.append(1e3 * (time.perf_counter() - began))
    return ms


def _measured(place: Path | Database, folder: Path, search: str, limit: int, trials: int) -> Waited:
    with _swept(search, limit) as sweep:
        before, began = _memory_mb(peak=False), time.perf_counter()
        study = study_at(place, sweep)
        driver = _driver(folder, sweep, study, limit)
        opening_s = time.perf_counter() - began
        watch = _Watch()
        ms: dict[str, list[float]] = {part: [] for part in (*PARTS, EPOCH, "all")}
        chance = random.Random(1)
        with (
            watch.on(os, "fsync"),
            watch.on(SamplerMemory, "draw"),
            watch.on(Composition, "training"),
            watch.on(Study, "propose"),
        ):
            for _ in range(trials):
                costs = _one(driver, watch, chance)
                for part, seconds in costs.items():
                    ms[part].append(1e3 * seconds)
                ms["all"].append(1e3 * sum(costs[part] for part in PARTS))
        study.close()
        return Waited(ms, opening_s, _memory_mb(peak=True) - before)


def _one(driver: Driver, watch: _Watch, chance: random.Random) -> dict[str, float]:
    """Run a trial that beats all before, so that none stops it; return part -> seconds."""
    watch.seconds.clear()
    began = time.perf_counter()
    assignment = driver.next()
    taken = time.perf_counter() - began
    assert assignment is not None
    draw, composed = watch.seconds["draw"], watch.seconds["training"]
    proposed, recording = watch.seconds["propose"], watch.seconds["fsync"]
    each, disk = [], 0.0
    for epoch in range(1, EPOCHS + 1):
        metrics = _metrics(0.9, epoch, chance)
        before, began = watch.seconds["fsync"], time.perf_counter()
        over = driver.epoch(assignment.trial, epoch, metrics, _HERE)
        each.append(time.perf_counter() - began)
        disk = watch.seconds["fsync"] - before
        assert over == (epoch == EPOCHS)
    return {
        "end": each[-1] - disk,
        "propose": draw,
        "compose": composed,
        "record": proposed - draw - recording,
        "hand out": taken - proposed - composed,
        "disk": recording + disk,
        EPOCH: sum(each[:-1]) / (EPOCHS - 1),
    }


@contextmanager
def _swept(search: str, limit: int = 0) -> Iterator[Sweep]:
    use_plugins()
    space = _GRID if search == "grid" else _SPACE
    words = [
        "space=null",
        *space,
        f"search={search}",
        _STOP,
        "track=none",
        f"epochs={EPOCHS}",
        "name=bench",
    ]
    words += [f"budget.trials={limit or 'null'}", "budget.hours=1000", "baseline=false"]
    with compose(words) as composition:
        sweep = check(composition)
        composition.fix("resources.gpu", 0.0)
        yield sweep


def _driver(folder: Path, sweep: Sweep, study: Study, limit: int) -> Driver:
    overview = Overview(
        "bench", sweep.objective, "", "", "here", limit, EPOCHS, slots=1, budget=sweep.budget
    )
    lines = Console(file=io.StringIO(), width=200)
    return Driver(
        study=study,
        composition=sweep.composition,
        rules=sweep.rules,
        folder=folder,
        tracker=NullTracker("bench", "", folder),
        observer=Progress(overview, study.trials, lines),
    )


def _metrics(top: float, epoch: int, chance: random.Random) -> dict[str, float]:
    """Make the metrics of an epoch, with as many digits as real ones."""
    accuracy = top * (1 - 0.5 / epoch) + 0.01 * chance.random()
    loss = -accuracy + chance.random()
    return {
        "train_loss": loss,
        "train_accuracy": accuracy + 0.01 * chance.random(),
        "val_loss": loss + 0.1 * chance.random(),
        "val_accuracy": accuracy,
        "lr": 0.001 * chance.random(),
        "epoch_s": 10 * chance.random(),
        "samples_per_s": 1e5 * chance.random(),
    }


def _place() -> tuple[str, str]:
    return _HERE.member, _HERE.machine


@dataclass
class _Watch:
    """Adds up the seconds of calls by name."""

    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    @contextmanager
    def on(self, owner: Any, name: str) -> Iterator[None]:
        """Time each call of a method or function."""
        method = getattr(owner, name)

        def timed(*args: Any) -> Any:
            began = time.perf_counter()
            try:
                return method(*args)
            finally:
                self.seconds[name] += time.perf_counter() - began

        with patch.object(owner, name, timed):
            yield


def _memory_mb(peak: bool) -> float:
    """Return this process's memory, or its peak; outside Linux always the peak."""
    try:
        status = Path("/proc/self/status").read_text().splitlines()
    except OSError:  # not Linux
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
    name = "VmHWM:" if peak else "VmRSS:"
    return next(int(line.split()[1]) for line in status if line.startswith(name)) * 1024 / 1e6
