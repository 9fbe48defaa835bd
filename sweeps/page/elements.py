"""Write HTML elements: whatever is put into one is escaped, unless it is HTML of our own.

`Markup` is text that is HTML already; its `format` and `%` escape every other argument.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

#: Rows of a table under a figure; what is beyond is in trials.csv.
MOST_ROWS = 200


def joined(parts: Iterable[object], between: str = "") -> Markup:
    """Join texts, each escaped, and pieces of HTML."""
    return Markup(between).join(escape(part) for part in parts)


def section(id: str, title: str, *parts: object) -> Markup:
    """Write a section of the page with its heading; nothing, if it has no content."""
    content = joined(part for part in parts if part)
    if not content:
        return Markup("")
    return Markup(
        '<section id="{id}" aria-labelledby="{id}-h"><h2 id="{id}-h">{title}</h2>\n{content}'
        "</section>\n"
    ).format(id=id, title=title, content=content)


def paragraph(*parts: object, kind: str = "") -> Markup:
    """Write a paragraph."""
    name = Markup(' class="{}"').format(kind) if kind else ""
    return Markup("<p{}>{}</p>\n").format(name, joined(parts))


def code(text: str) -> Markup:
    """Write a line or a block to be copied; a click takes all of it."""
    return Markup('<pre class="copy" tabindex="0"><code>{}</code></pre>\n').format(text)


def folded(summary: str, *parts: object, id: str = "") -> Markup:
    """Write what is folded until somebody opens it."""
    name = Markup(' id="{}"').format(id) if id else ""
    return Markup("<details{}><summary>{}</summary>\n{}</details>\n").format(
        name, summary, joined(parts)
    )


def trial_link(trial: str) -> Markup:
    """Write a trial's id so that a click chooses it."""
    return Markup('<a class="trial" href="#t={0}" data-t="{0}">{0}</a>').format(trial)


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], caption: str = "") -> Markup:
    """Write a table, its first column as headings of the rows.

    A column of numbers is set right.
    """
    numbers = [
        all(is_number(row[place]) for row in rows if row[place] not in (None, ""))
        for place in range(len(columns))
    ]
    kinds = [
        Markup(' class="n"') if place and numbers[place] else "" for place in range(len(columns))
    ]
    head = joined(
        Markup('<th scope="col"{}>{}</th>').format(kind, column)
        for kind, column in zip(kinds, columns, strict=True)
    )
    title = Markup("<caption>{}</caption>").format(caption) if caption else ""
    body = joined(_row(row, kinds) for row in rows[:MOST_ROWS])
    left = len(rows) - MOST_ROWS
    more = paragraph(f"… and {left:,} more rows", kind="aside") if left > 0 else ""
    return Markup(
        '<div class="wide"><table>{}<thead><tr>{}</tr></thead><tbody>\n{}</tbody></table></div>\n{}'
    ).format(title, head, body, more)


def _row(row: Sequence[object], kinds: Sequence[object]) -> Markup:
    first, *rest = row
    cells = joined(
        Markup("<td{}>{}</td>").format(kind, "" if value is None else value)
        for kind, value in zip(kinds[1:], rest, strict=True)
    )
    return Markup('<tr><th scope="row">{}</th>{}</tr>\n').format(first, cells)


def is_number(value: object) -> bool:
    """Whether a cell holds a number, or the text of one."""
    if isinstance(value, bool):
        return False
    if isinstance(value, int | float):
        return True
    try:
        float(str(value).replace(",", ""))
    except ValueError:
        return False
    return True


def definitions(pairs: Mapping[str, object]) -> Markup:
    """Write names with what they stand for."""
    each = (Markup("<dt>{}</dt><dd>{}</dd>\n").format(k, v) for k, v in pairs.items() if v != "")
    return Markup("<dl>{}</dl>\n").format(joined(each))


def data(id: str, content: Any) -> Markup:
    """Embed data for the script; no text in them can end the element."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    safe = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return Markup('<script type="application/json" id="{}">{}</script>\n').format(id, Markup(safe))
