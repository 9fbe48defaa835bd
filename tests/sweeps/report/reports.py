"""What the tests of the W&B report share: sweeps that were made up, and their runs at a server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sweeps.findings.finding import Certainty, Finding, Findings, Importance, Topic
from sweeps.recorded.recorded_sweep import RecordedSweep
from sweeps.tracking.run_id import run_id
from tests.wandb_server import Run, WandbServer

#: Of other people: what must stay text.
ODD = '<script>alert("1")</script> =cmd() **bold** 🙂'

FOUND = Findings(
    statements=(
        Finding("winner", Topic.WINNER, Certainty.OPEN, f"0001 won {ODD}", 0.5, 0.1, 0.9),
        Finding(
            "next", Topic.NEXT, Certainty.ADVICE, "widen it", command="make sweep ARGS='width=8'"
        ),
    ),
    importances=(
        Importance("optimizer", {"fanova": 0.75, "forest": 0.5}, None, 1),
        Importance("optimizer.lr", {"fanova": 0.25}, -0.5, 2),
    ),
    importances_note="only 6 finished trials",
)


def at_server(server: WandbServer, sweep: RecordedSweep, trials: int | None = None) -> list[Run]:
    """Let the server have the runs of a sweep's first trials."""
    names = [trial.id for trial in sweep.trials][:trials]
    runs = []
    for name in names:
        name = run_id(sweep.config["name"], sweep.uid, name)
        runs.append(Run(name, "caviar", group=sweep.config["name"], job_type="trial"))
        server.runs[name] = runs[-1]
    return runs


def panels(spec: dict[str, Any], kind: str) -> Iterator[dict[str, Any]]:
    """The configurations of all panels of a kind in a report."""
    for block in spec["blocks"]:
        if block["type"] == "panel-grid":
            for panel in block["metadata"]["panelBankSectionConfig"]["panels"]:
                if panel["viewType"] == kind:
                    yield panel["config"]


def runsets(spec: dict[str, Any]) -> list[list[dict[str, Any]]]:
    """The run sets of each grid of a report."""
    grids = [block for block in spec["blocks"] if block["type"] == "panel-grid"]
    return [grid["metadata"]["runSets"] for grid in grids]


def texts(node: Any) -> Iterator[str]:
    """All text that a report shows as text."""
    if isinstance(node, dict):
        if isinstance(node.get("text"), str):
            yield node["text"]
        for inner in node.values():
            yield from texts(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from texts(inner)
