"""`make head`: start a cluster on this machine and wait for others to join. Ctrl-C ends it."""

from __future__ import annotations

import argparse
import contextlib
import getpass
import os
import socket
import sys
import threading
import time
from typing import Any

from cluster import arbiter
from cluster.node import (
    Node,
    Stopped,
    ray_node,
    say,
    token,
    until_stopped,
    wait_for_port,
)
from sweeps.backend.claim import member_name
from sweeps.backend.known_head import FOLDER, USUAL, Head
from sweeps.backend.ray_session import alive_nodes, attach
from sweeps.cli import refusals
from trainers.errors import ConfigError

#: Not Ray's usual 6379, which is also that of Redis.
PORT = 26379


def head(address: str, port: int, member: str) -> None:
    """Start a head, and print who joins and leaves, until Ctrl-C.

    Raises:
        ConfigError: a head runs already, the port is taken, or Ray does not start.
        Stopped: a signal asked to end.
    """
    running = Head.known()
    if running is not None:
        raise ConfigError(f"a head at {running.address} is known here already: use that, or end it")
    _free(address, port)
    secret = token(create=True)
    us = Head(f"{address}:{port}", str(secret))
    environment = {
        **us.environment(),
        # The cluster's own memory on disk: a head that was killed can be started again, and
        # those who had joined are there once more.
        "RAY_gcs_storage": "rocksdb",
        "RAY_gcs_storage_path": str(FOLDER / "gcs"),
    }
    arguments = [
        "--head",
        f"--node-ip-address={address}",
        f"--port={port}",
        f"--labels=member={member}",
        "--include-dashboard=false",
    ]
    say(f"starting a Ray head on {address}, port {port}")
    with ray_node(arguments, environment, FOLDER / "head.log") as node:
        wait_for_port(node, address, port)
        us.save()
        try:
            _tell(us, member)
            _watch(node, us)
        finally:
            us.forget()


def _tell(us: Head, member: str) -> None:
    host = us.address.rpartition(":")[0]
    say("it is up. On another machine, in its own checkout:")
    say(f"  mkdir -p {USUAL} && scp {_user()}@{host}:{us.token} {USUAL}/token")
    say(f"  make join HEAD={us.address} MEMBER=alpha")
    if host.startswith("127."):
        say("(this address is of this machine alone: give ADDRESS=… for others to reach it)")
    say("Here, make sweep now runs on all that have joined. Ctrl-C ends the head.")


def _watch(node: Node, us: Head) -> None:
    """Print a line for each machine that comes or goes, until Ray ends."""
    os.environ.update(us.environment())
    # In a thread of its own: asking a head that has just died takes a minute.
    threading.Thread(target=_tell_machines, args=(us.address,), daemon=True).start()
    while True:
        try:
            node.check()
        except ConfigError as error:
            raise ConfigError(
                f"{error}\nmake head again: the machines that had joined come back by themselves"
            ) from None
        time.sleep(0.5)


def _tell_machines(address: str) -> None:
    attach(address)
    arbiter.start()
    known: dict[str, str] = {}
    while True:
        alive = {n["NodeID"]: _describe(n) for n in alive_nodes()}
        for key in alive.keys() - known.keys():
            say(f"{_now()}  joined: {alive[key]}")
        for key in known.keys() - alive.keys():
            say(f"{_now()}  gone:   {known[key]}")
        known = alive
        time.sleep(1.0)


def _describe(node: dict[str, Any]) -> str:
    member = node.get("Labels", {}).get("member", "?")
    has = node["Resources"]
    gpus = f", {has['GPU']:g} GPUs" if has.get("GPU") else ""
    return f"{member} on {node['NodeManagerHostname']}, {has.get('CPU', 0):g} CPUs{gpus}"


def _now() -> str:
    return time.strftime("%H:%M:%S")


def _user() -> str:
    """Return the user's name; a container may have a user without one."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user-{os.getuid()}"


def _own_address() -> str:
    """Return this machine's address on its way out; no packet is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"


def _free(address: str, port: int) -> None:
    if not 0 < port < 65536:
        raise ConfigError(f"PORT={port} must be from 1 to 65535, such as PORT={PORT}")
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            raise ConfigError(
                f"port {port} of {address} cannot be had ({error.strerror}): give another PORT=… "
                "or one of this machine's addresses, ADDRESS=…"
            ) from None


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m cluster.head", description=__doc__)
    parser.add_argument("--address", default="", help="of this machine, for others to reach")
    parser.add_argument("--port", type=int, default=PORT)
    parser.add_argument("--member", default=_user(), help="whose machine this is")
    given = parser.parse_args()
    with refusals(), contextlib.suppress(Stopped), until_stopped():
        head(given.address or _own_address(), given.port, member_name(given.member))
    # Ray's own farewell, of the thread that watches, would look for the cluster that has ended.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
