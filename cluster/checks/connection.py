"""Check what a machine needs to join a head: token, address, ports, versions, clock."""

from __future__ import annotations

import stat
import time
from collections.abc import Iterator
from pathlib import Path

from cluster.checks.check import Check, fail, ok, warn
from cluster.machine.admission import clock_misfit, misfits
from cluster.node import split_address
from cluster.service.checkout import checkout
from cluster.service.client import ServiceClient
from sweeps.backend.known_head import FOLDER, Head
from trainers.errors import ConfigError


def token(folder: Path = FOLDER) -> Check:
    """Check that the cluster's token is here, and its owner's alone."""
    path = folder / "token"
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        empty = not path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return warn(
            "token", f"none in {path}", "to join, copy the head's there: make head says how"
        )
    except (OSError, UnicodeDecodeError) as error:
        return fail("token", f"{path} cannot be read ({error})", "copy the head's there again")
    if empty:
        return fail("token", f"{path} is empty", "copy the head's there again")
    if mode & 0o077:
        return warn("token", f"{path} can be read by others (mode {mode:o})", f"chmod 600 {path}")
    return ok("token", f"{path}, mode {mode:o}")


def head(address: str, folder: Path = FOLDER) -> Iterator[Check]:
    """Check the way to a head, and that this machine fits to it.

    Args:
        address: host:port; empty: of the head last started or joined here.
    """
    remembered = Head.remembered(folder)
    if not address and remembered is None:
        yield ok("head", "none is known here: make doctor HEAD=10.0.0.5:26379 tries one")
        return
    address = address or (remembered.address if remembered else "")
    try:
        host, port = split_address(address, "HEAD")
    except ConfigError as error:
        yield fail("head", str(error), "make doctor HEAD=… with the address that make head says")
        return
    known = Head(address, str(folder / "token"))
    if not known.answers(5.0):
        yield fail(
            "head",
            f"nothing answers at {address}",
            "is make head running there, and the port open in its firewall? or use an SSH tunnel "
            "or a VPN",
        )
        return
    try:
        asked = time.time()
        theirs = ServiceClient(address, known.token).get("/api/head")
    except ConfigError as error:
        yield fail("head", f"{address} answers, but {error}", f"open port {port + 1} of {host} too")
        return
    yield ok("head", f"{address} answers, and so does its service at port {port + 1}")
    now = (asked + time.time()) / 2
    if misfit := clock_misfit(theirs, now):
        yield _misfit("clock", misfit)
    else:
        yield ok("clock", f"{now - float(theirs['time']):+.1f} s from the head's")
    wrong = list(misfits(checkout(), theirs))
    if not wrong:
        yield ok("versions", "Python, Ray, PyTorch and the code are the head's")
    for one in wrong:
        yield _misfit("versions", one)


def _misfit(what: str, message: str) -> Check:
    """Return a refusal of a machine that joins, its remedy apart."""
    found, _, remedy = message.rpartition(": ")
    return fail(what, found, remedy)
