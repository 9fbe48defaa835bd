"""Make the page of a head: machines and members, the queue, and how each sweep does."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from cluster.service.rows import MACHINES, how_it_does, how_it_stands, machine_rows, members_problem
from sweeps.figures.figure import Figure
from sweeps.formatting import counted, duration
from sweeps.page.elements import joined, paragraph, section, table
from sweeps.page.page import hashed, html_head, stylesheet
from sweeps.page.sections.figure import figures

#: Seconds after which a browser asks for a newer page.
REFRESH_S = 10

_POLICY = (
    "default-src 'none'; style-src {style}; img-src data:; base-uri 'none'; form-action 'none'"
)
_PAGE = Markup("""\
<!DOCTYPE html>
<html lang="en">
{head}<body>
<main tabindex="-1">
<header><h1>{title}</h1>{lead}</header>
{sections}</main>
</body>
</html>
""")


def head_page(known: Mapping[str, Any], drawn: Mapping[str, Figure]) -> str:
    """Make the page.

    Args:
        known: as /api/status answers.
        drawn: learning curves of some sweeps.
    """
    machines, queue, sharing = known["machines"], known["queue"], known["sharing"]
    title = f"Caviar: {counted(len(machines), 'machine')}, {counted(len(queue), 'sweep')}"
    lead = paragraph(f"As of {time.strftime('%Y-%m-%d %H:%M:%S')}, the head's time.", kind="lead")
    wrong = members_problem(known)
    problem = paragraph(wrong, kind="aside") if wrong else Markup("")
    policy = _POLICY.format(style=hashed(stylesheet()))
    again = Markup('<meta http-equiv="refresh" content="{}">\n').format(REFRESH_S)
    return str(
        _PAGE.format(
            head=html_head(title, policy, again),
            title=title,
            lead=joined([lead, problem]),
            sections=joined(
                [
                    section("running", "Sweeps that run", _running(sharing)),
                    section("queue", "Handed in", _queue(queue)),
                    section("machines", "Machines and members", _machines(machines, sharing)),
                    section("curves", "Learning curves", _curves(drawn)),
                ]
            ),
        )
    )


def _running(sharing: Mapping[str, Any]) -> Markup:
    """Write what every session says of itself, also of those that were started by hand."""
    rows = []
    for one in sharing["sessions"]:
        slots = f"{one['held']} of {one['wanted']}"
        rows.append([one["sweep"], one["member"], slots, how_it_does(one)])
    if not rows:
        return paragraph("None runs now.")
    return table(["sweep", "member", "slots", "how it does"], rows)


def _queue(queue: Sequence[Mapping[str, Any]]) -> Markup:
    """Write the sweeps that were handed in."""
    if not queue:
        return paragraph("None was handed in: make submit")
    now = time.time()
    rows = [
        [
            _link(one["sweep"]) if one["step"] != "waiting" else one["sweep"],
            one["member"],
            how_it_stands(one),
            f"{duration(max(now - one['since'], 0.0))} ago",
        ]
        for one in queue
    ]
    return table(["sweep", "member", "how it stands", "since"], rows)


def _curves(drawn: Mapping[str, Figure]) -> Markup:
    places = enumerate(drawn.values(), start=1)  # a name is no id of an element
    return figures([(f"curves-{place}", figure) for place, figure in places])


def _link(sweep: str) -> Markup:
    return Markup('<a href="/sweep/{}">{}</a>').format(quote(sweep, safe=""), sweep)


def _machines(machines: Sequence[Mapping[str, Any]], sharing: Mapping[str, Any]) -> Markup:
    rows = machine_rows(machines, sharing)
    return table(MACHINES, rows) if rows else paragraph("No machine is seen.")
