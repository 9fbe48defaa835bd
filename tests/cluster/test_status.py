"""What a person sees of a cluster."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from cluster.status import show
from tests.cluster.raylets import Machines
from tests.sweeps.processes import finish, start


def node(member: str, cpus: float, gpus: float = 0.0) -> dict[str, Any]:
    return {
        "Labels": {"member": member},
        "NodeManagerHostname": f"host-{member}",
        "Resources": {"CPU": cpus, "GPU": gpus},
    }


def shown(nodes: list[dict[str, Any]], **sharing: Any) -> str:
    console = Console(file=io.StringIO(), width=120)
    known = {"sessions": [], "gpu_hours": {}, "weights": {}, "problem": "", **sharing}
    show(console, "10.0.0.5:26379", nodes, known)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_machines_sweeps_and_hours_are_shown() -> None:
    session = {
        "sweep": "a", "member": "alpha", "slot": {"CPU": 1.0, "GPU": 0.5}, "wanted": 4,
        "held": 2, "granted": 2, "limit": "", "since": 0.0,
    }  # fmt: skip
    waits = {**session, "sweep": "[bold]b", "held": 0, "granted": 0, "slot": {"CPU": 2.0}}
    late = {**waits, "sweep": "c", "limit": "beta's hours are 20-08"}
    output = shown(
        [node("zeta", 2), node("alpha", 8, 2)],
        sessions=[session, waits, late],
        gpu_hours={"alpha": 3.25, "gone": 1.0},
        weights={"alpha": 2.0},
        problem="cluster/members.yaml: gamma.weight=x must be a number, 0 or more",
    )
    lines = [" ".join(line.split()) for line in output.splitlines()]
    assert "alpha host-alpha 8 2 3.2 2" in lines
    assert "a alpha 2 2 4 1 CPU, 0.5 GPU" in lines
    assert "[bold]b alpha 0 0 4 2 CPU waits for a slot" in lines
    assert "c alpha 0 0 4 2 CPU beta's hours are 20-08" in lines
    assert "gone has had 1.0 GPU-hours today" in lines
    assert "gamma.weight=x" in output


def test_a_cluster_without_sweeps_says_what_to_do() -> None:
    assert "none runs: make sweep" in shown([node("zeta", 2)])


def test_a_running_head_is_shown(machines: Machines) -> None:
    code, output = finish(start("cluster.status", **machines.environment))
    assert code == 0, output
    assert f"head {machines.address}" in output
    assert "zeta" in output
    assert "none runs" in output


@pytest.mark.machines
def test_without_a_head_it_says_so(tmp_path: Path) -> None:
    code, output = finish(start("cluster.status", CAVIAR_CLUSTER=str(tmp_path)))
    assert code == 2
    assert "no head is known here" in output
    assert "Traceback" not in output
