"""Define what a check of a machine finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """Says how bad it is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Check:
    """Says what was looked at, and what was found.

    Attributes:
        remedy: what to do; empty where nothing need be done.
    """

    what: str
    verdict: Verdict
    found: str
    remedy: str = ""


def ok(what: str, found: str) -> Check:
    """Return that it is as it should be."""
    return Check(what, Verdict.OK, found)


def warn(what: str, found: str, remedy: str) -> Check:
    """Return that it works, but not as well as it might."""
    return Check(what, Verdict.WARN, found, remedy)


def fail(what: str, found: str, remedy: str) -> Check:
    """Return that it does not work."""
    return Check(what, Verdict.FAIL, found, remedy)
