"""Write and read learning curves in a CSV file, which outlives the sweep that made them.

One row per trial: its swept values, the median seconds of its epochs, and the objective after each
epoch. A trial that diverged has fewer epochs than the longest.
"""

from __future__ import annotations

import csv
import json
import statistics
from collections.abc import Sequence
from pathlib import Path

from sweeps.simulation.recorded import Recorded
from sweeps.space.space import Space
from sweeps.trials import Objective, State, TrialRecord
from trainers.errors import ConfigError

_SECONDS = "epoch_s"


def write(
    path: Path, trials: Sequence[TrialRecord], keys: Sequence[str], objective: Objective
) -> None:
    """Write the curves of the trials that ran to their end, or diverged."""
    kept = [t for t in trials if t.state in (State.COMPLETE, State.DIVERGED) and t.epochs]
    longest = max((t.last_epoch for t in kept), default=0)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*keys, _SECONDS, *range(1, longest + 1)])
        for trial in kept:
            pace = statistics.median(e.get("epoch_s", 0.0) for e in trial.epochs.values())
            values = [f"{e[objective.metric]:.5g}" for e in trial.epochs.values()]
            params = [json.dumps(trial.params.get(key)) for key in keys]
            rest = [""] * (longest - len(values))
            writer.writerow([*params, f"{pace:.3g}", *values, *rest])


def read(path: Path, space: Space, objective: Objective) -> Recorded:
    """Read the curves of a file that `write` has written.

    Raises:
        ConfigError: it is no such file, or its columns are not the keys of the space.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        trials = [_trial(number, row, objective) for number, row in enumerate(rows)]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, csv.Error) as error:
        raise ConfigError(f"{path} is no table of learning curves ({error})") from None
    keys = {key for trial in trials for key in trial.params}
    if keys != set(space.keys):
        raise ConfigError(
            f"{path} has curves over {', '.join(sorted(keys))}, and the space is "
            f"{', '.join(sorted(space.keys))}: they must be the same"
        )
    return Recorded(trials, space, objective, path.name)


def _trial(number: int, row: dict[str, str], objective: Objective) -> TrialRecord:
    seconds = float(row[_SECONDS])
    values = {int(key): float(value) for key, value in row.items() if key.isdecimal() and value}
    complete = len(values) == sum(key.isdecimal() for key in row)
    params = {
        key: json.loads(text)
        for key, text in row.items()
        if key != _SECONDS and not key.isdecimal()
    }
    return TrialRecord(
        id=f"{number:04d}",
        number=number,
        state=State.COMPLETE if complete else State.DIVERGED,
        reason="" if complete else "diverged",
        params={key: value for key, value in params.items() if value is not None},
        epochs={e: {objective.metric: v, "epoch_s": seconds} for e, v in sorted(values.items())},
        seconds=seconds * len(values),
    )
