"""Gather what W&B shows of a sweep that has ended, in the run of the sweep itself."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sweeps.findings.finding import Findings, Importance
from sweeps.formatting import one_line
from sweeps.recorded.diagnosed import diagnosed_other
from sweeps.recorded.recorded_sweep import RecordedSweep
from sweeps.report import csv_files
from sweeps.report.sheet import Sheet
from sweeps.report.wandb_report import remarks_by_trial
from sweeps.tracking import SweepResults, Table
from sweeps.tracking.tracker import Remarked
from sweeps.trials import State

#: Files of a sweep's folder that go whole: its page, sheet and drawings, as far as they are there.
_FILES = ("report.html", "sheet.xlsx", "sheet.csv", "findings.json", "pareto.png")


def results(sweep: RecordedSweep, findings: Findings, sheet: Sheet) -> SweepResults:
    """Return what is shown of a sweep: its figures, tables and files, and people's remarks."""
    folder = sweep.folder.path
    states = {trial.id: trial.state.value for trial in sweep.trials}
    keys = tuple(sweep.dimensions)
    of_best = not diagnosed_other(sweep)
    tables = {
        "trials": table(*csv_files.trials_table(sweep.trials, keys, sweep.objective)),
        "importances": importances_table(findings.importances),
        "findings": findings_table(findings),
        "sheet": sheet_table(sheet),
    }
    if of_best:
        for name in ("classes", "confusion"):
            tables[f"best/{name}"] = _read(folder / "diagnosis" / f"{name}.csv")
    pictures = sorted((folder / "diagnosis").glob("*.png")) if of_best else []
    return SweepResults(
        figures=_figures(sweep),
        tables={name: made for name, made in tables.items() if made.rows},
        files=(*(folder / name for name in _FILES), *pictures),
        remarks=tuple(
            Remarked(trial, states[trial], text)
            for trial, text in remarks_by_trial(sweep).items()
            if states.get(trial, State.INFEASIBLE.value) != State.INFEASIBLE.value  # has no run
        ),
    )


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Table:
    """Make a table of lists."""
    return Table(tuple(columns), tuple(tuple(row) for row in rows))


def importances_table(importances: Sequence[Importance]) -> Table:
    """Make the table of importances, by the agreed order, with correlation."""
    columns, rows = csv_files.importances_table(importances)
    for row, importance in zip(rows, importances, strict=True):
        row += [importance.correlation, importance.agreed or None]
    return table([*columns, "correlation", "rank"], [[_or_none(c) for c in row] for row in rows])


def findings_table(findings: Findings) -> Table:
    """Make the table of what was found, a statement a row."""
    columns = ("topic", "certainty", "finding", "value", "low", "high", "unit", "trials", "command")
    rows = [
        (
            one.topic.value,
            one.certainty.value,
            one_line(one.sentence),
            one.value,
            one.low,
            one.high,
            one.unit,
            " ".join(one.trials),
            one.command,
        )
        for one in findings.statements
    ]
    return table(columns, rows)


def sheet_table(sheet: Sheet) -> Table:
    """Make the table of the ablation sheet, a trial a row: W&B sorts and filters rows."""
    columns = ["trial", *(row.name for row in sheet.rows)]
    values = zip(sheet.trials, *(row.values for row in sheet.rows), strict=True)
    return table(columns, [[_or_none(cell) for cell in row] for row in values])


def _figures(sweep: RecordedSweep) -> dict[str, Any]:
    """Return the figures of summary.json; empty while a sweep runs."""
    try:
        figures = json.loads(sweep.folder.summary.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return dict(figures) if isinstance(figures, dict) else {}


def _read(path: Path) -> Table:
    """Read a table of the diagnosis; an empty one if it is not there."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            columns, *rows = csv.reader(file)
    except (OSError, ValueError, csv.Error):
        return Table((), ())
    whole = [row for row in rows if len(row) == len(columns)]
    return table(columns, [[row[0], *map(_number, row[1:])] for row in whole])


def _number(text: str) -> float | str | None:
    try:
        return float(text) if text else None
    except ValueError:
        return text


def _or_none(cell: Any) -> Any:
    return None if cell == "" else cell
