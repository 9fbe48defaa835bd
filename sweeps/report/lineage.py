"""Trace a trial's lineage: the trials whose training it goes on with, as one schedule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sweeps.driver.pbt_generations import changed, generations
from sweeps.report import csv_files
from sweeps.results_folder import Folder
from sweeps.study.study import Study
from sweeps.trials import Ranked, TrialRecord


@dataclass(frozen=True)
class Stretch:
    """Epochs of a lineage that were trained with the same parameters.

    Attributes:
        first, last: epochs, both included.
        trial: whose they are.
        params: swept key -> value.
    """

    first: int
    last: int
    trial: str
    params: Mapping[str, object]


def schedule(trials: Sequence[TrialRecord], trial: TrialRecord) -> tuple[Stretch, ...]:
    """Return what a trial was trained with, epoch by epoch, inherited epochs included."""
    known = {record.id: record for record in trials}
    stretches: list[Stretch] = []
    last = trial.last_epoch
    while True:
        epoch = trial.taken_over
        if last > epoch:
            stretches.append(Stretch(epoch + 1, last, trial.id, trial.params))
        if trial.source is None or not epoch:
            return tuple(reversed(stretches))
        trial, last = known[trial.source.trial], min(epoch, last)


def write(folder: Folder, study: Study, keys: Sequence[str], best: Ranked | None) -> None:
    """Write pbt.csv, a row for each trial that gave way, and the schedule of the best trial."""
    rows: list[list[Any]] = []
    for generation in generations(study):
        for trial, parent, child in generation.children():
            if int(child) >= study.next_number:
                continue  # a kill has come before it
            changes = changed(study.trial(parent).params, study.trial(child).params)
            rows.append([generation.epoch, trial, parent, child, ", ".join(changes)])
    csv_files.write_exploits(folder, rows)
    if best is not None:
        stretches = schedule(study.trials, best.trial)
        told = [[s.first, s.last, s.trial, *(s.params.get(k, "") for k in keys)] for s in stretches]
        csv_files.write_schedule(folder, keys, told)
