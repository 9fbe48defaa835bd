"""The sheet opens in spreadsheets as it was meant, and no text of it is ever run."""

from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeps.report.sheet import TENTHS, Sheet, SheetRow
from sweeps.report.sheet_files import SHADES, csv_text, write_sheet, xlsx_bytes
from sweeps.results_folder import Folder

pytest.importorskip("xlsxwriter", reason="make setup installs XlsxWriter")

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
EVIL = ('=cmd|"/C calc"!A0', "+1", "-1+2", "@SUM(A1)", "\t=1", "a;=1", "note\n=2", "＝1")  # noqa: RUF001
LETTERS = "=+-@;,\t\n\r \"'a1＝"  # noqa: RUF001

SHEET = Sheet(
    sweep="=name",
    trials=("0000", "0002", "0001"),
    states=("complete", "complete", "failed"),
    rows=(
        SheetRow("title", ("baseline", "=1+1", "<script>alert('x')</script> 🐟")),
        SheetRow("lr", (0.003, 1e-4, None)),
        SheetRow("dev accuracy", (0.5, 0.75, None), higher_is_better=True),
        SheetRow("batch size", (64, 64, 64), folded=True),
    ),
    best="0002",
    baseline="0000",
    links={"0000": "https://wandb.ai/us/caviar/runs/a-0000"},
)


def of_texts(*texts: str) -> Sheet:
    trials = tuple(f"{number:04d}" for number in range(len(texts)))
    return Sheet("s", trials, trials, (SheetRow("title", texts),), "", "", {})


def part(content: bytes, name: str) -> ElementTree.Element:
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        return ElementTree.fromstring(parts.read(name))


def grid(content: bytes) -> dict[str, Any]:
    """What the cells hold: a text or a number."""
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        has_texts = "xl/sharedStrings.xml" in parts.namelist()
    shared = part(content, "xl/sharedStrings.xml") if has_texts else ()
    texts = ["".join(text.itertext()) for text in shared]
    found = {}
    for cell in part(content, "xl/worksheets/sheet1.xml").iter(f"{MAIN}c"):
        assert cell.find(f"{MAIN}f") is None, "a formula"
        value = cell.findtext(f"{MAIN}v")
        if value is not None:
            is_text = cell.get("t") == "s"
            found[cell.get("r", "")] = texts[int(value)] if is_text else float(value)
    return found


def test_a_column_a_trial_and_texts_that_are_no_formulas() -> None:
    cells = grid(xlsx_bytes(SHEET, rows=False))
    assert [cells[c] for c in ("A1", "B1", "C1", "D1")] == ["=name", "0000", "0002", "0001"]
    assert [cells[c] for c in ("A2", "B2", "C2")] == ["title", "baseline", "=1+1"]
    assert cells["D2"] == "<script>alert('x')</script> 🐟"
    assert (cells["B3"], cells["C3"]) == (0.003, 1e-4)
    assert "D3" not in cells
    assert (cells["A5"], cells["B5"]) == ("equal in all trials", "batch size")
    assert (cells["A6"], cells["D6"]) == ("batch size", 64)
    assert cells["A8"] == SHEET.scale


def test_a_row_a_trial() -> None:
    cells = grid(xlsx_bytes(SHEET, rows=True))
    assert [cells[c] for c in ("A1", "B1", "C1", "D1")] == ["=name", "title", "lr", "dev accuracy"]
    assert [cells[c] for c in ("A3", "B3", "C3", "D3")] == ["0002", "=1+1", 1e-4, 0.75]


@pytest.mark.parametrize("rows", [False, True])
def test_what_is_equal_everywhere_is_folded_and_the_heads_stay(rows: bool) -> None:
    page = part(xlsx_bytes(SHEET, rows), "xl/worksheets/sheet1.xml")
    lines = list(page.iter(f"{MAIN}col" if rows else f"{MAIN}row"))
    (folded,) = (line for line in lines if line.get("outlineLevel") == "1")
    assert folded.get("hidden") == "1"
    assert folded.get("min" if rows else "r") == "6"
    assert [line.get("min" if rows else "r") for line in lines if line.get("collapsed")] == ["5"]
    (pane,) = page.iter(f"{MAIN}pane")
    assert (pane.get("state"), pane.get("topLeftCell")) == ("frozen", "B2")


