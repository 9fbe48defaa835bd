"""Print what was found of a sweep: the clear statements whole, the open ones counted."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from rich.text import Text

from sweeps.console.text_tables import section
from sweeps.findings.finding import Certainty, Finding, Findings, Topic
from sweeps.formatting import one_line

#: Statements of a topic that are printed.
MOST = 4
#: What the closing tables say already.
_SAID = ("winner-test", "winner-repeats")
#: Topics whose open statements are printed too.
_OPEN_TOO = (Topic.WINNER, Topic.IMPORTANCE)


def findings_lines(findings: Findings, width: int) -> Iterator[Text]:
    """Yield the lines of a section; none where nothing was found."""
    shown: list[Finding] = []
    left_out = 0
    for topic in Topic:
        if topic is Topic.NEXT:
            continue
        statements = [one for one in findings.about(topic) if one.id not in _SAID]
        told = [
            one for one in statements if one.certainty is not Certainty.OPEN or topic in _OPEN_TOO
        ]
        shown += told[:MOST]
        left_out += len(statements) - len(told[:MOST])
    if not shown:
        return
    yield from section("What was found", "± 95 %; all of it with pictures in report.html")
    for one in shown:
        style = "bold" if one.certainty is Certainty.CLEAR else ""
        for line in textwrap.wrap(f"· {one_line(one.sentence)}", width, subsequent_indent="  "):
            yield Text(line, style)
    if left_out:
        more = "more is" if left_out == 1 else "more are"
        yield Text(f"  {left_out} {more} in the report, most of what cannot be told", "dim")


def next_commands(findings: Findings) -> dict[str, str]:
    """Map each command that the findings advise to why."""
    return {
        one.command: one_line(one.sentence) for one in findings.about(Topic.NEXT) if one.command
    }
