"""Know which machines of a cluster are not lent now: their terms, or their owners, say so.

A machine that has joined marks itself in Ray's own store; a mark is the reason, in words. Nothing
is to begin on a machine with a mark, and what runs there goes on elsewhere after its epoch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sweeps.backend.claim import NAMESPACE
from sweeps.formatting import one_line

#: The label of Ray's by which a machine that has joined is known; unlike that of any other.
LABEL = "machine"

_PREFIX = "away:"


def key_of(machine: str) -> bytes:
    """Return the key in Ray's store that has the mark of a machine."""
    return f"{_PREFIX}{machine}".encode()


def away(nodes: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Map the id of each machine that is not lent now to why, in words.

    Args:
        nodes: as `ray.nodes` lists them.
    """
    joined = {str(node["Labels"][LABEL]): node for node in nodes if LABEL in node["Labels"]}
    if not joined:
        return {}
    from ray.experimental import internal_kv

    found: dict[str, str] = {}
    for key in internal_kv._internal_kv_list(_PREFIX, namespace=NAMESPACE):
        node = joined.get(key.decode("utf-8", "replace").removeprefix(_PREFIX))
        if node is not None and (mark := internal_kv._internal_kv_get(key, namespace=NAMESPACE)):
            why = one_line(mark.decode("utf-8", "replace"))
            member = str(node["Labels"].get("member", ""))
            found[str(node["NodeID"])] = f"{member}'s {node['NodeManagerHostname']}: {why}"
    return found