def test_the_best_is_outlined_and_results_are_coloured() -> None:
    content = xlsx_bytes(SHEET, rows=False)
    styles = part(content, "xl/styles.xml")
    formats = styles.find(f"{MAIN}cellXfs")
    fills, borders = styles.find(f"{MAIN}fills"), styles.find(f"{MAIN}borders")
    assert formats is not None
    assert fills is not None
    assert borders is not None
    cells = {c.get("r"): c for c in part(content, "xl/worksheets/sheet1.xml").iter(f"{MAIN}c")}

    def of(cell: str) -> tuple[str, set[str]]:
        look = formats[int(cells[cell].get("s", "0"))]
        shade = fills[int(look.get("fillId", "0"))].find(f".//{MAIN}fgColor")
        border = borders[int(look.get("borderId", "0"))]
        thick = {e.tag.removeprefix(MAIN) for e in border if e.get("style") == "thick"}
        return "" if shade is None else shade.get("rgb", ""), thick

    assert of("C1")[1] == {"left", "right", "top"}
    assert of("C3")[1] == {"left", "right"}
    assert of("C4") == (f"FF{SHADES[-1][1:]}", {"left", "right", "bottom"})
    assert of("B4") == (f"FF{SHADES[0][1:]}", set())
    assert len(SHADES) == TENTHS


def test_trials_link_to_where_they_are_shown() -> None:
    with zipfile.ZipFile(io.BytesIO(xlsx_bytes(SHEET, rows=False))) as parts:
        links = parts.read("xl/worksheets/_rels/sheet1.xml.rels").decode()
    assert re.findall('Target="(.*?)"', links) == ["https://wandb.ai/us/caviar/runs/a-0000"]
    assert grid(xlsx_bytes(SHEET, rows=False))["B1"] == "0000"


@pytest.mark.parametrize("rows", [False, True])
@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_trials(count: int, rows: bool) -> None:
    assert grid(xlsx_bytes(of_texts(*"ab"[:count]), rows))["A1"] == "s"
    assert csv_text(of_texts(*"ab"[:count]), rows).startswith('"trial"')


@pytest.mark.parametrize(
    "text", [*EVIL, "x" * 40_000, "\ud800", "\x00\x1b[31m", "_x0041_", "https://a.b"]
)
def test_any_text_is_kept_as_a_text(text: str) -> None:
    content = xlsx_bytes(of_texts(text), rows=False)
    cell = grid(content)["B2"]
    assert isinstance(cell, str)
    if text in EVIL:
        assert cell == text
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        assert not any("rels" in name and "sheet1" in name for name in parts.namelist())


@given(st.lists(st.text(st.sampled_from(LETTERS), max_size=9), min_size=1, max_size=4))
def test_no_cell_of_the_csv_is_a_formula_whatever_separates_cells(texts: list[str]) -> None:
    written = csv_text(of_texts(*texts), rows=False)
    for separator in ",;\t":
        for line in csv.reader(io.StringIO(written, newline=""), delimiter=separator):
            assert not [cell for cell in line if cell.strip()[:1] in tuple("=+-@＝")]  # noqa: RUF001


def test_the_csv_has_all_values_and_numbers_stay_numbers() -> None:
    lines = list(csv.reader(io.StringIO(csv_text(SHEET, rows=False), newline="")))
    assert lines[0] == ["trial", "0000", "0002", "0001"]
    assert lines[1][2] == "'=1+1"
    assert lines[2] == ["lr", "0.003", "0.0001", ""]
    assert lines[-1] == ["batch size", "64", "64", "64"]
    negative = Sheet("s", ("0",), ("",), (SheetRow("dev r2", (-0.5,)),), "", "", {})
    assert csv_text(negative, rows=True) == '"trial","dev r2"\n"0",-0.5\n'
    assert list(zip(*lines, strict=True)) == [
        tuple(line) for line in csv.reader(io.StringIO(csv_text(SHEET, rows=True), newline=""))
    ]


def test_more_trials_than_excel_has_columns_have_a_row_each(tmp_path: Path) -> None:
    count = 16_384
    write_sheet(Folder(tmp_path), of_texts(*["x"] * count))
    assert len((tmp_path / "sheet.csv").read_text().splitlines()) == 1 + count


def test_both_files_are_replaced_whole(tmp_path: Path) -> None:
    for name in ("sheet.csv", "sheet.xlsx"):
        (tmp_path / name).write_text("old")
    write_sheet(Folder(tmp_path), SHEET)
    assert {path.name for path in tmp_path.iterdir()} == {"sheet.csv", "sheet.xlsx"}
    assert zipfile.is_zipfile(tmp_path / "sheet.xlsx")


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
@pytest.mark.parametrize("name", ["sheet.xlsx", "sheet.csv"])
def test_libreoffice_reads_it_and_runs_nothing(tmp_path: Path, name: str) -> None:
    texts = ("=1+1", '=HYPERLINK("http://a.b";"c")', "+1+1", "@a")
    write_sheet(Folder(tmp_path), of_texts(*texts))
    out = tmp_path / "read"
    subprocess.run(
        [
            *("soffice", "--headless", f"-env:UserInstallation=file://{tmp_path}/profile"),
            *("--convert-to", "csv", "--outdir", str(out), str(tmp_path / name)),
        ],
        check=True,
        capture_output=True,
        timeout=300,
    )
    with (out / "sheet.csv").open(newline="") as file:
        lines = list(csv.reader(file))
    mark = "'" if name == "sheet.csv" else ""
    assert lines[1][1:] == [f"{mark}{text}" for text in texts]
