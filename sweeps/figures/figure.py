"""Define what a figure is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """Holds a drawing with what it says in words and in numbers.

    Attributes:
        id: tells it from the others of its sweep: "curves", "parameter-optimizer-lr"; letters,
            digits and hyphens.
        title: a few words; plain text.
        sentence: what is seen, complete without the drawing; plain text.
        svg: an <svg> element, 720 units wide, coloured by the classes of the page's stylesheet.
        columns, rows: the table of it, as text; short, whatever the number of trials.
    """

    id: str
    title: str
    sentence: str
    svg: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
