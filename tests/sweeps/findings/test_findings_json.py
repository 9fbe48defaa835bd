"""findings.json is plain JSON, whatever is found."""

from __future__ import annotations

import json
from pathlib import Path

from sweeps.findings.findings import findings
from sweeps.findings.findings_json import NAME, content, write
from sweeps.space.dimensions import Choice
from tests.sweeps.findings.made_sweeps import drawn, rule, sweep, trial


def test_it_holds_all_that_is_found(tmp_path: Path) -> None:
    made = sweep(drawn(24, rule), path=tmp_path)
    found = findings(made)
    write(made, found)
    told = json.loads((tmp_path / NAME).read_text())
    assert [one["sentence"] for one in told["statements"]] == [
        one.sentence for one in found.statements
    ]
    assert {one["certainty"] for one in told["statements"]} >= {"clear", "open", "counted"}
    assert len(told["effects"]) == len(found.effects)
    assert [one["clear"] for one in told["effects"]] == [one.clear for one in found.effects]
    assert (told["version"], told["trials"], told["sweep"]) == (1, 24, tmp_path.name)


def test_what_is_not_finite_is_null_and_any_value_is_text_or_plain() -> None:
    space = {"a": Choice(("<script>", None, (1, 2), {"x": "=cmd()"}))}
    trials = [trial(i, {"a": v}, [0.5]) for i, v in enumerate(space["a"].values)]
    made = sweep(trials, space)
    text = json.dumps(content(made, findings(made)), allow_nan=False)
    assert "Infinity" not in text
    assert json.loads(text)["effects"][0]["low"] is None
