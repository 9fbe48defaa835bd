"""Measure trials a minute on 1, 2, 4 and 8 machines of one slot each, beside Ray Tune alone.

All machines are raylets of this host, which has as many processors as before: what grows is what
the head, the driver and the arbiter have to do. The rival is Ray Tune with its defaults on the same
cluster, with the same training, in turns.
"""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from optuna.trial import FrozenTrial
from rich.console import Console
from rich.progress import track

from sweeps.bench.cluster.local_cluster import (
    LocalCluster,
    finished,
    local_cluster,
    run,
)
from sweeps.bench.cluster.usage import ProcessUsage, UsageWatch, processes_of
from sweeps.bench.record import MedianOfRuns
from sweeps.bench.rivals import HIGH, LOW, TRAINING
from sweeps.study.codec import epochs_of
from sweeps.study.storage import read_only

MACHINES = (1, 2, 4, 8)
#: Trials for each machine: of a sweep, and of the rival, which starts a process for each.
_TRIALS, _OF_RIVAL = 24, 8


@dataclass(frozen=True)
class SweepFigures:
    """Holds the figures of one sweep.

    Attributes:
        per_minute: trials, from the beginning of the search to its end.
        steady: the same, after the first two of each slot.
        first_s: seconds of a slot's first trial beside its training: a process is started for it.
        next_ms: milliseconds between two trainings in a slot, after the first two.
        trial_ms: milliseconds of a processor that the driver takes for a trial of one epoch.
        busy: process -> percent of a processor that it takes, after the first two.
        memory_mb: process -> what it has to itself at most.
    """

    per_minute: float
    steady: float
    first_s: float
    next_ms: float
    trial_ms: float
    busy: Mapping[str, float]
    memory_mb: Mapping[str, float]


def measure(runs: int, console: Console) -> dict[str, MedianOfRuns]:
    """Run sweeps and the rival on growing clusters, and return the figures."""
    ours: dict[int, list[SweepFigures]] = {count: [] for count in MACHINES}
    theirs: dict[int, list[float]] = {count: [] for count in MACHINES}
    stages, total = _stages(runs), runs * len(MACHINES)
    hidden = not console.is_terminal
    for cluster, count in track(stages, "machines", total, console=console, disable=hidden):
        ours[count].append(sweep(cluster, count))
        theirs[count].append(rival(cluster, count))
    return _figures(ours, theirs)


def _stages(runs: int) -> Iterator[tuple[LocalCluster, int]]:
    """Give a cluster with each number of machines, as often as asked."""
    for _ in range(runs):
        with local_cluster() as cluster:
            for count in MACHINES:
                cluster.grow(count)
                yield cluster, count


def sweep(cluster: LocalCluster, machines: int) -> SweepFigures:
    """Run a sweep of trials of one short epoch, and watch the processes."""
    words = [
        *TRAINING,
        *("space=null", "search=random", "stop=none", "track=none", "name=s"),
        f"optimizer.lr=tag(log,interval({LOW},{HIGH}))",
        f"budget.trials={_TRIALS * machines}",
    ]
    with tempfile.TemporaryDirectory(prefix="caviar-bench-") as folder:
        process = cluster.sweep([*words, f"results={folder}"])
        watch = UsageWatch({"driver": process.pid, **processes_of(cluster.head.pid)})
        try:
            finished(process)
        finally:
            watch.end()
        wall_s = json.loads(Path(folder, "s", "summary.json").read_text())["wall_s"]
        trials = read_only(Path(folder, "s", "study.log")).get_all_trials(0, deepcopy=False)
    return sweep_figures(trials, machines, float(wall_s), watch.taken)


def sweep_figures(
    trials: Sequence[FrozenTrial],
    machines: int,
    wall_s: float,
    taken: Mapping[str, ProcessUsage],
) -> SweepFigures:
    """Compute the figures of a sweep whose trials were of one epoch.

    Args:
        taken: process -> what it took; one of them is the driver.
    """
    trained_s = [epochs_of(trial)[1]["epoch_s"] for trial in trials]
    took_s = [trial.duration.total_seconds() for trial in trials if trial.duration]
    ended = sorted(t.datetime_complete.timestamp() for t in trials if t.datetime_complete)
    ended = ended[2 * machines :]
    span_s = ended[-1] - ended[0]
    cycle_s = machines * span_s / (len(ended) - 1)
    return SweepFigures(
        per_minute=60 * len(trials) / wall_s,
        steady=60 * (len(ended) - 1) / span_s,
        first_s=statistics.fmean(took_s[:machines]) - statistics.fmean(trained_s[:machines]),
        next_ms=1e3 * (cycle_s - statistics.fmean(trained_s)),
        trial_ms=1e3 * taken["driver"].cpu_s(ended[0], ended[-1]) / (len(ended) - 1),
        busy={name: 100 * one.cpu_s(ended[0], ended[-1]) / span_s for name, one in taken.items()},
        memory_mb={name: one.memory_mb for name, one in taken.items()},
    )


def rival(cluster: LocalCluster, machines: int) -> float:
    """Run Ray Tune alone on the same machines; return its trials a minute."""
    trials = _OF_RIVAL * machines
    words = ["-m", "sweeps.bench.rivals", "ray_tune", str(trials)]
    return 60 * trials / float(finished(run(words, cluster.ray_environment)).split()[-1])


def _figures(
    ours: Mapping[int, Sequence[SweepFigures]], theirs: Mapping[int, Sequence[float]]
) -> dict[str, MedianOfRuns]:
    found: dict[str, MedianOfRuns] = {}
    for count, sweeps in ours.items():
        what = f"{count} machine{'s' if count > 1 else ''}"
        rates = [one.per_minute for one in sweeps]
        ratios = [a / b for a, b in zip(rates, theirs[count], strict=True)]
        found |= {
            f"{what}: trials a minute": MedianOfRuns.of(rates, ""),
            f"{what}: of Ray Tune alone": MedianOfRuns.of(theirs[count], ""),
            f"{what}: ours / Ray Tune": MedianOfRuns.of(ratios, "times"),
            f"{what}: once processes have started": MedianOfRuns.of(
                [one.steady for one in sweeps], ""
            ),
            f"{what}: start of a slot's first trial": MedianOfRuns.of(
                [one.first_s for one in sweeps], "s"
            ),
            f"{what}: between two trainings of a slot": MedianOfRuns.of(
                [one.next_ms for one in sweeps], "ms"
            ),
            f"{what}: the driver's processor, a trial": MedianOfRuns.of(
                [one.trial_ms for one in sweeps], "ms"
            ),
        }
    largest = ours[max(ours)]
    for name in largest[0].busy:
        busy = [one.busy[name] for one in largest]
        memory = [one.memory_mb[name] for one in largest]
        found[f"{max(ours)} machines: {name}, of a processor"] = MedianOfRuns.of(busy, "%")
        found[f"{max(ours)} machines: {name}, memory"] = MedianOfRuns.of(memory, "MB")
    return found
