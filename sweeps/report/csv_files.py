"""Write what came of a sweep as CSV files, whose names and columns others rely on."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sweeps.findings.finding import Importance
from sweeps.repeats.repeat_means import Repeated
from sweeps.repeats.verdict import Rerun
from sweeps.results_folder import Folder
from sweeps.search.ablation import Change
from sweeps.trials import Objective, Ranked, TrialRecord, scores
from trainers.files.whole_file import write_whole

#: Columns of trials.csv that are there in any sweep, before and after the others.
_FIRST = ("id", "state", "reason", "epochs")
_LAST = ("seconds", "member", "machine")


def write_trials(
    folder: Folder, trials: Sequence[TrialRecord], keys: Sequence[str], objective: Objective
) -> None:
    """Write trials.csv: one row a trial, its metrics those of its best epoch."""
    _write_table(folder.path / "trials.csv", *trials_table(trials, keys, objective))


def trials_table(
    trials: Sequence[TrialRecord], keys: Sequence[str], objective: Objective
) -> tuple[list[str], list[list[Any]]]:
    """Return the columns and rows of trials.csv.

    A swept key that is the name of another column, as `epochs` is, has its own as `space.epochs`.
    """
    metrics = list(dict.fromkeys(m for t in trials for e in t.epochs.values() for m in e))
    repeats = any(trial.repeat_of is not None for trial in trials)
    of_repeats = ["repeat_of", "seed"] if repeats else []
    taken = {*_FIRST, "best_epoch", *metrics, *_LAST, *of_repeats}
    swept = [f"space.{key}" if key in taken else key for key in keys]
    columns = [*_FIRST, *swept, "best_epoch", *metrics, *_LAST, *of_repeats]
    rows = []
    for trial in trials:
        best = trial.best(objective)
        at_best = trial.epochs[best[0]] if best else {}
        rows.append(
            [
                trial.id,
                trial.state.value,
                trial.reason,
                trial.last_epoch,
                *(_cell(trial.params.get(key, "")) for key in keys),
                best[0] if best else "",
                *(_cell(at_best.get(metric, "")) for metric in metrics),
                _cell(round(trial.seconds, 3)),
                trial.member,
                trial.machine,
            ]
        )
        if repeats:
            seed = None if trial.source is None else trial.source.seed
            rows[-1] += [trial.repeat_of or "", "" if seed is None else seed]
    return columns, rows


def write_importances(folder: Folder, importances: Sequence[Importance]) -> None:
    """Write importances.csv: one row a parameter, a column for each evaluator."""
    _write_table(folder.path / "importances.csv", *importances_table(importances))


def importances_table(importances: Sequence[Importance]) -> tuple[list[str], list[list[Any]]]:
    """Return the columns and rows of importances.csv."""
    evaluators = list(dict.fromkeys(name for i in importances for name in i.values))
    rows = [[i.parameter, *(i.values.get(e, "") for e in evaluators)] for i in importances]
    return ["parameter", *evaluators], rows


def write_seeds(folder: Folder, rows: Sequence[Repeated]) -> None:
    """Write seeds.csv, where the seed was swept: one row a configuration, the best first."""
    if not rows:
        return
    keys = list(dict.fromkeys(key for row in rows for key in row.params))
    marks = list(rows[0].curve)
    columns = [*keys, "seeds", "mean", "sd", *(f"epoch_{mark}" for mark in marks)]
    table = [
        [
            *(_cell(row.params.get(key, "")) for key in keys),
            row.trials,
            *(_cell(value) for value in (row.mean, row.sd, *row.curve.values())),
        ]
        for row in rows
    ]
    _write_table(folder.path / "seeds.csv", columns, table)


def write_front(
    folder: Folder, front: Sequence[Ranked], keys: Sequence[str], objectives: Sequence[Objective]
) -> None:
    """Write pareto.csv, where there are several objectives: the trials that none beats in all."""
    if not front:
        return
    columns = ["id", "best_epoch", *(objective.metric for objective in objectives), *keys]
    table = [
        [
            ranked.trial.id,
            ranked.epoch,
            *map(_cell, scores(ranked.trial, objectives) or ()),
            *(_cell(ranked.trial.params.get(key, "")) for key in keys),
        ]
        for ranked in front
    ]
    _write_table(folder.path / "pareto.csv", columns, table)


def write_sheet(folder: Folder, rows: Sequence[Change]) -> None:
    """Write ablation.csv: the baseline, then each change, the best first."""
    columns = ["change", "verdict", "difference", "margin", "runs", "mean", "sd"]
    table = [
        [
            row.overrides,
            row.verdict,
            *map(_cell, (row.difference, row.margin, row.trials, row.mean, row.sd)),
        ]
        for row in rows
    ]
    _write_table(folder.path / "ablation.csv", columns, table)


def write_reruns(folder: Folder, rows: Sequence[Rerun]) -> None:
    """Write repeats.csv, where the best were run again: one row each, the winner first."""
    if not rows:
        return
    columns = ["trial", "score", "mean", "low", "high", "seeds", "dropped"]
    table = [
        [*map(_cell, (row.trial, row.score, row.mean, row.low, row.high, row.seeds, row.dropped))]
        for row in rows
    ]
    _write_table(folder.path / "repeats.csv", columns, table)


def write_exploits(folder: Folder, rows: Sequence[Sequence[Any]]) -> None:
    """Write pbt.csv: (epoch, who gave way, to a child of whom, the child, what changed)."""
    columns = ["epoch", "gives_way", "parent", "child", "changes"]
    _write_table(folder.path / "pbt.csv", columns, [list(row) for row in rows])


def write_schedule(folder: Folder, keys: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Write schedule.csv: by which parameters the best trial was trained, from epoch to epoch."""
    columns = ["first_epoch", "last_epoch", "trial", *keys]
    _write_table(folder.path / "schedule.csv", columns, [[*map(_cell, row)] for row in rows])


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return repr(value)
    plain = isinstance(value, str | int) and not isinstance(value, bool)
    return value if plain else json.dumps(value)


def _write_table(path: Path, columns: list[str], rows: list[list[Any]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    write_whole(path, text.getvalue())
