"""Find the sweeps that are run from this machine: they reach the cluster through its Ray.

A process of its own, for a second or two: where the head has gone, Ray ends the process that asks.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from typing import Any

from sweeps import ROOT
from sweeps.backend.known_head import Head
from sweeps.backend.machines import LABEL
from sweeps.backend.ray_environment import for_trials

#: Seconds that the head may take to answer.
_ANSWER_S = 10.0


def drivers(head: Head, machine: str) -> list[int]:
    """List the processes that drive something through a machine; none if nobody can tell.

    Args:
        machine: its label in Ray.
    """
    try:
        answer = subprocess.run(
            [sys.executable, "-m", "cluster.machine.drivers", head.address, machine],
            env={**for_trials(os.environ), **head.environment()},
            cwd=ROOT, capture_output=True, text=True, timeout=_ANSWER_S, check=False,
        )  # fmt: skip
        return [int(word) for word in answer.stdout.split()]
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return []


def through(machine: str, nodes: Iterable[Any], jobs: Iterable[Any]) -> list[int]:
    """List the drivers that run and have come in by a machine, as Ray knows them."""
    here = {bytes(node.node_id) for node in nodes if node.labels.get(LABEL) == machine}
    return sorted(
        int(job.driver_pid)
        for job in jobs
        if not job.is_dead and bytes(job.driver_address.node_id) in here
    )


def main() -> None:
    """Print the numbers of the processes: ADDRESS MACHINE."""
    from ray import _raylet

    address, machine = sys.argv[1:]
    client = vars(_raylet)["GcsClient"](address=address)
    nodes = client.get_all_node_info(timeout=_ANSWER_S).values()
    jobs = client.get_all_job_info(timeout=_ANSWER_S).values()
    sys.stdout.write(" ".join(map(str, through(machine, nodes, jobs))) + "\n")


if __name__ == "__main__":
    main()
