"""The sheet has a row a trial, of several sweeps too, and folds what is equal in all."""

from __future__ import annotations

import re
from dataclasses import replace

from sweeps import ROOT
from sweeps.page.reviewed import Reviewed
from sweeps.page.sections.sheet import PRINTED, merged, sheet
from sweeps.report.sheet import Sheet, SheetRow

ROWS = (
    SheetRow("title", ("baseline", "<i>"), key=""),
    SheetRow("lr", (0.1, 0.001), key="optimizer.lr"),
    SheetRow("dev accuracy", (0.5, 0.75), higher_is_better=True, key="val_accuracy"),
    SheetRow("norm", ("batch", "batch"), folded=True),
)
SMALL = Sheet("a", ("0000", "0001"), ("complete", "stopped"), ROWS, "0001", "0000", {})


def small(reviewed: Reviewed, *rows: SheetRow, prefix: str = "") -> Reviewed:
    return replace(reviewed, sheet=replace(SMALL, rows=rows or ROWS), prefix=prefix)


def test_the_objective_comes_first_and_what_is_equal_is_folded(reviewed: Reviewed) -> None:
    made = sheet([small(reviewed)])
    heads = re.findall(r'<th scope="col" data-k="([^"]*)"', made)
    assert heads == ["trial", "val_accuracy", "title", "optimizer.lr"]
    assert '<tr data-t="0001" class="t stopped best">' in made
    assert '<td class="n v9">0.7500</td><td>&lt;i&gt;</td><td class="n">1.0e-03</td>' in made
    assert made.index("Equal in all trials") < made.index("batch")


def test_what_differs_between_sweeps_is_not_folded(reviewed: Reviewed) -> None:
    other = (*ROWS[:-1], SheetRow("norm", ("layer", "layer"), folded=True), SheetRow("x", (1, 2)))
    rows = merged([replace(SMALL, rows=ROWS), replace(SMALL, rows=other)])
    by_name = {row.name: row for row in rows}
    assert by_name["norm"].values == ("batch", "batch", "layer", "layer")
    assert not by_name["norm"].folded
    assert by_name["x"].values == (None, None, 1, 2)
    assert by_name["dev accuracy"].tenths() == (0, 9, 0, 9)
    made = sheet([small(reviewed, prefix="a/"), small(reviewed, *other, prefix="b/")])
    assert made.count('class="t stopped best"') == 2
    assert 'data-t="b/0001"' in made


def test_a_sheet_that_could_not_be_made_is_left_out(reviewed: Reviewed) -> None:
    none = replace(reviewed, sheet=None, prefix="a/")
    assert sheet([none]) == ""
    made = sheet([none, small(reviewed, prefix="b/")])
    assert set(re.findall(r'<tr data-t="(.)/', made)) == {"b"}


def test_long_and_many_lined_texts_are_cut(reviewed: Reviewed) -> None:
    row = SheetRow("title", ("x" * 1000, "one\ntwo\nthree"))
    made = sheet([small(reviewed, row)])
    assert "x" * 161 not in made
    assert "one; two …" in made


def test_print_says_how_many_trials_it_leaves_out(reviewed: Reviewed) -> None:
    def printed(trials: int) -> str:
        ids = tuple(f"{n:04d}" for n in range(trials))
        rows = (SheetRow("dev accuracy", tuple(n / 1000 for n in range(trials))),)
        more = Sheet("a", ids, ("complete",) * trials, rows, "", "", {})
        return sheet([replace(reviewed, sheet=more)])

    told = f"In print the first {PRINTED} of {PRINTED + 1} trials; all are in the files."
    assert told in printed(PRINTED + 1)
    assert "In print" not in printed(PRINTED)
    style = (ROOT / "sweeps" / "page" / "style.css").read_text(encoding="utf-8")
    assert f"nth-child(n + {PRINTED + 1})" in style
