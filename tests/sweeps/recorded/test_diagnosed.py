"""The trial that a diagnosis is of, whatever lies there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sweeps.recorded.diagnosed import diagnosed_other
from tests.sweeps.findings.made_sweeps import sweep, trial


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"trial": "0000"}', "0000"),
        ('{"trial": "0001"}', ""),
        ('{"trial": "0007"}', ""),
        ('{"trial": null}', ""),
        ('{"trial": ["0000"]}', ""),
        ('{"part": "validation"}', ""),
        ("[]", ""),
        ("{", ""),
        (None, ""),
    ],
)
def test_only_that_of_another_trial_is_named(
    tmp_path: Path, content: str | None, told: str
) -> None:
    made = sweep([trial(0, {}, [0.5]), trial(1, {}, [0.7])], {}, path=tmp_path)
    (tmp_path / "diagnosis").mkdir()
    if content is not None:
        (tmp_path / "diagnosis" / "summary.json").write_text(content)
    assert diagnosed_other(made) == told
    if told:
        assert diagnosed_other(replace(made, trials=made.trials[:1])) == ""
