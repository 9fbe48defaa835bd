"""Read a CSV file into numbers: kinds of columns, texts, missing cells.

A column whose cells are all numbers is a feature. A column whose cells are all texts becomes a
feature for each text that the training file has: 1 where a row has it, else 0; a text that is only
in other files is 0 everywhere. Where texts and numbers mix, the file is refused.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trainers.errors import DataError, first_line
from trainers.nearest_names import nearest_or_all

#: Cells that stand for a value that is not known.
MISSING = frozenset(("", "?", "na", "n/a", "nan", "null", "none"))
#: Texts that a column may have, at most: more are no categories, but names or sentences.
MOST_TEXTS = 100
_ROWS = 20_000  # that are read together
_BOM = "utf-8-sig"

Floats = npt.NDArray[np.float32]


@dataclass
class Column:
    """Describes a column of the training file.

    Attributes:
        texts: its texts, sorted; empty: numbers.
    """

    name: str
    texts: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """Number of features that it becomes."""
        return len(self.texts) or 1


@dataclass(frozen=True)
class Wanted:
    """Says what to read of a file.

    Attributes:
        targets: columns to be predicted.
        of_classes: whether the target is a class, and else numbers.
        ignored: columns to leave out.
        texts: columns that are texts even where they look like numbers.
        impute: whether missing cells are filled in, and else refused.
        delimiter: between two cells.
    """

    targets: tuple[str, ...]
    of_classes: bool
    ignored: tuple[str, ...]
    texts: tuple[str, ...]
    impute: bool
    delimiter: str


@dataclass
class _Seen:
    """Holds what a column has: the first number and the first text, and its different texts."""

    number: tuple[int, str] | None = None
    text: tuple[int, str] | None = None
    texts: set[str] = field(default_factory=set)


def header(path: Path, wanted: Wanted) -> list[str]:
    """Read the names of the columns.

    Raises:
        DataError: no header, a name twice or none, or not the columns that are wanted.
    """
    names = next(_rows(path, wanted.delimiter), None)
    if not names:
        raise DataError(f"{path} is empty: it must begin with the names of its columns")
    names = [name.strip() for name in names]
    for number, name in enumerate(names, 1):
        if not name:
            raise DataError(f"{path}: column {number} has no name in the first line: give it one")
        if names.index(name) != number - 1:
            raise DataError(f"{path}: two columns are called {name!r}: rename one")
    if all(_number(name) is not None for name in names):
        raise DataError(
            f"{path} begins with numbers ({', '.join(names[:3])}…): its first line must be the "
            "names of its columns"
        )
    if len(names) == 1:
        other = next((mark for mark in ";\t|" if mark in names[0]), None)
        if other is not None:
            shown = "'data.delimiter=\"\\t\"'" if other == "\t" else f"'data.delimiter=\"{other}\"'"
            raise DataError(f"{path} has one column, {names[0][:60]!r}: is it {shown}?")
    for key, chosen in (("ignore", wanted.ignored), ("categorical", wanted.texts)):
        for name in chosen:
            if name not in names:
                raise DataError(_absent(path, f"data.{key}", name, names))
    return names


def require_targets(path: Path, names: Sequence[str], wanted: Wanted) -> None:
    """Refuse a file without the columns that are to be predicted."""
    for target in wanted.targets:
        if target not in names:
            raise DataError(_absent(path, "data.target", target, names))


def columns(path: Path, wanted: Wanted) -> tuple[list[Column], tuple[str, ...], int]:
    """Look through a training file: its features, the classes of its target, and its rows.

    Raises:
        DataError: a cell that is missing, or of another kind than its column; names the line.
    """
    names = header(path, wanted)
    require_targets(path, names, wanted)
    seen = {name: _Seen() for name in names if name not in wanted.ignored}
    count = 0
    for first, rows in _blocks(path, wanted.delimiter, len(names)):
        count += len(rows)
        for name, cells in zip(names, zip(*rows, strict=True), strict=True):
            if name in seen:
                is_target = name in wanted.targets
                as_text = name in wanted.texts or (is_target and wanted.of_classes)
                _look(path, seen[name], name, cells, first, as_text, wanted, is_target)
    if not count:
        raise DataError(f"{path} has no rows below its header")
    classes: tuple[str, ...] = ()
    found = []
    for name, about in seen.items():
        if name in wanted.targets:
            if wanted.of_classes:
                classes = _classes(path, name, about, count)
            elif about.text is not None:
                line, cell = about.text
                raise DataError(
                    f"{path}, line {line}: {name} is {cell!r}, and task=regression predicts numbers"
                )
        else:
            found.append(_column(path, name, about))
    if not found:
        raise DataError(f"{path} has no column but the target: there is nothing to learn from")
    return found, classes, count


def _classes(path: Path, name: str, about: _Seen, count: int) -> tuple[str, ...]:
    most = max(2, count // 2)
    if len(about.texts) > most or (len(about.texts) > 1000):
        raise DataError(
            f"{path}: {name} has {len(about.texts)} different values in {count} rows, too many for "
            "classes: task=regression predicts numbers"
        )
    numbers = [_number(text) for text in about.texts]
    if None not in numbers:  # 2 before 10
        return tuple(sorted(about.texts, key=lambda text: (float(text), text)))
    return tuple(sorted(about.texts))


def _column(path: Path, name: str, about: _Seen) -> Column:
    if about.text is None:
        return Column(name)
    if about.number is not None:
        (line, cell), (other, number) = about.text, about.number
        raise DataError(
            f"{path}, line {line}: {name} is {cell!r}, and on line {other} the number {number}: "
            f"mend it, or take all of them for texts, data.categorical=[{name}]"
        )
    if len(about.texts) > MOST_TEXTS:
        raise DataError(
            f"{path}: {name} has more than {MOST_TEXTS} different texts ({about.text[1]!r}, …): "
            f"leave it out, data.ignore=[{name}]"
        )
    return Column(name, tuple(sorted(about.texts)))


def _look(
    path: Path,
    seen: _Seen,
    name: str,
    cells: Sequence[str],
    first: int,
    as_text: bool,
    wanted: Wanted,
    is_target: bool,
) -> None:
    """Add the cells of a column, the first of them on line `first`, to what was seen of it."""
    if not as_text and seen.text is None and _floats(cells) is not None:
        seen.number = seen.number or (first, cells[0])
        return
    if as_text and seen.text is not None and set(cells) <= seen.texts:
        return
    for line, cell in enumerate(cells, first):
        cell = cell.strip()
        if cell.lower() in MISSING:
            if is_target or not wanted.impute:
                remedy = "leave the row out" if is_target else "data.missing=impute fills it in"
                raise DataError(f"{path}, line {line}: {name} is missing ({cell!r}): {remedy}")
        elif not as_text and (value := _number(cell)) is not None:
            if not math.isfinite(value):
                raise DataError(f"{path}, line {line}: {name} is {cell}, which is no finite number")
            seen.number = seen.number or (line, cell)
        else:
            seen.text = seen.text or (line, cell)
            if len(seen.texts) <= max(MOST_TEXTS, 1000):
                seen.texts.add(cell)


def fill(
    path: Path, wanted: Wanted, found: Sequence[Column], classes: Sequence[str], x: Floats, y: Any
) -> None:
    """Write the rows of a file into x (R, features) and y (R,) or (R, K); None: not there.

    A missing number is nan, a missing text none of the texts.

    Raises:
        DataError: a file that lacks a column, or has a cell that does not fit; names the line.
    """
    names = header(path, wanted)
    places = {name: number for number, name in enumerate(names)}
    for column in found:
        if column.name not in places:
            raise DataError(_absent(path, "a column of the training file", column.name, names))
    indices = {name: number for number, name in enumerate(classes)}
    row = 0
    for first, rows in _blocks(path, wanted.delimiter, len(names)):
        by_column = list(zip(*rows, strict=True))
        here = slice(row, row + len(rows))
        at = 0
        for column in found:
            cells = by_column[places[column.name]]
            into = x[here, at : at + column.width]
            if column.texts:
                _one_hot(into, cells, column)
            else:
                into[:, 0] = _numeric(path, column.name, cells, first, wanted.impute)
            at += column.width
        if y is not None and wanted.of_classes:
            cells = by_column[places[wanted.targets[0]]]
            y[here] = _labels(path, wanted.targets[0], cells, first, indices)
        elif y is not None:
            for number, name in enumerate(wanted.targets):
                y[here, number] = _numeric(path, name, by_column[places[name]], first, False)
        row += len(rows)


def count_rows(path: Path, wanted: Wanted) -> int:
    """Count the rows below the header."""
    return sum(len(rows) for _, rows in _blocks(path, wanted.delimiter, len(header(path, wanted))))


def _one_hot(into: Floats, cells: Sequence[str], column: Column) -> None:
    index = {text: number for number, text in enumerate(column.texts)}
    found = np.array([index.get(cell.strip(), -1) for cell in cells])
    into[np.flatnonzero(found >= 0), found[found >= 0]] = 1.0


def _labels(
    path: Path, name: str, cells: Sequence[str], first: int, indices: dict[str, int]
) -> list[int]:
    labels = []
    for line, cell in enumerate(cells, first):
        label = indices.get(cell.strip())
        if label is None:
            raise DataError(
                f"{path}, line {line}: {name} is {cell!r}, a class that the training file lacks; "
                f"{nearest_or_all(cell, list(indices))}"
            )
        labels.append(label)
    return labels


def _numeric(
    path: Path, name: str, cells: Sequence[str], first: int, impute: bool
) -> Sequence[float] | npt.NDArray[np.float64]:
    values = _floats(cells)
    if values is not None:
        return values
    made = []
    for line, each in enumerate(cells, first):
        cell = each.strip()
        value = math.nan if impute and cell.lower() in MISSING else _number(cell)
        if value is None or (math.isnan(value) and not impute) or math.isinf(value):
            raise DataError(f"{path}, line {line}: {name} is {cell!r}, and must be a number")
        made.append(value)
    return made


def _floats(cells: Sequence[str]) -> npt.NDArray[np.float64] | None:
    """Read finite numbers, all at once; None if some cell is none."""
    try:
        values = np.fromiter(map(float, cells), dtype=np.float64, count=len(cells))
    except ValueError:
        return None
    return values if np.isfinite(values).all() else None


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _absent(path: Path, key: str, name: str, names: Sequence[str]) -> str:
    return f"{path} has no column {name!r} ({key}); {nearest_or_all(name, list(names))}"


def _blocks(path: Path, delimiter: str, width: int) -> Iterator[tuple[int, list[list[str]]]]:
    """Yield rows below the header, some at a time, with the line that the first of them is on."""
    lines = _rows(path, delimiter)
    next(lines)
    first = 2
    while rows := list(islice(lines, _ROWS)):
        for line, row in enumerate(rows, first):
            if len(row) != width and row:
                raise DataError(
                    f"{path}, line {line}: {len(row)} cells, and the header names {width} columns"
                )
        whole = [row for row in rows if row]
        if whole:
            yield first, whole
        first += len(rows)


def _rows(path: Path, delimiter: str) -> Iterator[list[str]]:
    """Yield the rows of a file as texts."""
    try:
        with path.open(newline="", encoding=_BOM) as file:
            yield from csv.reader(file, delimiter=delimiter)
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not in UTF-8 ({first_line(error)}): save it so") from error
    except (OSError, csv.Error, TypeError) as error:
        reason = getattr(error, "strerror", None) or first_line(error)
        raise DataError(f"{path} cannot be read: {reason}") from error
