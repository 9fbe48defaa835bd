"""Compare the trials of a sweep by one swept key: a picture with a column for each value."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sweeps import results_folder
from sweeps.formatting import score
from sweeps.results_folder import Folder
from trainers.config import Mode
from trainers.errors import ConfigError, CorruptCheckpoint
from trainers.nearest_names import unknown

if TYPE_CHECKING:
    from trainers.diagnosis.comparison import Alike
    from trainers.files.histograms import Histogram

#: Values side by side, at most: more columns could not be read.
VALUES = 5


@dataclass(frozen=True)
class Compared:
    """Describes a comparison that was drawn: its picture, and lines for a person to read."""

    picture: Path
    lines: tuple[str, ...]


def compare(folder: Folder, key: str) -> Compared:
    """Draw the trials of a sweep by the values of a key, into diagnosis/compare_<key>.png.

    Raises:
        ConfigError: the sweep has no results yet, or there is no such key, or its values are too
            many or too few to be compared.
    """
    from trainers.diagnosis.comparison import comparison

    trials, metric, sign = _scored(folder)
    groups = _grouped(trials, key)
    columns, lines = [], []
    width = max(len(f"{key}={value}") for value in groups)
    for value, alike in groups.items():
        alike.sort(key=lambda trial: (-sign * float(trial[metric]), trial["id"]))
        columns.append(_column(folder, value, alike))
        mean = sum(float(trial[metric]) for trial in alike) / len(alike)
        lines.append(
            f"{f'{key}={value}':<{width}}  {len(alike):>4} trials, best {metric} "
            f"{score(float(alike[0][metric]))} ({alike[0]['id']}), mean {score(mean)}"
        )
    if rest := len(trials) - sum(map(len, groups.values())):
        lines.append(f"{rest} trials do not have {key} and are left out")
    if not any(column.histograms for column in columns):
        lines.append("no weights and gradients: train the sweep with histograms=true for them")
    path = folder.path / "diagnosis" / f"compare_{key}.png"
    return Compared(comparison(key, columns, path), tuple(lines))


def _scored(folder: Folder) -> tuple[list[dict[str, str]], str, int]:
    """Read the trials with a score, the metric, and its sign: 1 if more is better, else -1.

    Repeats of the best are left out: they would weigh these configurations several times.
    """
    task = results_folder.read_sweep(folder)["config"]["task"]
    metric, sign = task["metric"], 1 if Mode[task["mode"]] is Mode.max else -1
    table = folder.path / "trials.csv"
    if not table.is_file():
        raise ConfigError(f"{folder.path} has no trials.csv: let the sweep end, or interrupt it")
    with table.open(newline="", encoding="utf-8") as file:
        rows = [
            row
            for row in csv.DictReader(file)
            if row["state"] in ("complete", "stopped")
            and row.get(metric)
            and not row.get("repeat_of")
        ]
    if not rows:
        raise ConfigError(f"{folder.path} has no trial with a score to be compared")
    return rows, metric, sign


def _grouped(trials: list[dict[str, str]], key: str) -> dict[str, list[dict[str, str]]]:
    """Group the trials by their value of a swept key; those without it are in no group."""
    columns = [*trials[0]]
    swept = columns[columns.index("epochs") + 1 : columns.index("best_epoch")]
    names = {column.removeprefix("space."): column for column in swept}
    if key not in names:
        raise ConfigError(unknown("swept key", f"compare={key}", key, [*names]))
    groups: dict[str, list[dict[str, str]]] = {}
    for trial in trials:
        if value := trial[names[key]]:
            groups.setdefault(value, []).append(trial)
    if len(groups) < 2:
        only = f"one value, {next(iter(groups))}" if groups else "no value"
        raise ConfigError(f"compare={key}: the trials with a score have {only}: name another key")
    if len(groups) > VALUES:
        raise ConfigError(
            f"compare={key}: {len(groups)} values do not fit side by side ({VALUES} do): name a "
            "key with fewer"
        )
    return dict(sorted(groups.items(), key=lambda group: _rank(group[0])))


def _rank(value: str) -> float:
    """Sort numbers by size; the sort keeps other values in the order in which they were tried."""
    try:
        return float(value)
    except ValueError:
        return 0.0


def _column(folder: Folder, value: str, alike: list[dict[str, str]]) -> Alike:
    """Read the curves of these trials, and the histograms of the first, which is the best."""
    from trainers.diagnosis.comparison import Alike
    from trainers.files import history

    curves = [history.read(folder.trials / trial["id"] / "metrics.csv") for trial in alike]
    read = [rows for rows in curves if rows]
    if not read:
        raise ConfigError(f"{folder.trials} has no metrics.csv of a trial with the value {value}")
    best = alike[0]
    histograms = _histograms(folder.trials / best["id"])
    names = _matrices(folder, best) if histograms else ()
    return Alike(value, read, best["id"], histograms if names else {}, names)


def _histograms(trial: Path) -> Mapping[int, Mapping[str, Histogram]]:
    from trainers.files.histograms import load_all

    try:
        return load_all(trial)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{trial / 'histograms'} is damaged ({error})") from error


def _matrices(folder: Folder, trial: Mapping[str, str]) -> tuple[str, ...]:
    """List the parameters of a trial's model that are matrices of weights, in its order."""
    from trainers.files.checkpoints import load

    try:
        state = load(folder.checkpoint(trial["id"], int(trial["best_epoch"])))["model"]
    except CorruptCheckpoint as error:
        raise ConfigError(f"the best with its value cannot be loaded: {error}") from error
    return tuple(name for name, value in state.items() if value.ndim > 1)
