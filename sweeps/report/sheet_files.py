"""Write the ablation sheet as sheet.xlsx and sheet.csv, which any spreadsheet opens.

Any text of a sheet may be somebody's, so none of it is ever a formula. In sheet.xlsx every text is
written as one. A spreadsheet that opens a CSV file takes what begins with = + - or @ for a formula,
quoted or not, so in sheet.csv such a text has a ' before it; numbers have none, and stay numbers.
"""

from __future__ import annotations

import csv
import io
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sweeps.report.sheet import Sheet, SheetRow
from sweeps.results_folder import Folder
from trainers.files.whole_file import replacing, write_whole

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.workbook import Workbook
    from xlsxwriter.worksheet import Worksheet

#: What a spreadsheet may take for the beginning of a formula: at the beginning of a text or of a
#: line in it, or after what separates cells where a country writes 0,5 for a half.
_FORMULA = re.compile(r"""((?:^|[;\t\r\n])[\s"]*)(?=[=+\-@＝＋－＠])""")  # noqa: RUF001  as Excel has it

#: Excel's own limits: columns of a sheet, characters of a cell.
_MOST_COLUMNS = 16_384
_MOST_CHARACTERS = 32_767

#: From the last tenth to the best: one hue, which prints in grey and which any eye tells apart.
SHADES = (
    "#FFFFFF", "#EEF3FA", "#DDE8F4", "#C8DAEE", "#B0CAE5",
    "#93B6DA", "#739FCC", "#5386BC", "#366CA8", "#1F528F",
)  # fmt: skip
_LIGHT_TEXT_FROM = 8  # of these shades on, text is white
#: Colours of the heads, of the baseline's, of the lines between cells.
_HEAD, _BASELINE, _LINE = "#E4E4E4", "#F6EBD0", "#BFBFBF"

#: Widths in characters: of the heads, of a trial's column; in a row a trial, of texts and numbers.
_HEADS_WIDE, _TRIAL_WIDE, _TEXT_WIDE, _NUMBER_WIDE = 22, 24, 40, 12
#: Height of a line in points, and how many lines of a long text are seen.
_LINE_HIGH, _MOST_LINES = 15, 8
_PAPER_A4 = 9
_EDGES = ("left", "right", "top", "bottom")


def write_sheet(folder: Folder, sheet: Sheet, rows: bool = False) -> None:
    """Write sheet.xlsx and sheet.csv.

    Args:
        rows: a row a trial; else a column a trial, as the course has it, if Excel has so many.

    Raises:
        OSError: the folder cannot be written.
    """
    rows = rows or len(sheet.trials) >= _MOST_COLUMNS
    write_whole(folder.path / "sheet.csv", csv_text(sheet, rows))
    with replacing(folder.path / "sheet.xlsx") as fresh:
        fresh.write_bytes(xlsx_bytes(sheet, rows))


def csv_text(sheet: Sheet, rows: bool) -> str:
    """Write the sheet as CSV: all values, the folded ones last; texts are quoted."""
    lines = [["trial", *sheet.trials], *([row.name, *row.values] for row in sheet.rows)]
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    table = zip(*lines, strict=True) if rows else lines
    writer.writerows([[_harmless(cell) for cell in line] for line in table])
    return text.getvalue()


def _harmless(value: Any) -> Any:
    if isinstance(value, str):
        return _FORMULA.sub(r"\1'", value)
    return "" if value is None else value


def xlsx_bytes(sheet: Sheet, rows: bool) -> bytes:
    """Write the sheet as a workbook of Excel's."""
    from xlsxwriter.workbook import Workbook  # 0.1 s, which only this should take

    content = io.BytesIO()
    workbook = Workbook(content, {"in_memory": True})
    workbook.set_properties({"title": _text(sheet.sweep)})
    _Page(workbook, sheet, rows).write()
    workbook.close()
    return content.getvalue()


