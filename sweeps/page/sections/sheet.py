"""Write the sheet of all trials on the page: a row a trial, to be sorted and filtered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup, escape

from sweeps.formatting import number, one_line, score
from sweeps.page.elements import folded, is_number, joined, paragraph, table
from sweeps.page.reviewed import Reviewed
from sweeps.report.sheet import Sheet, SheetRow

#: Letters of a cell that are shown; the rest is in sheet.csv.
_LONGEST = 160
#: Letters from which on the cells of a column are wide.
_LONG = 20


#: Rows that are printed, as style.css has it.
PRINTED = 40


def sheet(all_reviewed: Sequence[Reviewed]) -> Markup:
    """Write one sheet of the trials of all sweeps, the objective first.

    Nothing of those whose sheet could not be made.
    """
    sheets = [(one, one.sheet) for one in all_reviewed if one.sheet is not None]
    if not sheets:
        return Markup("")
    trials = [one.key(trial) for one, made in sheets for trial in made.trials]
    if not trials:
        return paragraph("There is no trial yet.")
    rows = merged([made for _, made in sheets])
    objectives = {one.sweep.objective.metric for one, _ in sheets}
    shown = sorted(
        (row for row in rows if not row.folded), key=lambda row: row.key not in objectives
    )
    equal = [(row.name, _text(row, row.values[0])) for row in rows if row.folded]
    files = "; ".join(f"{made.sweep}/sheet.xlsx" for _, made in sheets)
    return joined(
        [
            _controls(len(trials)),
            _table(trials, shown, _kinds([made for _, made in sheets])),
            _on_paper(len(trials)),
            paragraph(
                f"{sheets[0][1].scale}. The same, a column a trial: {files}.",
                kind="aside",
            ),
            folded("Equal in all trials", table(["row", "value"], equal), id="equal")
            if equal
            else "",
        ]
    )


def _on_paper(trials: int) -> Markup:
    """Say in print that there are more trials than it shows; empty if there are not."""
    if trials <= PRINTED:
        return Markup("")
    told = f"In print the first {PRINTED} of {trials:,} trials; all are in the files."
    return paragraph(told, kind="aside paper")


def merged(sheets: Sequence[Sheet]) -> list[SheetRow]:
    """Put the sheets of several sweeps side by side; what differs between sweeps is not folded."""
    if len(sheets) == 1:
        return list(sheets[0].rows)
    names = dict.fromkeys(row.name for one in sheets for row in one.rows)
    of = [{row.name: row for row in one.rows} for one in sheets]
    sweeps = tuple(one.sweep for one in sheets for _ in one.trials)
    rows = [SheetRow("sweep", sweeps)]
    for name in names:
        values: list[Any] = []
        for one, found in zip(sheets, of, strict=True):
            row = found.get(name)
            values += row.values if row else [None] * len(one.trials)
        ways = {found[name].higher_is_better for found in of if name in found}
        keys = {found[name].key for found in of if name in found}
        alike = len(set(map(repr, values))) == 1
        hidden = alike and all(found[name].folded for found in of if name in found)
        way, key = (each.pop() if len(each) == 1 else None for each in (ways, keys))
        rows.append(SheetRow(name, tuple(values), hidden, way, str(key or "")))  # type: ignore[arg-type]
    return sorted(rows, key=lambda row: row.folded)


def _kinds(sheets: Sequence[Sheet]) -> list[str]:
    """Return the classes of each trial's row: its state, and whether it won or is the baseline."""
    kinds = []
    for one in sheets:
        for trial, state in zip(one.trials, one.states, strict=True):
            best = " best" if trial == one.best else ""
            baseline = " baseline" if trial == one.baseline else ""
            kinds.append(f"t {state}{best}{baseline}")
    return kinds


def _controls(trials: int) -> Markup:
    return Markup(
        '<div class="controls script"><label for="filter">Show trials with</label> '
        '<input id="filter" type="search" autocomplete="off" spellcheck="false" '
        'placeholder="words, or lr&lt;0.01 optimizer=sgd"> '
        '<output id="count" for="filter">{} trials</output></div>\n'
    ).format(f"{trials:,}")


def _table(trials: Sequence[str], rows: Sequence[SheetRow], kinds: Sequence[str]) -> Markup:
    head = joined(
        Markup('<th scope="col" data-k="{}"{}>{}</th>').format(
            row.key or row.name, Markup(' class="w"') if _is_wide(row) else "", row.name
        )
        for row in rows
    )
    columns = [_cells(row) for row in rows]
    lines = [
        f'<tr data-t="{trial}" class="{kind}"><th scope="row"><a href="#t={trial}">{trial}</a></th>'
        f"{''.join(cells)}</tr>\n"
        for trial, kind, *cells in zip(map(escape, trials), kinds, *columns, strict=True)
    ]
    return Markup(
        '<div class="wide" id="sheet-frame" tabindex="0" role="group" aria-label="The sheet">'
        '<table id="sheet-table"><thead><tr><th scope="col" data-k="trial">trial</th>{}</tr>'
        "</thead>\n<tbody>\n{}</tbody></table></div>\n"
    ).format(head, Markup("".join(lines)))


def _cells(row: SheetRow) -> list[str]:
    """Write the cells of a column: numbers set right, results coloured by their tenth."""
    texts = [_text(row, value) for value in row.values]
    numbers = all(is_number(text) for text in texts if text)
    cells = []
    for text, tenth in zip(texts, row.tenths(), strict=True):
        kinds = [*(["n"] if numbers else []), *([] if tenth is None else [f"v{tenth}"])]
        kind = f' class="{" ".join(kinds)}"' if kinds else ""
        cells.append(f"<td{kind}>{escape(text)}</td>")
    return cells


def _is_wide(row: SheetRow) -> bool:
    return any(len(_text(row, value)) > _LONG for value in row.values)


def _text(row: SheetRow, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return score(value) if row.higher_is_better is not None else number(value)
    first, *rest = str(value).splitlines() or [""]
    text = "; ".join(map(one_line, [first, *rest[:1]])) + (" …" if rest[1:] else "")
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
