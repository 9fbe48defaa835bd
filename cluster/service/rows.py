"""Write machines, sessions and the queue as rows, for the terminal and the page alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sweeps.trials import place_name

MACHINES = ("member", "machine", "CPUs", "GPUs", "runs", "GPU-hours today", "weight", "")


def machine_rows(
    machines: Sequence[Mapping[str, Any]], sharing: Mapping[str, Any]
) -> list[list[str]]:
    """Return a row of `MACHINES` for each machine, by member.

    Args:
        machines, sharing: as the head's service answers to /api/status.
    """
    hours, weights = sharing["gpu_hours"], sharing["weights"]
    return [
        [
            str(one["member"]),
            str(one["name"]),
            f"{one['cpus']:g}",
            f"{one['gpus']:g}",
            _runs(place_name(one["member"], one["name"]), sharing["sessions"]),
            f"{hours.get(one['member'], 0.0):.1f}",
            f"{weights.get(one['member'], 1.0):g}",
            f"not lent: {one['away']}" if one["away"] else "",
        ]
        for one in sorted(machines, key=lambda one: (str(one["member"]), str(one["name"])))
    ]


def members_problem(known: Mapping[str, Any]) -> str:
    """Say what is the matter with `members.yaml`: a wrong value, or names that nobody here has.

    Args:
        known: as the head's service answers to /api/status.
    """
    sharing = known["sharing"]
    if sharing["problem"]:
        return str(sharing["problem"])
    with_member = (*known["machines"], *known["queue"], *sharing["sessions"])
    here = {str(one["member"]) for one in with_member} | sharing["gpu_hours"].keys()
    absent = sorted(sharing["weights"].keys() - here)
    if not absent:
        return ""
    return f"cluster/members.yaml: no machine and no sweep here is of {', '.join(absent)}"


def _runs(machine: str, sessions: Sequence[Mapping[str, Any]]) -> str:
    """Name the sweeps of which trials run on a machine, with how many: "a 2, b"."""
    counts = [(one["sweep"], one["running"].get(machine, 0)) for one in sessions]
    return ", ".join(f"{sweep} {n}" if n > 1 else str(sweep) for sweep, n in counts if n)


def how_it_does(session: Mapping[str, Any]) -> str:
    """Say what keeps a session from its trials; if nothing does, how far it is."""
    waits = "" if session["granted"] else "waits for a slot"
    return str(session["limit"] or waits or session["progress"])


def how_it_stands(queued: Mapping[str, Any]) -> str:
    """Say where a handed-in sweep stands, and why if it failed."""
    return str(queued["step"]) + (f" ({queued['message']})" if queued["message"] else "")
