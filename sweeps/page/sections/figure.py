"""Write a figure: its drawing, its sentence, and the table of it."""

from __future__ import annotations

from markupsafe import Markup

from sweeps.figures.figure import Figure
from sweeps.page.elements import folded, joined, paragraph, table


def figure(drawn: Figure, id: str, level: int = 3) -> Markup:
    """Write a figure.

    Args:
        id: unique on the page.
        level: of its heading.
    """
    rows = folded("The table of this figure", table(drawn.columns, drawn.rows), id=f"{id}-table")
    # A screen reader reads the sentence in the place of the drawing, and then the table.
    drawing = Markup('<div class="drawing" role="img" aria-label="{}">{}</div>\n').format(
        drawn.sentence, Markup(drawn.svg)
    )
    return Markup(
        '<figure id="{id}" aria-labelledby="{id}-h">\n<h{level} id="{id}-h">{title}</h{level}>\n'
        "{drawing}<figcaption>{sentence}</figcaption>\n{rows}</figure>\n"
    ).format(
        id=id,
        level=level,
        title=drawn.title,
        drawing=drawing,
        sentence=drawn.sentence,
        rows=rows if drawn.rows else "",
    )


def figures(drawn: list[tuple[str, Figure]]) -> Markup:
    """Write figures, each with its id on the page; a line in the place of none."""
    if not drawn:
        return paragraph("Nothing can be drawn yet: no trial has trained an epoch.")
    links = (Markup('<a href="#{}">{}</a>').format(id, one.title) for id, one in drawn)
    contents = Markup('<nav aria-label="{}">{}</nav>\n').format(
        f"Figures, from {drawn[0][0]}", joined(links, between=" ")
    )
    return joined([contents, *(figure(one, id) for id, one in drawn)])
