"""Measure what it costs that a machine does not share the results: each epoch is sent.

Two trials at a time train real models on this machine, in turns with their folder shared and with
it streamed to the receiver of a driver. Beside training is what saving and sending take of the time
of the training thread. What they take of a processor, the receiver's part included, is taken from
training where all processors are busy: that is the cost, and no other load on the machine changes
it.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from sweeps.backend.machine_load import psutil_of_ray
from sweeps.backend.ray_session import session
from sweeps.backend.stream import calls
from sweeps.backend.worker import train
from sweeps.bench.record import MedianOfRuns
from sweeps.config.composition import compose
from sweeps.config.keys import plain
from trainers.errors import ConfigError

#: Size of a checkpoint -> the model that has it.
_MODELS = {
    "1 MB": ("model.width=256", "model.depth=2"),
    "20 MB": ("model.width=1280", "model.depth=2"),
}
_WORDS = ("space=null", "track=none", "model.dropout=0", "optimizer=adamw", "resources.cpu=1")
_SLOTS, _EPOCHS = 2, 12
#: Seconds of an epoch by which the cost is judged.
_EPOCH_S = 5.0
_MODES = ("shared", "streamed")


@dataclass(frozen=True)
class TrialTimes:
    """Holds the means of an epoch: its seconds, those beside training, those of a processor."""

    whole_s: float
    beside_s: float
    cpu_s: float


def measure(runs: int, console: Console) -> dict[str, MedianOfRuns]:
    """Train in turns on a Ray of this process's own, and return the figures."""
    with session():
        return _measure(runs, console)


def _measure(runs: int, console: Console) -> dict[str, MedianOfRuns]:
    found: dict[tuple[str, str], list[TrialTimes]] = {}
    sizes: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="caviar-bench-") as folder:
        trials = Path(folder)
        receiver = calls.start_receiver(folder, "b" * 32)
        bar = track(range(runs + 1), "streaming", console=console, disable=not console.is_terminal)
        for turn in bar:
            for size, words in _MODELS.items():
                with compose([*_WORDS, *words, f"epochs={_EPOCHS + 1}"]) as composition:
                    config = plain(composition.base)
                for mode in _MODES if turn % 2 else reversed(_MODES):
                    before = _used(receiver)
                    times = _together(trials, config, mode == "streamed")
                    received_s = (_used(receiver) - before) / (_SLOTS * (_EPOCHS + 1))
                    times = [replace(one, cpu_s=one.cpu_s + received_s) for one in times]
                    if turn:
                        found.setdefault((size, mode), []).extend(times)
                newest = max(trials.glob("*/epoch_001/state.pt"))
                sizes[size] = newest.stat().st_size / 1e6
        resident, shared = _memory(receiver)
    return {
        **_figures(found, sizes),
        "receiver's memory, its own": MedianOfRuns.of([resident], "MB"),
        "receiver's memory, shared with Ray": MedianOfRuns.of([shared], "MB"),
    }


def _figures(
    found: Mapping[tuple[str, str], Sequence[TrialTimes]], sizes: Mapping[str, float]
) -> dict[str, MedianOfRuns]:
    figures: dict[str, MedianOfRuns] = {}
    for size in _MODELS:
        figures[f"{size}: a checkpoint"] = MedianOfRuns.of([sizes[size]], "MB")
        for mode in _MODES:
            times = found[size, mode]
            name = f"{size}, {mode}"
            figures[f"{name}: an epoch"] = MedianOfRuns.of([t.whole_s * 1e3 for t in times], "ms")
            beside = [t.beside_s * 1e3 for t in times]
            figures[f"{name}: beside training"] = MedianOfRuns.of(beside, "ms")
            cpu = [t.cpu_s * 1e3 for t in times]
            figures[f"{name}: of a processor"] = MedianOfRuns.of(cpu, "ms")
        pairs = zip(found[size, "streamed"], found[size, "shared"], strict=True)
        more = [(a.cpu_s - b.cpu_s) / _EPOCH_S * 100 for a, b in pairs]
        cost = f"{size}: streaming takes, of a processor in an epoch of {_EPOCH_S:g} s"
        figures[cost] = MedianOfRuns.of(more, "%")
    return figures


def _together(trials: Path, config: dict[str, Any], streams: bool) -> list[TrialTimes]:
    """Train as many trials as there are slots, at the same time."""
    import ray

    running = []
    for number in range(_SLOTS):
        trial = f"{len([*trials.iterdir()]):04d}"
        (trials / trial).mkdir()
        work = {
            "trial": trial,
            "config": {**config, "seed": number},
            "folder": str(trials / trial),
            "after": 0,
            "owner": trial,
            **({"mark": "none", "session": "b" * 32} if streams else {}),
        }
        running.append(ray.remote(_train).options(num_cpus=1, max_retries=0).remote(work))
    return list(ray.get(running))


def _train(work: Mapping[str, Any]) -> TrialTimes:
    """Run in a trial's process."""
    from sweeps.backend.ray_tune import hide_cards

    hide_cards(work["config"]["resources"])
    ends: list[float] = []
    beside: list[float] = []
    cpu: list[float] = []

    def tell(result: Mapping[str, Any]) -> None:
        if "epoch" not in result:
            raise ConfigError(f"a trial has failed: {result}")
        ends.append(time.perf_counter())
        cpu.append(time.process_time())
        if len(ends) > 1:
            beside.append(ends[-1] - ends[-2] - result["metrics"]["epoch_s"])

    train(work, "", tell, partial(calls.connect, "b" * 32))
    count = len(ends) - 1
    return TrialTimes(
        (ends[-1] - ends[0]) / count, statistics.fmean(beside), (cpu[-1] - cpu[0]) / count
    )


def _used(receiver: Any) -> float:
    """Return the seconds of a processor that the receiver has used."""
    times = _process(receiver).cpu_times()
    return float(times.user + times.system)


def _memory(receiver: Any) -> tuple[float, float]:
    """Return the MB that the receiver's process has to itself, and those it shares."""
    memory = _process(receiver).memory_full_info()
    return memory.uss / 1e6, memory.shared / 1e6


def _process(receiver: Any) -> Any:
    import ray

    return psutil_of_ray().Process(ray.get(receiver.process.remote()))
