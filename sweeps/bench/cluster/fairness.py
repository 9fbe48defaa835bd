"""Measure how two sweeps share a cluster of four machines: real drivers, trials and arbiter.

Sweep a of a member of weight 3 has all slots; then b, of weight 1, begins. What is measured: the
time until b's first epoch; the slots that each has over ten epochs; the same with the weights 2 and
1, by which four slots cannot be divided evenly, over three of the arbiter's rounds; and, once b's
driver is killed, the time until a has all slots again.
"""

from __future__ import annotations

import re
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from cluster.service.client import ServiceClient
from sweeps.bench.cluster.local_cluster import LocalCluster, local_cluster
from sweeps.bench.record import MedianOfRuns
from trainers.errors import ConfigError
from trainers.files import history

_MACHINES = 4
#: Weights of a and b -> over what they are measured, in words.
_EVEN, _ODD = (3.0, 1.0), (2.0, 1.0)
_OWNERS = {"a": "alpha", "b": "beta"}
_EPOCHS, _ROUNDS_S = 10, 60.0
#: A training of epochs that take some five seconds where four run on two cores.
_TRAINING = (
    *("space=null", "search=grid", "stop=none", "track=none", "epochs=500", "batch_size=4"),
    *("model.width=1024", "model.depth=2", "seed=1,2,3,4,5,6", "resources.cpu=1"),
)
_MOST_S, _LOOK_S = 300.0, 0.2


@dataclass(frozen=True)
class SharedRun:
    """Holds the figures of one run.

    Attributes:
        epoch_s: seconds of an epoch of the sweep that was there first, while it had all slots.
        command_s: seconds from the second one's command to its first epoch.
        first_s: the same from its first word to the arbiter.
        even, odd: sweep -> its part of the slots in use, by the part that is its due: 1 is fair.
        freed_s: seconds from the kill of a driver until its slots are another's.
    """

    epoch_s: float
    command_s: float
    first_s: float
    even: dict[str, float]
    odd: dict[str, float]
    freed_s: float


def measure(runs: int, console: Console) -> dict[str, MedianOfRuns]:
    """Let two sweeps share a cluster, as often as asked, and return the figures."""
    with local_cluster() as cluster:
        cluster.grow(_MACHINES)
        turns = track(range(runs), "sharing", console=console, disable=not console.is_terminal)
        found = [share(cluster) for _ in turns]
    figures = {
        "an epoch of the first sweep": [one.epoch_s for one in found],
        "the second's first epoch, after its command": [one.command_s for one in found],
        "the same, after its first word to the arbiter": [one.first_s for one in found],
        "the same, less an epoch of the first": [one.first_s - one.epoch_s for one in found],
        "slots of a killed driver are another's after": [one.freed_s for one in found],
    }
    return {
        **{what: MedianOfRuns.of(seconds, "s") for what, seconds in figures.items()},
        **_shares_of([one.even for one in found], _EVEN, f"{_EPOCHS} epochs"),
        **_shares_of([one.odd for one in found], _ODD, f"{_ROUNDS_S:.0f} s"),
    }


def _shares_of(
    found: Sequence[Mapping[str, float]], weights: tuple[float, float], over: str
) -> dict[str, MedianOfRuns]:
    told = ":".join(f"{weight:g}" for weight in weights)
    return {
        f"weights {told}, slots of {sweep} over {over}, by its due": MedianOfRuns.of(
            [one[sweep] for one in found], "times"
        )
        for sweep in _OWNERS
    }


def share(cluster: LocalCluster) -> SharedRun:
    """Run the two sweeps once."""
    service = ServiceClient(cluster.address, cluster.folder / "token")
    running: list[subprocess.Popen[str]] = []
    with tempfile.TemporaryDirectory(prefix="caviar-bench-") as folder:
        results = Path(folder)

        def begin(name: str) -> subprocess.Popen[str]:
            words = [*_TRAINING, f"name={name}", f"results={folder}"]
            running.append(cluster.sweep(words, _OWNERS[name]))
            return running[-1]

        try:
            _weigh(cluster, _EVEN)
            begin("a")
            _until(lambda: epochs(results / "a") >= 2 * _MACHINES, running)
            epoch_s, began = _epoch_s(results / "a"), time.time()
            second = begin("b")
            _until(lambda: epochs(results / "b") >= 1, running)
            command_s = time.time() - began
            since = {one["sweep"]: float(one["since"]) for one in _sessions(service)}["b"]
            first_s = time.time() - since
            even = _shares(service, running, _EVEN, _EPOCHS * epoch_s)
            _weigh(cluster, _ODD)
            odd = _shares(service, running, _ODD, _ROUNDS_S)
            second.send_signal(signal.SIGKILL)
            killed = time.time()
            running.remove(second)
            _until(lambda: _held(service, "a") == _MACHINES, running)
            return SharedRun(epoch_s, command_s, first_s, even, odd, time.time() - killed)
        finally:
            for process in running:
                process.send_signal(signal.SIGINT)
                process.communicate()


def _weigh(cluster: LocalCluster, weights: tuple[float, float]) -> None:
    """Write the members' file, which the arbiter reads again while sweeps run."""
    lines = [
        f"{one}: {{weight: {w:g}}}\n" for one, w in zip(_OWNERS.values(), weights, strict=True)
    ]
    (cluster.folder / "members.yaml").write_text("".join(lines), encoding="utf-8")


def _shares(
    service: ServiceClient,
    running: Sequence[subprocess.Popen[str]],
    weights: tuple[float, float],
    seconds: float,
) -> dict[str, float]:
    """Return the part of the slots in use that each sweep has, by the part that is its due."""
    until = time.monotonic() + seconds
    seen: dict[str, list[int]] = {sweep: [] for sweep in _OWNERS}

    def enough() -> bool:
        held = {one["sweep"]: int(one["held"]) for one in _sessions(service)}
        for sweep, counts in seen.items():
            counts.append(held.get(sweep, 0))
        return time.monotonic() >= until

    _until(enough, running)
    means = {sweep: statistics.fmean(counts) for sweep, counts in seen.items()}
    due = {sweep: w / sum(weights) for sweep, w in zip(seen, weights, strict=True)}
    return {sweep: mean / sum(means.values()) / due[sweep] for sweep, mean in means.items()}


def _epoch_s(sweep: Path) -> float:
    """Return the mean seconds of a sweep's epochs."""
    return statistics.fmean(
        metrics["epoch_s"]
        for path in sweep.glob("trials/*/metrics.csv")
        for metrics in history.read(path).values()
    )


def epochs(sweep: Path) -> int:
    """Count the epochs on record of a sweep that runs."""
    log = sweep / "study.log"
    return len(re.findall(rb'"epoch:', log.read_bytes())) if log.exists() else 0


def _sessions(service: ServiceClient) -> list[dict[str, Any]]:
    return list(service.get("/api/status")["sharing"]["sessions"])


def _held(service: ServiceClient, sweep: str) -> int:
    return sum(int(one["held"]) for one in _sessions(service) if one["sweep"] == sweep)


def _until(what: Callable[[], bool], running: Sequence[subprocess.Popen[str]]) -> None:
    """Wait until something is so.

    Raises:
        ConfigError: it takes too long, or one of the sweeps has ended.
    """
    until = time.monotonic() + _MOST_S
    while not what():
        for process in running:
            if process.poll() is not None:
                raise ConfigError(f"a sweep has ended: {process.communicate()[0].strip()[-300:]}")
        if time.monotonic() > until:
            raise ConfigError(f"it takes more than {_MOST_S:.0f} s")
        time.sleep(_LOOK_S)
