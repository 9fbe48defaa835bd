"""Look at the cluster once a second: its machines, and how its slots are shared.

A thread does so, and says who joins and leaves. Ray ends this process when its head is gone.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cluster.sharing import arbiter
from sweeps.backend.machines import alive_nodes, marks_of
from sweeps.backend.ray_session import attach

#: Seconds between two looks, and that the arbiter may take to answer.
_LOOK_S, _ANSWER_S = 1.0, 10.0
#: What is known of the sharing before the arbiter has answered.
_NOTHING: Mapping[str, Any] = {"sessions": [], "gpu_hours": {}, "weights": {}, "problem": ""}


@dataclass(frozen=True)
class Machine:
    """Describes a machine that has joined.

    Attributes:
        away: why it takes no trial now, in words; empty if it does.
    """

    member: str
    name: str
    cpus: float
    gpus: float
    away: str = ""

    def __str__(self) -> str:
        """Write it in words."""
        gpus = f", {self.gpus:g} GPUs" if self.gpus else ""
        return f"{self.member} on {self.name}, {self.cpus:g} CPUs{gpus}"


class ClusterView:
    """Holds what was last seen of a cluster."""

    def __init__(self, address: str, session: str, say: Callable[[str], None]) -> None:
        """Begin to look.

        Args:
            session: tells this head from the one before.
            say: gets a line for each machine that comes or goes.
        """
        self._address, self._session, self._say = address, session, say
        self.machines: Mapping[str, Machine] = {}
        self.sharing: Mapping[str, Any] = _NOTHING
        threading.Thread(target=self._watch, name="cluster", daemon=True).start()

    def _watch(self) -> None:
        """Look until the process ends; end it if nothing can be seen, to be started again."""
        try:
            self._look_on()
        finally:
            traceback.print_exc()
            os._exit(1)

    def _look_on(self) -> None:
        import ray

        attach(self._address)
        shares = arbiter.start(self._session)
        while True:
            with contextlib.suppress(Exception):  # Ray has no one error for a head that is busy
                nodes = alive_nodes()
                why = marks_of(nodes)
                self._look({n["NodeID"]: _machine(n, why.get(n["NodeID"], "")) for n in nodes})
                self.sharing = ray.get(shares.status.remote(), timeout=_ANSWER_S)
            time.sleep(_LOOK_S)

    def _look(self, alive: Mapping[str, Machine]) -> None:
        known, self.machines = self.machines, alive
        for key in alive.keys() - known.keys():
            self._say(f"joined: {alive[key]}")
        for key in known.keys() - alive.keys():
            self._say(f"gone:   {known[key]}")


def _machine(node: Mapping[str, Any], why: str = "") -> Machine:
    has = node["Resources"]
    return Machine(
        member=str(node.get("Labels", {}).get("member", "?")),
        name=str(node["NodeManagerHostname"]),
        cpus=float(has.get("CPU", 0.0)),
        gpus=float(has.get("GPU", 0.0)),
        away=why,
    )
