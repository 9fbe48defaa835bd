"""Check, before a machine joins, that it fits to the head: each misfit in a line or two."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from typing import Any

from cluster.machine.cards import Cards
from cluster.machine.terms import Terms
from cluster.service.checkout import Checkout, checkout
from cluster.service.client import ServiceClient
from sweeps.backend.known_head import Head
from sweeps.formatting import one_line
from trainers.errors import ConfigError

#: Seconds that two clocks may differ: trials are dated by the machine that trains them.
MOST_APART_S = 60.0
#: Bytes that are enough for what trials put into the folder for temporary files.
ENOUGH_DISK = 5e9


def admit(head: Head, terms: Terms, cards: Cards) -> list[str]:
    """Check that this machine may join a head.

    Returns:
        What a person should know, though it may; a line each.

    Raises:
        ConfigError: it may not.
    """
    if terms.gpus is not None and terms.gpus > len(cards):
        there = f"{len(cards)} card{'s' * (len(cards) != 1)}"
        why = f" ({cards.fault})" if cards.fault else ""
        raise ConfigError(f"GPUS={terms.gpus}: this machine has {there}{why}: lend no more")
    if not head.answers():
        raise ConfigError(
            f"nothing answers at HEAD={head.address}: is make head running there, and the port "
            "open? make doctor HEAD=… tries more"
        )
    asked = time.time()
    theirs = ServiceClient(head.address, head.token).get("/api/head")
    for misfit in misfits(checkout(), theirs):
        raise ConfigError(misfit)
    if misfit := clock_misfit(theirs, (asked + time.time()) / 2):
        raise ConfigError(misfit)
    return list(_warnings())


def misfits(here: Checkout, theirs: Mapping[str, Any]) -> Iterator[str]:
    """Say how this machine's code and versions differ from the head's, and what to do.

    Args:
        theirs: the head's answer at /api/head.
    """
    head = {key: one_line(str(value))[:64] for key, value in theirs.items()}
    if head.get("python") != here.python:
        yield (
            f"Python is {here.python} here and {head.get('python')} at the head, and Ray needs the "
            "same: install that, remove .venv, and make setup PYTHON=… with its path"
        )
    for name, ours in (("ray", here.ray), ("torch", here.torch)):
        if head.get(name) != ours:
            yield (
                f"{name} is {ours} here and {head.get(name)} at the head: bring both checkouts to "
                "one commit (git pull), and make setup"
            )
    if head.get("code") != here.code:
        yield _other_code(here.commit, head.get("commit", ""))


def _other_code(ours: str, commit: str) -> str:
    if ours == commit:
        at = f" at commit {commit[:9]}" if commit else ""
        return (
            f"the code here is not the head's, both{at}: one of them has changes of its own (git "
            "status); git stash them here, or commit and share them"
        )
    get = f"git fetch && git checkout {commit[:9]}" if commit else "install the head's version here"
    return (
        f"the code here is not the head's (commit {ours[:9] or 'unknown'} here, "
        f"{commit[:9] or 'unknown'} there): {get}, then make setup"
    )


def clock_misfit(theirs: Mapping[str, Any], now: float) -> str:
    """Say how far this machine's clock is from the head's; empty if it is near enough."""
    try:
        apart = now - float(theirs["time"])
    except (KeyError, TypeError, ValueError):
        return "the head does not tell its time: update its checkout, and make head again"
    if abs(apart) <= MOST_APART_S:
        return ""
    direction = "ahead of" if apart > 0 else "behind"
    return (
        f"this machine's clock is {abs(apart):.0f} s {direction} the head's: set both by the "
        "network (timedatectl set-ntp true)"
    )


def _warnings() -> Iterator[str]:
    folder = tempfile.gettempdir()
    if (free := shutil.disk_usage(folder).free) < ENOUGH_DISK:
        yield f"only {free / 1e9:.1f} GB are free in {folder}: trials may have to wait for room"
