"""Write the findings, topic by topic, each with the trials that it rests on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from markupsafe import Markup

from sweeps.findings.finding import Certainty, Finding, Topic
from sweeps.formatting import counted
from sweeps.page.elements import code, joined, paragraph, trial_link
from sweeps.page.reviewed import Reviewed

_HEADINGS = {
    Topic.WINNER: "What won",
    Topic.EFFECT: "What worked, and what did not",
    Topic.IMPORTANCE: "What mattered",
    Topic.EDGE: "Where the good ones sit in the space",
    Topic.STOPPING: "Stopping early",
    Topic.WASTE: "What was wasted",
    Topic.NEXT: "What to run next",
}

#: certainty -> the word beside a finding; none where there is nothing to be unsure of.
_WORDS = {Certainty.CLEAR: "clear", Certainty.OPEN: "not clear"}

#: Topics whose unclear statements are folded: many, and none that a group would act on.
_FOLDED = (Topic.EFFECT, Topic.STOPPING)

#: Trials of a finding that are named; a click on the rest marks all of them.
_NAMED = 4


def findings(reviewed: Reviewed) -> Markup:
    """Write all findings of a sweep; nothing if they could not be made."""
    if reviewed.findings is None:
        return Markup("")
    parts: list[object] = []
    for topic, heading in _HEADINGS.items():
        if about := reviewed.findings.about(topic):
            parts.append(Markup("<h3>{}</h3>\n").format(heading))
            unclear = [one for one in about if topic in _FOLDED and one.certainty is Certainty.OPEN]
            if told := [one for one in about if one not in unclear]:
                parts.append(_list(_finding(reviewed, one) for one in told))
            if unclear:
                parts.append(_folded(reviewed, topic, unclear))
    if not parts:
        parts.append(paragraph("Nothing can be said yet: no trial has a score."))
    return joined(parts)


def finding_id(reviewed: Reviewed, finding: Finding) -> str:
    """Return what a link to a finding names: unique on the page."""
    return f"{reviewed.prefix}{finding.id}"


def _folded(reviewed: Reviewed, topic: Topic, unclear: Sequence[Finding]) -> Markup:
    noun = "comparison" if topic is Topic.EFFECT else "point"
    return Markup(
        '<details id="{}"><summary>{} that cannot be told</summary>{}</details>\n'
    ).format(
        f"{reviewed.prefix}unclear-{topic.value}",
        counted(len(unclear), noun),
        _list(_finding(reviewed, one) for one in unclear),
    )


def _list(items: Iterator[Markup]) -> Markup:
    return Markup('<ul class="findings">\n{}</ul>\n').format(joined(items))


def _finding(reviewed: Reviewed, finding: Finding) -> Markup:
    id = finding_id(reviewed, finding)
    word = _WORDS.get(finding.certainty, "")
    return Markup(
        '<li id="f={id}" class="{kind}"><p>{sentence}{word}{link}</p>{trials}{command}</li>\n'
    ).format(
        id=id,
        kind=finding.certainty.value,
        sentence=finding.sentence,
        word=Markup(' <span class="sure">{}</span>').format(word) if word else "",
        link=Markup(
            ' <a class="anchor" href="#f={}" aria-label="Link to this finding" '
            'title="Link to this finding, and mark its trials">#</a>'
        ).format(id),
        trials=_trials(reviewed, finding),
        command=code(finding.command) if finding.command else "",
    )


def _trials(reviewed: Reviewed, finding: Finding) -> Markup:
    if not finding.trials:
        return Markup("")
    named = joined(
        (trial_link(reviewed.key(trial)) for trial in finding.trials[:_NAMED]), between=", "
    )
    left = len(finding.trials) - _NAMED
    more = f" and {left:,} more" if left > 0 else ""
    return Markup('<p class="aside">rests on {}{}</p>').format(named, more)
