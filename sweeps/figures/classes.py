"""Draw how the best trial's model does class by class, from the tables of its diagnosis."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from sweeps.figures.drawing.canvas import WIDTH, Canvas, Frame, rect, text_width, title
from sweeps.figures.drawing.marks import TrialMarks
from sweeps.figures.drawing.scales import Categories, Linear, finite
from sweeps.figures.figure import Figure
from sweeps.findings.finding import Findings
from sweeps.recorded.diagnosed import diagnosed_other
from sweeps.recorded.recorded_sweep import RecordedSweep

#: The colour of mistakes is strongest from this share of a class on, at least.
_MUCH = 0.1
#: More classes are no picture.
_MOST = 60
#: Counts are written into the cells of so few classes.
_MOST_WRITTEN = 16
_MOST_ROWS = 15


def confusion(sweep: RecordedSweep, findings: Findings, marks: TrialMarks) -> Figure | None:
    """Draw the confusion matrix: rows tell what examples are, columns what they are taken for."""
    table = _read(sweep.folder.path / "diagnosis" / "confusion.csv")
    names = table[0][1:] if table else []
    counts = [[int(finite(_number(cell)) or 0) for cell in row[1:]] for row in table[1:]]
    if not 2 <= len(names) <= _MOST or [len(row) for row in counts] != [len(names)] * len(names):
        return None
    totals = [sum(row) for row in counts]
    if not sum(totals):
        return None
    longest = min(max(map(text_width, names)), 100.0)
    left, top = max(longest + 12, 40.0), 30.0 + min(longest, 70.0)
    size = min(34.0, (WIDTH - left - 16) / len(names))
    canvas = Canvas(
        f"Confusion matrix of {_whose(sweep)} of {sweep.name}", top + size * len(names) + 8
    )
    pairs = [(r, c) for r in range(len(names)) for c in range(len(names)) if r != c]
    shares = [counts[r][c] / max(totals[r], 1) for r, c in pairs]
    most = max(*shares, _MUCH)
    for row, (name, total) in enumerate(zip(names, totals, strict=True)):
        y = top + row * size
        for column, count in enumerate(counts[row]):
            if not count:
                continue
            share = count / total
            told = f"{name} taken for {names[column]}: {count} of {total} ({share:.1%})"
            tenth = 9 if row == column else min(int(share / most * 10), 9)
            kind = f"cell {'right' if row == column else 'wrong'} v{tenth}"
            box = rect(left + column * size + 0.5, y + 0.5, size - 1, size - 1, kind)
            canvas.add(f"{box}>{title(told)}</rect>")
            if len(names) <= _MOST_WRITTEN:
                kind = "count"
                canvas.text(
                    left + (column + 0.5) * size, y + size / 2 + 4, str(count), kind, "middle"
                )
    _name_cells(canvas, names, left, top, size)
    wrong = sorted(
        (
            (counts[r][c], names[r], names[c], counts[r][c] / totals[r])
            for r, c in pairs
            if counts[r][c]
        ),
        key=lambda mistake: -mistake[0],
    )
    right = sum(counts[n][n] for n in range(len(names)))
    worst = "; ".join(f"{true} taken for {taken}, {count}" for count, true, taken, _ in wrong[:3])
    return Figure(
        "confusion",
        f"Confusion matrix of {_whose(sweep)}",
        f"{right} of {sum(totals)} examples of the validation part are right"
        + (f"; the most frequent mistakes: {worst}." if wrong else "; there is no mistake.")
        + _beside_the_best(sweep),
        canvas.svg(),
        ("is", "taken for", "examples", "of its class"),
        [
            (true, taken, str(count), f"{share:.1%}")
            for count, true, taken, share in wrong[:_MOST_ROWS]
        ],
    )


def classes(sweep: RecordedSweep, findings: Findings, marks: TrialMarks) -> Figure | None:
    """Draw the F1 of each class, the lowest first, with its precision and recall."""
    table = _read(sweep.folder.path / "diagnosis" / "classes.csv")
    if len(table) < 3 or table[0][:5] != ["class", "examples", "precision", "recall", "f1"]:
        return None
    rows = [(row, finite(_number(row[4]))) for row in table[1:] if len(row) >= 5]
    rated = sorted(((f1, row) for row, f1 in rows if f1 is not None), key=lambda pair: pair[0])
    if not rated:
        return None
    shown = rated[:_MOST]
    lane = 20.0 if len(shown) <= 20 else 14.0
    left, top = 130, 30
    bottom = top + lane * len(shown)
    low = max(min(min(_measures(row, f1)) for f1, row in shown) - 0.05, 0.0)
    frame = Frame(Linear(low, 1.0), Categories(("",)), left, top, WIDTH - 96, bottom)
    canvas = Canvas(f"Classes of {_whose(sweep)} of {sweep.name}", bottom + 46)
    canvas.axis_across(frame, "F1, precision and recall", 8)
    for place, (f1, row) in enumerate(shown):
        y = top + place * lane
        end = frame.across(f1) or left
        told = f"{row[0]}: F1 {f1:.3f}, precision {_share(row[2])}, "
        told += f"recall {_share(row[3])}, {row[1]} examples"
        middle = y + lane / 2
        pair = [frame.across(_number(cell)) for cell in row[2:4]]
        places = [x for x in (*pair, end) if x is not None]
        canvas.add("<g>", title(told))
        canvas.line(min(places), middle, max(places), middle, "grid reach")
        for kind, x in zip(("c2", "c3"), pair, strict=True):
            if x is not None:
                canvas.add(rect(x - 1.5, y + lane * 0.15, 3, lane * 0.7, kind) + "/>")
        canvas.add(f'<circle class="c1" cx="{end:.1f}" cy="{middle:.1f}" r="4.5"/></g>')
        canvas.text(left - 8, y + lane / 2 + 4, row[0], "label", "end", left - 12)
        canvas.text(WIDTH - 88, y + lane / 2 + 4, f"{f1:.3f}", "tick")
    canvas.legend(
        [
            ('<circle class="c1" r="4.5" cx="7"/>', "F1"),
            ('<rect class="c2" width="3" height="12" x="6" y="-6"/>', "precision"),
            ('<rect class="c3" width="3" height="12" x="6" y="-6"/>', "recall"),
        ],
        16,
    )
    mean = sum(f1 for f1, _ in rated) / len(rated)
    lost = len(rows) - len(rated)
    return Figure(
        "classes",
        f"Classes of {_whose(sweep)}",
        f"F1 of {len(rated)} classes on the validation part, the lowest first: from "
        f"{rated[0][0]:.3f} ({rated[0][1][0]}) to {rated[-1][0]:.3f} ({rated[-1][1][0]}), "
        f"{mean:.3f} on average."
        + (f" {lost} classes without examples are left out." if lost else "")
        + (f" The lowest {len(shown)} are drawn." if len(shown) < len(rated) else "")
        + _beside_the_best(sweep),
        canvas.svg(),
        ("class", "examples", "precision", "recall", "F1"),
        [(row[0], row[1], *map(_share, row[2:4]), f"{f1:.3f}") for f1, row in shown],
    )


def _whose(sweep: RecordedSweep) -> str:
    return diagnosed_other(sweep) or "the best"


def _beside_the_best(sweep: RecordedSweep) -> str:
    """Say that the diagnosis is not of the best trial; empty if it is."""
    other = diagnosed_other(sweep)
    if not other:
        return ""
    best = f": that is {sweep.ranked[0].trial.id} by now" if sweep.ranked else ""
    return f" This is {other}, not the best trial{best}."


def _name_cells(canvas: Canvas, names: Sequence[str], left: float, top: float, size: float) -> None:
    every = max(1, round(13 / size + 0.49))
    for n, name in enumerate(names):
        if n % every:
            continue
        middle = (n + 0.5) * size + 4
        canvas.text(left - 6, top + middle, name, "tick", "end", left - 10)
        canvas.text(left + middle, top - 6, name, "tick", room=top - 24, upright=True)
    canvas.text(4, 14, "is", "label")
    canvas.text(left, 14, "taken for", "label")


def _measures(row: Sequence[str], f1: float) -> list[float]:
    found = (finite(_number(cell)) for cell in row[2:4])
    return [f1, *(value for value in found if value is not None)]


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return float("nan")


def _share(cell: str) -> str:
    """Write a share; a class that was never predicted has no precision, and one may be unseen."""
    value = finite(_number(cell))
    return "-" if value is None else f"{value:.3f}"


def _read(path: Path) -> list[list[str]]:
    """Read a table; empty if there is none, or none that can be read."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return [row for row in csv.reader(file) if row]
    except (OSError, ValueError, csv.Error):
        return []
