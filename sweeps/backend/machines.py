"""Know the machines of a cluster, and which are not lent now; run something on one of them.

A machine that has joined marks itself in Ray's own store while its terms or its owner do not lend
it; the mark is the reason, in words. Nothing is to begin on a machine with a mark, and what runs
there goes on elsewhere after its epoch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sweeps.backend.claim import NAMESPACE
from sweeps.formatting import one_line

#: The label of Ray's by which a machine that has joined is known; unlike that of any other.
LABEL = "machine"

_PREFIX = "away:"


def alive_nodes() -> list[dict[str, Any]]:
    """List the machines of the Ray that this process is connected to, as Ray describes them."""
    import ray

    return [node for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]


def this_node() -> str:
    """Return the id of the machine that this process is on, or is connected through."""
    import ray

    return str(ray.get_runtime_context().get_node_id())


def only_on(node: str) -> Any:
    """Return what lets Ray run something on a machine alone."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    return NodeAffinitySchedulingStrategy(node, soft=False)


def on_machine(node: str, function: Any) -> Any:
    """Make a function run on a machine, once, whatever else runs there."""
    import ray

    return ray.remote(function).options(
        num_cpus=0, max_retries=0, scheduling_strategy=only_on(node)
    )


def cards_of(node: Mapping[str, Any]) -> int:
    """Count the GPUs of a machine, as `ray.nodes` lists it."""
    return int(node["Resources"].get("GPU", 0.0))


def fits(node: Mapping[str, Any], resources: Mapping[str, Any]) -> int:
    """Count the trials that fit on a machine at once.

    Args:
        node: as `ray.nodes` lists it.
        resources: what a trial takes.
    """
    cards, share = cards_of(node), float(resources["gpu"] or 0.0)
    # A little over: 1/3 GPU three times is one GPU.
    counts = [int(node["Resources"].get("CPU", 0.0) / float(resources["cpu"]) + 1e-6)]
    if share and (cards or not resources["anywhere"]):
        # A share is of one card: 0.6 of two cards are two trials, not three.
        counts.append(cards * int(1 / share + 1e-6) if share < 1 else int(cards / share))
    return min(counts)


def named(member: str, host: str) -> str:
    """Name a machine to a person."""
    return f"{member}'s {host}" if member else host


def key_of(machine: str) -> bytes:
    """Return the key in Ray's store that has the mark of a machine."""
    return f"{_PREFIX}{machine}".encode()


def away(nodes: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Map the id of each machine that is not lent now to its name and why, in words.

    Args:
        nodes: as `ray.nodes` lists them.
    """
    nodes = list(nodes)
    marks = marks_of(nodes)
    return {
        key: f"{named(node['Labels'].get('member', ''), node['NodeManagerHostname'])}: {marks[key]}"
        for node in nodes
        if (key := str(node["NodeID"])) in marks
    }


def marks_of(nodes: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Map the id of each machine that is not lent now to why, in words; argument as of `away`."""
    joined = {str(node["Labels"][LABEL]): node for node in nodes if LABEL in node["Labels"]}
    if not joined:
        return {}
    from ray.experimental import internal_kv

    found: dict[str, str] = {}
    for key in internal_kv._internal_kv_list(_PREFIX, namespace=NAMESPACE):
        node = joined.get(key.decode("utf-8", "replace").removeprefix(_PREFIX))
        if node is not None and (mark := internal_kv._internal_kv_get(key, namespace=NAMESPACE)):
            found[str(node["NodeID"])] = one_line(mark.decode("utf-8", "replace"))
    return found
