"""What W&B shows of a whole sweep is what its record and folder have."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from sweeps.findings.finding import Findings
from sweeps.recorded.recorded_sweep import RecordedSweep, read
from sweeps.recorded.remarks import Remark
from sweeps.report import summary_run
from sweeps.report.sheet import sheet
from sweeps.results_folder import Folder
from sweeps.trials import State
from tests.sweeps.report.reports import FOUND, ODD
from tests.sweeps.transfer.test_previous_sweeps import LR, run


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> RecordedSweep:
    where = tmp_path_factory.mktemp("results")
    run(where, "a", LR, "optimizer=adamw,sgd").close()
    return read(Folder(where / "a"))


def test_the_tables_are_those_of_the_record(swept: RecordedSweep) -> None:
    made = summary_run.results(swept, FOUND, sheet(swept, FOUND))
    assert list(made.tables) == ["trials", "importances", "findings", "sheet"]
    importances = made.tables["importances"]
    assert importances.columns == ("parameter", "fanova", "forest", "correlation", "rank")
    assert importances.rows == (
        ("optimizer", 0.75, 0.5, None, 1),
        ("optimizer.lr", 0.25, None, -0.5, 2),
    )
    found = made.tables["findings"]
    assert [dict(zip(found.columns, row, strict=True))["finding"] for row in found.rows] == [
        f"0001 won {ODD}",
        "widen it",
    ]
    rows = made.tables["sheet"]
    assert sorted(row[0] for row in rows.rows) == [trial.id for trial in swept.trials]
    assert {"lr", "optimizer", "dev accuracy"} <= set(rows.columns)
    assert made.figures == {}, "it has not ended"


def test_files_that_are_there_go_with_it(swept: RecordedSweep, tmp_path: Path) -> None:
    folder = tmp_path / "a"
    (folder / "diagnosis").mkdir(parents=True)
    (folder / "diagnosis" / "classes.csv").write_text("class,f1\nzero,1.0\n<b>,\n")
    (folder / "diagnosis" / "confusion.csv").write_text("")
    for name in ("report.html", "diagnosis/confusion.png", "sheet.csv"):
        (folder / name).write_text("")
    (folder / "summary.json").write_text('{"trials": 6}')
    first, *others = swept.trials
    never_run = replace(first, state=State.INFEASIBLE)
    remarks = (Remark("0001", ODD, "Ann", 0.0), Remark(first.id, "no run", "Ann", 1.0))
    here = replace(swept, folder=Folder(folder), trials=(never_run, *others), remarks=(*remarks,))
    made = summary_run.results(here, Findings(()), sheet(swept, Findings(())))
    assert made.figures == {"trials": 6}
    assert made.tables["best/classes"].rows == (("zero", 1.0), ("<b>", None))
    assert "best/confusion" not in made.tables
    there = [path.name for path in made.files if path.is_file()]
    assert there == ["report.html", "sheet.csv", "confusion.png"]
    other = {"trial": here.ranked[-1].trial.id}
    (folder / "diagnosis" / "summary.json").write_text(json.dumps(other))
    of_another = summary_run.results(here, Findings(()), sheet(swept, Findings(())))
    assert "best/classes" not in of_another.tables, "it is not of the best"
    assert "confusion.png" not in [path.name for path in of_another.files]
    (remarked,) = made.remarks
    assert (remarked.trial, remarked.state) == ("0001", "complete")
    assert remarked.text == f"{ODD} (Ann, 1970-01-01)"


def test_damaged_files_are_left_out(swept: RecordedSweep, tmp_path: Path) -> None:
    (tmp_path / "diagnosis").mkdir()
    (tmp_path / "diagnosis" / "classes.csv").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "summary.json").write_text("[1")
    here = replace(swept, folder=Folder(tmp_path))
    made = summary_run.results(here, Findings(()), sheet(swept, Findings(())))
    assert (made.figures, list(made.tables)) == ({}, ["trials", "sheet"])
