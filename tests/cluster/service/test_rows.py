"""Terminal and page say the same of a machine, a session and a handed-in sweep."""

from __future__ import annotations

from typing import Any

import pytest

from cluster.service.rows import MACHINES, how_it_does, how_it_stands, machine_rows, members_problem


def test_machines_come_by_member_with_what_runs_there_and_why_they_are_not_lent() -> None:
    zeta = {"member": "zeta", "name": "a", "cpus": 2.0, "gpus": 0.0, "away": "it leaves"}
    alpha = {"member": "alpha", "name": "b", "cpus": 8.0, "gpus": 2.0, "away": ""}
    sessions = [
        {"sweep": "s", "running": {"alpha/b": 2, "zeta/a": 1}},
        {"sweep": "t", "running": {"alpha/b": 1}},
        {"sweep": "u", "running": {}},
    ]
    sharing = {"gpu_hours": {"alpha": 3.25}, "weights": {"alpha": 2.0}, "sessions": sessions}
    rows = machine_rows([zeta, alpha], sharing)
    assert rows == [
        ["alpha", "b", "8", "2", "s 2, t", "3.2", "2", ""],
        ["zeta", "a", "2", "0", "s", "0.0", "1", "not lent: it leaves"],
    ]
    assert {len(row) for row in rows} == {len(MACHINES)}


@pytest.mark.parametrize(
    ("session", "said"),
    [
        ({"granted": 2, "limit": ""}, "3 of 9"),
        ({"granted": 0, "limit": ""}, "waits for a slot"),
        ({"granted": 0, "limit": "its hours are 20-08"}, "its hours are 20-08"),
        ({"granted": 1, "limit": "it may have 1 card at once"}, "it may have 1 card at once"),
    ],
)
def test_what_keeps_a_session_comes_before_how_far_it_is(
    session: dict[str, Any], said: str
) -> None:
    assert how_it_does({**session, "progress": "3 of 9"}) == said


def test_why_a_sweep_failed_is_told() -> None:
    assert how_it_stands({"step": "waiting", "message": ""}) == "waiting"
    assert how_it_stands({"step": "failed", "message": "see its log"}) == "failed (see its log)"


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ({}, ""),
        (dict.fromkeys(["machine", "sweep", "queued", "earlier"], 2.0), ""),
        (
            {"machine": 1.0, "zoe": 2.0, "Sweep": 0.0},
            "cluster/members.yaml: no machine and no sweep here is of Sweep, zoe",
        ),
    ],
)
def test_a_member_whom_nobody_here_knows_is_told(weights: dict[str, float], said: str) -> None:
    sharing = {
        "problem": "",
        "weights": weights,
        "gpu_hours": {"earlier": 1.0},
        "sessions": [{"member": "sweep"}],
    }
    known = {"machines": [{"member": "machine"}], "queue": [{"member": "queued"}]}
    assert members_problem({**known, "sharing": sharing}) == said
    wrong = {**sharing, "problem": "gamma.weight=x must be a number, 0 or more"}
    assert members_problem({**known, "sharing": wrong}) == wrong["problem"]
