"""`make head`: start a cluster on this machine and wait for others to join. Ctrl-C ends it."""

from __future__ import annotations

import argparse
import contextlib
import getpass
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

from cluster.machine.processes import die_with_parent
from cluster.node import (
    Node,
    Stopped,
    free_port,
    ray_node,
    say,
    token,
    until_stopped,
    wait_for_port,
)
from cluster.service.jobs import STOP_S
from cluster.service.login import login_link
from cluster.sharing.members import members_file, read_members
from sweeps.backend.claim import member_name
from sweeps.backend.known_head import FOLDER, USUAL, Head, make
from sweeps.backend.ray_environment import SETTINGS, for_trials, is_loopback
from sweeps.cli import refusals
from trainers.errors import ConfigError

#: Not Ray's usual 6379, which is also that of Redis. The service and its page have the next one.
PORT = 26379
_LOOPBACK = "127.0.0.1"
#: Seconds between two starts of the service.
_AGAIN_S = 5.0


def head(address: str, port: int, member: str) -> None:
    """Start a head, and print who joins and leaves, until Ctrl-C.

    Raises:
        ConfigError: a head runs already, the port is taken, the members' file is wrong, or Ray does
            not start.
        Stopped: a signal asked to end.
    """
    running = Head.known()
    if running is not None:
        raise ConfigError(f"a head at {running.address} is known here already: use that, or end it")
    if not 0 < port < 65535:
        raise ConfigError(
            f"PORT={port} must be from 1 to 65534, such as PORT={PORT}: the next one is the page's"
        )
    _free(address, port)
    _free(address, port + 1)
    read_members(members_file())
    secret, store = token(create=True), FOLDER / "gcs"
    make(store)
    us = Head(f"{address}:{port}", str(secret), member)
    jobs_port = free_port(_LOOPBACK)
    environment = {
        **us.environment(),
        # Its agent, which runs jobs, would look for a loopback address at the machine's outer one.
        **({"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"} if is_loopback(address) else {}),
        "RAY_JOB_STOP_WAIT_TIME_S": f"{STOP_S}",
        # The cluster's own memory on disk: a head that was killed can be started again, and
        # those who had joined are there once more.
        "RAY_gcs_storage": "rocksdb",
        "RAY_gcs_storage_path": str(store),
    }
    arguments = [
        "--head",
        f"--node-ip-address={address}",
        f"--port={port}",
        f"--labels=member={member}",
        # Ray's own pages and its job server are for this machine alone; ours are in front of them.
        "--include-dashboard=true",
        f"--dashboard-host={_LOOPBACK}",
        f"--dashboard-port={jobs_port}",
        f"--dashboard-agent-listen-port={free_port(address)}",
    ]
    say(f"starting a Ray head on {address}, port {port}")
    with ray_node(arguments, environment, FOLDER / "head.log") as node:
        wait_for_port(node, address, port)
        us.save()
        try:
            with _service(us, f"http://{_LOOPBACK}:{jobs_port}") as service:
                _tell(us, member)
                _watch(node, service)
        finally:
            us.forget()


def _tell(us: Head, member: str) -> None:
    host = us.address.rpartition(":")[0]
    say("it is up. On another machine, in its own checkout:")
    say(f"  mkdir -p -m 700 {USUAL} && scp {_user()}@{host}:{us.token} {USUAL}/token")
    say(f"  make join HEAD={us.address} MEMBER=alpha")
    if host.startswith("127."):
        say("(this address is of this machine alone: give ADDRESS=… for others to reach it)")
    else:
        say(
            "Ray itself listens on all of this machine's addresses, and nothing is encrypted: the "
            "token is the guard. Let a firewall, a VPN or an SSH tunnel keep strangers away."
        )
    say("Here, make sweep now runs on all that have joined; make submit hands a sweep in.")
    say(f"The page, for a browser: {login_link(us)}")
    say("Ctrl-C ends the head.")


class _Service:
    """Keeps the head's service up, which is a process of its own: a fatal error of Ray ends it."""

    def __init__(self, us: Head, jobs: str) -> None:
        self._command = [
            *(sys.executable, "-m", "cluster.service.server"),
            *(f"--head={us.address}", f"--port={us.page.rpartition(':')[2]}", f"--jobs={jobs}"),
            f"--session={secrets.token_hex(4)}",
        ]
        self._environment = {**for_trials(os.environ), **SETTINGS, **us.environment()}
        self._start()

    def _start(self) -> None:
        self._began = time.monotonic()
        log = os.open(FOLDER / "service.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for us, who then end it in order
                preexec_fn=die_with_parent,
            )
        finally:
            os.close(log)

    def look(self) -> None:
        """Start it again if it has ended."""
        if self._process.poll() is not None and time.monotonic() - self._began > _AGAIN_S:
            say("the head's service has ended, and is started again; the sweeps run on")
            self._start()

    def end(self) -> None:
        """End it, at once: what it keeps is on disk, and Ray would print a trace at SIGTERM."""
        self._process.kill()
        self._process.wait()


@contextlib.contextmanager
def _service(us: Head, jobs: str) -> Iterator[_Service]:
    """Run the service within a `with` block."""
    service = _Service(us, jobs)
    try:
        yield service
    finally:
        service.end()


def _watch(node: Node, service: _Service) -> None:
    """Wait until Ray ends."""
    while True:
        try:
            node.check()
        except ConfigError as error:
            raise ConfigError(
                f"{error}\nmake head again: the machines that had joined come back by themselves"
            ) from None
        service.look()
        time.sleep(0.5)


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
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
