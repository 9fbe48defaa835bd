"""Lend this machine to a cluster: `make join HEAD=10.0.0.5:26379 MEMBER=alpha`."""

from __future__ import annotations

import argparse
import contextlib
import time

from cluster.node import (
    Stopped,
    ray_node,
    say,
    split_address,
    token,
    until_stopped,
    wait_for_text,
)
from sweeps.backend.claim import member_name
from sweeps.backend.known_head import FOLDER, Head
from sweeps.backend.ray_environment import is_loopback
from sweeps.cli import refusals
from trainers.errors import ConfigError


def join(address: str, member: str, cpus: float | None, gpus: float | None) -> None:
    """Join a head, and stay until Ctrl-C or until the head is gone.

    Args:
        cpus, gpus: what to lend; None lends all there are.

    Raises:
        ConfigError: no token here, nobody answers, or the head refuses.
        Stopped: a signal asked to end.
    """
    host, _ = split_address(address, "HEAD")
    head = Head(address, str(token()))
    if not head.answers():
        raise ConfigError(
            f"nothing answers at HEAD={address}: is make head running there, and the port open?"
        )
    environment = {
        **head.environment(),
        # Long enough to start a head again that was killed.
        "RAY_gcs_rpc_server_reconnect_timeout_s": "600",
    }
    arguments = [f"--address={address}", f"--labels=member={member}"]
    if is_loopback(host):
        arguments.append(f"--node-ip-address={host}")
    arguments += [
        f"--num-{what}={n:g}" for what, n in (("cpus", cpus), ("gpus", gpus)) if n is not None
    ]
    say(f"joining {address} as {member}")
    with ray_node(arguments, environment, FOLDER / f"join-{member}.log") as node:
        wait_for_text(node, "Ray runtime started")
        if Head.known() is None:
            head.save()
        say("joined; make sweep here runs on the whole cluster. Ctrl-C leaves.")
        while True:
            node.check()
            time.sleep(1.0)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m cluster.join", description=__doc__)
    parser.add_argument("--head", default="", help="host:port of the head")
    parser.add_argument("--member", default="", help="whose machine this is")
    parser.add_argument("--cpus", type=float, help="lend this many")
    parser.add_argument("--gpus", type=float, help="lend this many")
    given = parser.parse_args()
    with refusals(), contextlib.suppress(Stopped), until_stopped():
        join(given.head, member_name(given.member), given.cpus, given.gpus)


if __name__ == "__main__":
    main()
