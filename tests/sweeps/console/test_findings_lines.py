"""The terminal prints what is clear, counts what is open, and hands on the advised commands."""

from __future__ import annotations

from sweeps.console.findings_lines import MOST, findings_lines, next_commands
from sweeps.findings.finding import Certainty, Finding, Findings, Topic


def one(name: str, topic: Topic, certainty: Certainty, command: str = "") -> Finding:
    return Finding(name, topic, certainty, f"sentence {name}", command=command)


def lines(*statements: Finding) -> list[str]:
    return [line.plain for line in findings_lines(Findings(statements), 60)]


def test_clear_ones_are_printed_and_open_ones_counted() -> None:
    told = lines(
        one("a", Topic.WINNER, Certainty.OPEN),
        one("b", Topic.EFFECT, Certainty.CLEAR),
        one("c", Topic.EFFECT, Certainty.OPEN),
        one("d", Topic.EFFECT, Certainty.OPEN),
    )
    assert "· sentence a" in told
    assert "· sentence b" in told
    assert not any("sentence c" in line for line in told)
    assert told[-1] == "  2 more are in the report, most of what cannot be told"


def test_a_topic_has_a_few_lines_at_most() -> None:
    many = [one(f"e{n}", Topic.EFFECT, Certainty.CLEAR) for n in range(MOST + 3)]
    told = lines(*many)
    assert sum("sentence" in line for line in told) == MOST
    assert told[-1].startswith("  3 more are")


def test_what_the_closing_tables_say_is_not_said_twice() -> None:
    told = lines(
        one("winner", Topic.WINNER, Certainty.COUNTED),
        one("winner-test", Topic.WINNER, Certainty.COUNTED),
    )
    assert not any("winner-test" in line for line in told)
    assert lines() == []


def test_advice_is_among_the_next_commands_and_not_among_what_was_found() -> None:
    advice = one("n", Topic.NEXT, Certainty.ADVICE, "make extend SWEEP=a")
    assert next_commands(Findings((advice,))) == {"make extend SWEEP=a": "sentence n"}
    assert lines(advice) == []
