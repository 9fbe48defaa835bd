"""Lay out a table of trials: figures give way to parameters where a terminal is narrow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

from sweeps.formatting import GAP, cell, clip, fit, number


@dataclass(frozen=True)
class Column:
    """Describes a column of figures beside those of the parameters.

    Attributes:
        spare: 0 if it is always there; of the others the one with the highest gives way first.
        short: its heading where room is short; empty: the same.
    """

    head: str
    cells: Sequence[str]
    left: bool = False
    spare: int = 0
    short: str = ""

    def size(self, head: str) -> int:
        """Return its width under a heading."""
        return max(cell_len(head), *map(cell_len, self.cells))


@dataclass(frozen=True)
class LaidOut:
    """Holds the lines of a table, the headings first, and how many parameters did not fit."""

    lines: list[Text]
    left_out: int


def table(
    figures: Sequence[Column], params: Sequence[Mapping[str, object]], order: list[str], width: int
) -> LaidOut:
    """Lay out rows of figures and of parameters in at most `width` cells.

    Args:
        figures: their columns, from left to right.
        params: of each row.
        order: parameters, the most important first; others come behind them.
    """
    widest: dict[str, int] = {}
    for key in dict.fromkeys([*order, *(key for row in params for key in row)]):
        lengths = [cell_len(number(row[key])) for row in params if key in row]
        if lengths:
            widest[key] = max(1, *lengths)
    whole = [(column, column.head) for column in figures]
    shown = [pair for pair in whole if not pair[0].spare]
    columns = fit(widest, width - _width(shown))
    if len(columns) < len(widest):
        whole = [(column, column.short or column.head) for column in figures]
        shown = [pair for pair in whole if not pair[0].spare]
        columns = fit(widest, width - _width(shown))
    of_params = sum(size + len(GAP) for _, _, size in columns)
    for pair in sorted(whole, key=lambda pair: pair[0].spare):
        if pair[0].spare and _width([*shown, pair]) + of_params <= width:
            shown = [other for other in whole if other in shown or other is pair]
    heads = [cell(head, column.size(head), not column.left) for column, head in shown]
    heads += [cell(name, size, True) for _, name, size in columns]
    lines = [Text(GAP.join(heads).rstrip(), "dim", no_wrap=True)]
    for number_, row in enumerate(params):
        cells = [cell(c.cells[number_], c.size(head), not c.left) for c, head in shown]
        for key, _, size in columns:
            cells.append(cell(number(row[key]) if key in row else "", size, True))
        lines.append(Text(GAP.join(cells).rstrip(), no_wrap=True))
    for line in lines:
        line.truncate(width, overflow="ellipsis")
    return LaidOut(lines, len(widest) - len(columns))


def shortened(metric: str, cells: Sequence[str]) -> str:
    """Clip the name of a metric to the width of its values."""
    return clip(metric, max(6, *map(cell_len, cells)))


def _width(columns: Sequence[tuple[Column, str]]) -> int:
    return sum(column.size(head) for column, head in columns) + len(GAP) * (len(columns) - 1)
