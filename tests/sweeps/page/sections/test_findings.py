"""Findings stand under their topics, each with a link of its own and the trials it rests on."""

from __future__ import annotations

from dataclasses import replace

from sweeps.findings.finding import Certainty, Finding, Findings, Topic
from sweeps.page.reviewed import Reviewed
from sweeps.page.sections.findings import finding_id, findings


def test_topics_come_in_their_order_and_texts_stay_texts(reviewed: Reviewed) -> None:
    trials = tuple(f"{number:04d}" for number in range(9))
    said = (
        Finding("next", Topic.NEXT, Certainty.ADVICE, "Go on.", command="make sweep ARGS='<x>'"),
        Finding("gelu", Topic.EFFECT, Certainty.CLEAR, "<b> helps.", trials=trials),
        Finding("won", Topic.WINNER, Certainty.OPEN, "0001 won."),
    )
    one = replace(reviewed, findings=Findings(said), prefix="a/")
    made = findings(one)
    order = [made.index(text) for text in ("What won", "0001 won", "What worked", "What to run")]
    assert order == sorted(order)
    assert "&lt;b&gt; helps." in made
    assert "ARGS=&#39;&lt;x&gt;&#39;" in made
    assert f'id="f={finding_id(one, said[1])}"' in made
    assert '<a href="#f=a/gelu"' in made.replace(' class="anchor"', "")
    assert "a/0000" in made
    assert "and 5 more" in made
    assert ">clear<" in made


def test_without_any_a_line_says_so(reviewed: Reviewed) -> None:
    assert "Nothing can be said yet" in findings(replace(reviewed, findings=Findings(())))


def test_effects_that_cannot_be_told_are_folded_after_those_that_can(reviewed: Reviewed) -> None:
    said = (
        Finding("gelu", Topic.EFFECT, Certainty.OPEN, "GELU cannot be told"),
        Finding("sgd", Topic.EFFECT, Certainty.CLEAR, "SGD helps"),
        Finding("won", Topic.WINNER, Certainty.OPEN, "the lead is open"),
    )
    made = findings(replace(reviewed, findings=Findings(said)))
    folded = made.index("<details")
    assert made.index("SGD helps") < folded < made.index("GELU cannot be told")
    assert "1 comparison that cannot be told" in made
    assert made.index("the lead is open") < folded, "whether to believe the winner is never folded"