@dataclass(frozen=True)
class _Look:
    """Says how a cell looks; each look is one format of the workbook.

    Attributes:
        shade: its colour; empty for none.
        edges: its thick borders, of "left", "right", "top" and "bottom".
    """

    number: str = ""
    shade: str = ""
    light: bool = False
    bold: bool = False
    link: bool = False
    wraps: bool = True
    edges: frozenset[str] = frozenset()


class _Page:
    """Writes one worksheet, whichever way round: along goes by trial, across by row."""

    def __init__(self, workbook: Workbook, sheet: Sheet, rows: bool) -> None:
        self._workbook = workbook
        self._sheet = sheet
        self._rows = rows
        self._page: Worksheet = workbook.add_worksheet("sheet")
        self._formats: dict[_Look, Format] = {}
        shown = [row for row in sheet.rows if not row.folded]
        folded = [row for row in sheet.rows if row.folded]
        #: Place of each row, after the head; the folded ones come after what says so.
        self._places = {1 + at: row for at, row in enumerate(shown)}
        self._fold = 1 + len(shown) if folded else 0
        self._places |= {self._fold + 1 + at: row for at, row in enumerate(folded)}
        self._last_shown = len(shown)
        self._end = 1 + len(sheet.rows) + bool(folded)

    def write(self) -> None:
        """Write all of it."""
        self._arrange()
        self._value(0, 0, self._sheet.sweep, _Look(shade=_HEAD, bold=True))
        for at, trial in enumerate(self._sheet.trials, 1):
            self._head(at, trial)
        for place, row in self._places.items():
            self._value(place, 0, row.name, _Look(shade=_HEAD, bold=True))
            self._row(place, row)
        if self._fold:
            self._value(self._fold, 0, "equal in all trials", _Look(shade=_HEAD, bold=True))
            names = ", ".join(row.name for row in self._sheet.rows if row.folded)
            self._value(self._fold, 1, names, _Look(wraps=self._rows))
        under = len(self._sheet.trials) + 2 if self._rows else self._end + 1
        self._page.write_string(under, 0, self._sheet.scale)

    def _arrange(self) -> None:
        """Set sizes, what stays in sight, how it prints, and fold what is equal in all trials."""
        page, rows = self._page, self._rows
        page.freeze_panes(1, 1)
        page.hide_gridlines(2)
        page.set_landscape()
        page.set_paper(_PAPER_A4)
        page.fit_to_pages(*((1, 0) if rows else (0, 1)))
        page.repeat_rows(0)
        page.repeat_columns(0, 0)
        page.outline_settings(symbols_below=False, symbols_right=False)
        page.set_column(0, 0, _HEADS_WIDE)
        wide = dict.fromkeys(self._places, _TRIAL_WIDE)
        if rows:
            wide = {place: _wide(row) for place, row in self._places.items()}
        elif self._sheet.trials:
            page.set_column(1, len(self._sheet.trials), _TRIAL_WIDE)
        lines = {
            place: [_lines(value, wide[place]) for value in row.values]
            for place, row in self._places.items()
        }
        for place, row in self._places.items():
            fold = {"level": 1, "hidden": True} if row.folded else {}
            if rows:
                page.set_column(place, place, wide[place], None, fold)
            else:
                page.set_row(place, _LINE_HIGH * max(lines[place], default=1), None, fold)
        if rows:
            for at in range(len(self._sheet.trials)):
                shown = [of[at] for place, of in lines.items() if not self._places[place].folded]
                page.set_row(at + 1, _LINE_HIGH * max(shown, default=1))
        if self._fold and rows:
            page.set_column(self._fold, self._fold, _HEADS_WIDE, None, {"collapsed": True})
        elif self._fold:
            page.set_row(self._fold, None, None, {"collapsed": True})

    def _head(self, at: int, trial: str) -> None:
        shade = _BASELINE if trial == self._sheet.baseline else _HEAD
        edges = self._edges(0, trial)
        if address := self._sheet.links.get(trial, ""):
            where = (0, at) if not self._rows else (at, 0)
            look = self._format(_Look(shade=shade, bold=True, link=True, edges=edges))
            self._page.write_url(*where, address, look, _text(trial))
            return
        self._value(0, at, trial, _Look(shade=shade, bold=True, edges=edges))

    def _row(self, place: int, row: SheetRow) -> None:
        number = _number_format(row)
        formats: dict[tuple[int | None, bool, bool], Format] = {}
        values = zip(self._sheet.trials, row.values, row.tenths(), strict=True)
        for at, (trial, value, tenth) in enumerate(values, 1):
            is_number = value is not None and not isinstance(value, str)
            is_best = trial == self._sheet.best
            key = (tenth, is_number, is_best)
            if key not in formats:
                look = _Look(
                    number=number if is_number else "",
                    shade="" if tenth is None else SHADES[tenth],
                    light=tenth is not None and tenth >= _LIGHT_TEXT_FROM,
                    bold=is_best and row.higher_is_better is not None,
                    edges=self._edges(place, trial),
                )
                formats[key] = self._format(look)
            self._put(place, at, value, formats[key])

    def _edges(self, place: int, trial: str) -> frozenset[str]:
        """Return the borders that outline the best trial."""
        if trial != self._sheet.best:
            return frozenset()
        along, first, last = (
            (("left", "right"), "top", "bottom")
            if not self._rows
            else (("top", "bottom"), "left", "right")
        )
        ends = [first] * (place == 0) + [last] * (place == self._last_shown)
        return frozenset((*along, *ends))

    def _value(self, place: int, at: int, value: str, look: _Look) -> None:
        self._put(place, at, value, self._format(look))

    def _put(self, place: int, at: int, value: Any, look: Format) -> None:
        where = (place, at) if not self._rows else (at, place)
        if value is None:
            self._page.write_blank(*where, None, look)
        elif isinstance(value, str):
            self._page.write_string(*where, _text(value), look)
        else:
            self._page.write_number(*where, value, look)

    def _format(self, look: _Look) -> Format:
        if look not in self._formats:
            edges = {edge: 5 if edge in look.edges else 1 for edge in _EDGES}  # thick, thin
            colours = {f"{edge}_color": _LINE for edge in _EDGES if edge not in look.edges}
            self._formats[look] = self._workbook.add_format(
                {
                    "text_wrap": look.wraps,
                    "valign": "top",
                    "align": "left",
                    "bold": look.bold,
                    **edges,
                    **colours,
                    **({"num_format": look.number} if look.number else {}),
                    **({"bg_color": look.shade} if look.shade else {}),
                    **({"font_color": "#FFFFFF"} if look.light else {}),
                    **({"font_color": "#0563C1", "underline": 1} if look.link else {}),
                }
            )
        return self._formats[look]


