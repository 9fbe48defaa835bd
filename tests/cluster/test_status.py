"""What a person sees of a cluster."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from cluster.status import show
from tests.sweeps.processes import finish, start


def node(member: str, cpus: float, gpus: float = 0.0) -> dict[str, Any]:
    one = {"member": member, "name": f"host-{member}", "cpus": cpus, "gpus": gpus}
    return {**one, "away": "beta is using it" if member == "beta" else ""}


def shown(nodes: list[dict[str, Any]], queue: Sequence[dict[str, Any]] = (), **sharing: Any) -> str:
    console = Console(file=io.StringIO(), width=120)
    known = {"sessions": [], "gpu_hours": {}, "weights": {}, "problem": "", **sharing}
    show(console, {"machines": nodes, "sharing": known, "queue": queue})
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_machines_sweeps_and_hours_are_shown() -> None:
    session = {
        "sweep": "a", "member": "alpha", "slot": {"CPU": 1.0, "GPU": 0.5}, "wanted": 4,
        "held": 2, "granted": 2, "limit": "", "since": 0.0, "progress": "3 of 9 trials ended",
        "running": {"alpha/host-alpha": 2},
    }  # fmt: skip
    waits = {
        **session,
        "sweep": "[bold]b",
        "held": 0,
        "granted": 0,
        "slot": {"CPU": 2.0},
        "running": {},
    }
    late = {**waits, "sweep": "c", "limit": "beta's hours are 20-08"}
    output = shown(
        [node("zeta", 2), node("alpha", 8, 2), node("beta", 1)],
        sessions=[session, waits, late],
        gpu_hours={"alpha": 3.25, "gone": 1.0},
        weights={"alpha": 2.0},
        problem="cluster/members.yaml: gamma.weight=x must be a number, 0 or more",
    )
    lines = [" ".join(line.split()) for line in output.splitlines()]
    assert "alpha host-alpha 8 2 a 2 3.2 2" in lines
    assert "beta host-beta 1 0 0.0 1 not lent: beta is using it" in lines
    assert "a alpha 2 2 4 1 CPU, 0.5 GPU 3 of 9 trials ended" in lines
    assert "[bold]b alpha 0 0 4 2 CPU waits for a slot" in lines
    assert "c alpha 0 0 4 2 CPU beta's hours are 20-08" in lines
    assert "gone has had 1.0 GPU-hours today" in lines
    assert "gamma.weight=x" in output


def test_a_cluster_without_sweeps_says_what_to_do() -> None:
    output = shown([node("zeta", 2)])
    assert "none: make sweep, or make submit" in output
    assert "Handed in" not in output


def test_what_was_handed_in_is_shown() -> None:
    one = {"sweep": "a[/]", "member": "beta", "step": "failed", "since": 0}
    output = shown([], [{**one, "message": "see its log"}])
    assert "a[/]   beta    failed (see its log)" in output


@pytest.mark.machines
def test_without_a_head_it_says_so(tmp_path: Path) -> None:
    code, output = finish(start("cluster.status", CAVIAR_CLUSTER=str(tmp_path)))
    assert code == 2
    assert "no head is known here" in output
    assert "Traceback" not in output
