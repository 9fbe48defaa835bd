"""The origin of a sweep is told without secrets, and its commands can be copied."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from sweeps.page.reviewed import Reviewed
from sweeps.page.sections.origin import origin
from sweeps.trials import State


def test_tells_versions_and_commands_without_secrets(reviewed: Reviewed) -> None:
    sweep = reviewed.sweep
    secret = "study=postgresql://me:hunter2@host/db"
    made = origin(
        replace(reviewed, sweep=replace(sweep, overrides=(*sweep.overrides, secret), data="d41d"))
    )
    assert "torch" in made
    assert "fingerprint d41d" in made
    assert "make report SWEEP=a" in made
    assert "hunter2" not in made


def test_without_a_score_there_is_no_best_model_to_diagnose(reviewed: Reviewed) -> None:
    assert "make diagnose" in origin(reviewed)
    lost = tuple(replace(one, state=State.DIVERGED) for one in reviewed.sweep.trials)
    made = origin(replace(reviewed, sweep=replace(reviewed.sweep, trials=lost)))
    assert "make report" in made
    assert "make diagnose" not in made


REPORT = "https://wandb.ai/me/caviar/reports/x--1"


@pytest.mark.parametrize(
    ("attributes", "linked"),
    [
        ({"wandb_report": {"id": "x", "url": REPORT}}, [REPORT]),
        ({"wandb_report:1+2": {"id": "x", "url": REPORT}}, [REPORT]),
        (
            {"wandb_report": {"url": REPORT}, "wandb": {"project_url": "https://wandb.ai/me"}},
            ["https://wandb.ai/me", REPORT],
        ),
        ({"wandb_report": {"url": "javascript:alert(1)"}}, []),
        ({"wandb_report": {"id": "x"}}, []),
        ({"wandb_report": "x", "wandb": None}, []),
    ],
)
def test_links_to_wandb_are_addresses_and_nothing_else(
    reviewed: Reviewed, attributes: dict[str, object], linked: list[str]
) -> None:
    made = origin(replace(reviewed, sweep=replace(reviewed.sweep, attributes=attributes)))
    assert re.findall(r'<a href="([^"]*)"', made) == linked
    assert "javascript" not in made


def test_an_old_record_that_knows_less_is_told(reviewed: Reviewed) -> None:
    made = origin(replace(reviewed, sweep=replace(reviewed.sweep, made_by={}, uid="")))
    assert "not known" in made
