"""Let processes for trials stand ready: each has imported the libraries of a training.

A process takes three seconds of a processor to start, most of them for the imports of PyTorch and
Ray Tune. One that stands ready is a trial's within 0.05 s. Ray has no public call for it: a raylet
starts processes beforehand for whoever calls its `PrestartWorkers`, and gives one to an actor whose
runtime environment is the same to the letter. Where that fails, a process is started when a trial
needs it.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from sweeps.backend.machines import alive_nodes, away, fits

#: Variables that Tune gives to the processes of trials, and to no others.
OF_TRIALS = {"PL_DISABLE_FORK": "1", "RAY_CHDIR_TO_TRIAL_DIR": "0"}

#: Seconds that a process stands ready, at least: a sweep may have to wait for its first slot.
_STANDS_S = 300
#: Seconds for a raylet to answer.
_ANSWER_S = 10.0


def setup_hook() -> Callable[[], None]:
    """Return what each process of a job is to run first: one for trials imports its libraries.

    A function within another one, as Ray then sends it as it is. It imports nothing of ours, which
    a process finds in the driver's folder once it has something to run.
    """
    of_trials = dict(OF_TRIALS)  # sent with it

    def import_ahead() -> None:
        import contextlib
        import os

        if not os.environ.items() >= of_trials.items():
            return
        # Libraries read it when they are imported; Ray sets it once a trial has its processors.
        unset = "OMP_NUM_THREADS" not in os.environ
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        with contextlib.suppress(Exception):  # a trial tells what is wrong
            import torch
            from ray import tune

            del torch, tune
        if unset:
            del os.environ["OMP_NUM_THREADS"]

    return import_ahead


def let_stand_ready(resources: Mapping[str, Any], most: int | None) -> None:
    """Let raylets start processes for this driver's first trials; waits for none of them.

    As many on each machine as trials may begin there now, and one where others have all slots,
    of which this sweep may get one before long.

    Args:
        resources: what a trial takes.
        most: trials that run at once, at most.
    """
    from ray._private.state import available_resources_per_node

    nodes, free = alive_nodes(), available_resources_per_node()  # type: ignore[no-untyped-call]
    gone = away(nodes)
    lent = [node for node in nodes if node["NodeID"] not in gone]
    call = partial(_call, _first_trials(lent, free, resources, most), _request())
    threading.Thread(target=call, name="ready-workers", daemon=True).start()


def _first_trials(
    nodes: Iterable[Mapping[str, Any]],
    free: Mapping[str, Mapping[str, float]],
    resources: Mapping[str, Any],
    most: int | None,
) -> dict[str, int]:
    """Map the address of each raylet to the trials that may begin there first, at least one.

    Args:
        nodes: as `ray.nodes` lists them.
        free: id of a node -> the resources that nobody holds.
    """
    counts = {}
    for node in nodes:
        if fits(node, resources):
            now = max(1, fits({"Resources": free.get(node["NodeID"], {})}, resources))
            address = f"{node['NodeManagerAddress']}:{node['NodeManagerPort']}"
            counts[address] = now if most is None else min(now, most)
    return counts


def _request() -> Any:
    """Describe a process of this driver's that trials may have."""
    import ray
    from ray.core.generated import common_pb2, node_manager_pb2

    request = node_manager_pb2.PrestartWorkersRequest(
        language=common_pb2.PYTHON,
        job_id=bytes.fromhex(ray.get_runtime_context().get_job_id()),
        keep_alive_duration_secs=_STANDS_S,
    )
    info = request.runtime_env_info
    core: Any = vars(ray._private.worker.global_worker)["core_worker"]
    info.CopyFrom(core.get_job_config().runtime_env_info)
    ours = json.loads(info.serialized_runtime_env or "{}")
    ours["env_vars"] = {**ours.get("env_vars", {}), **OF_TRIALS}
    # As Ray writes what it makes of the driver's environment and an actor's.
    info.serialized_runtime_env = json.dumps(ours, sort_keys=True, separators=(",", ":"))
    return request


def _call(counts: Mapping[str, int], request: Any) -> None:
    """Call each raylet, all at once.

    Args:
        counts: address of a raylet -> how many processes it is to start.
    """
    import grpc
    from ray._private.grpc_utils import init_grpc_channel
    from ray.core.generated.node_manager_pb2 import PrestartWorkersRequest
    from ray.core.generated.node_manager_pb2_grpc import NodeManagerServiceStub

    with contextlib.ExitStack() as channels:
        answers = []
        for address, count in counts.items():
            one = PrestartWorkersRequest()
            one.CopyFrom(request)
            one.num_workers = count
            stub = NodeManagerServiceStub(channels.enter_context(init_grpc_channel(address)))
            answers.append(stub.PrestartWorkers.future(one, timeout=_ANSWER_S))
        for answer in answers:
            with contextlib.suppress(grpc.RpcError):  # a process is then started when needed
                answer.result()