def _number_format(row: SheetRow) -> str:
    """Return how the numbers of a row are shown, all with the same digits."""
    numbers = [abs(value) for value in row.values if isinstance(value, int | float) and value]
    if all(isinstance(value, int) for value in row.values if not isinstance(value, str | None)):
        return "0"
    small, large = min(numbers, default=1.0), max(numbers, default=1.0)
    if large >= 1e5 or (small < 1e-3 and row.higher_is_better is None):
        return "0.0E+00"
    return "0.0###" if row.higher_is_better is None else "0.0000"


def _wide(row: SheetRow) -> int:
    """Return the width of a column, where each trial has a row."""
    longest = max((len(value) for value in row.values if isinstance(value, str)), default=0)
    return min(max(_NUMBER_WIDE, longest, len(row.name)) + 1, _TEXT_WIDE)


def _lines(value: Any, wide: int) -> int:
    """Count the lines that a value takes, as few as are seen of it."""
    if not isinstance(value, str):
        return 1
    count = sum(max(1, math.ceil(len(line) / wide)) for line in value[:2_000].split("\n"))
    return min(count, _MOST_LINES)


def _text(text: str) -> str:
    """Return what a cell takes of a text."""
    return text.encode("utf-8", "replace").decode()[: _MOST_CHARACTERS // 2]
