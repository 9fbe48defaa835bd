"""Record and print the figures of a benchmark: results/bench/<name>.json."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from sweeps.config.overrides import key_of, value_of
from trainers.errors import ConfigError

_PACKAGES = ("torch", "numpy", "ray", "optuna")


@dataclass(frozen=True)
class MedianOfRuns:
    """Holds the median of several runs, with the least and the most of them."""

    value: float
    low: float
    high: float
    unit: str

    @classmethod
    def of(cls, runs: Sequence[float], unit: str) -> MedianOfRuns:
        """Compute the median, the least and the most of some runs."""
        return cls(statistics.median(runs), min(runs), max(runs), unit)

    def __str__(self) -> str:
        return f"{_short(self.value)} {self.unit}  ({_short(self.low)} to {_short(self.high)})"


def counts(words: Sequence[str], defaults: Mapping[str, int]) -> dict[str, int]:
    """Read the options of a benchmark that takes whole numbers from 1, and return all of them.

    Raises:
        ConfigError: another option, or a value that is no such number.
    """
    options = dict(defaults)
    for word in words:
        value = value_of(word)
        if key_of(word) not in options or not value.isdecimal() or int(value) < 1:
            usual = " and ".join(f"{key}={number}" for key, number in defaults.items())
            raise ConfigError(f"{word}: this benchmark takes {usual}")
        options[key_of(word)] = int(value)
    return options


def rates(
    contenders: Mapping[str, Callable[[], int]], runs: int, what: str, console: Console
) -> dict[str, list[float]]:
    """Measure each contender's rate per second, in turns, so that a slow moment hits all alike.

    Args:
        contenders: each does its work once and returns the number of things done.
        runs: number of rounds; one more comes first and is not counted.
        what: description of the progress bar.
        console: where the progress bar is shown.
    """
    per_second: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in track(range(runs + 1), what, console=console, disable=not console.is_terminal):
        for name, work in contenders.items():
            began = time.perf_counter()
            count = work()
            if turn:
                per_second[name].append(count / (time.perf_counter() - began))
    return per_second


def write(name: str, runs: int, figures: Mapping[str, MedianOfRuns]) -> Path:
    """Write results/bench/<name>.json and return its path."""
    folder = Path("results") / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    content = {
        "bench": name,
        "hardware": hardware(),
        "versions": {package: version(package) for package in _PACKAGES},
        "python": platform.python_version(),
        "n": runs,
        "figures": {what: asdict(figure) for what, figure in figures.items()},
    }
    path.write_text(json.dumps(content, indent=1) + "\n")
    return path


def show(console: Console, title: str, figures: Mapping[str, MedianOfRuns]) -> None:
    """Print the figures, one per line."""
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0))
    table.add_column("what")
    table.add_column("median  (least to most)", justify="right")
    for what, figure in figures.items():
        table.add_row(what, str(figure))
    console.print(table, highlight=False)


def hardware() -> dict[str, str | int]:
    """Describe this machine."""
    import torch

    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    return {"cpu": _cpu(), "cores": cpus, "gpu": gpu, "system": platform.platform()}


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
