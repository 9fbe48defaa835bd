"""A check says how bad it is, and what to do."""

from __future__ import annotations

from cluster.checks.check import Check, Verdict, fail, ok, warn


def test_the_three_of_them() -> None:
    assert ok("disk", "10 GB") == Check("disk", Verdict.OK, "10 GB", "")
    assert warn("disk", "1 GB", "free some") == Check("disk", Verdict.WARN, "1 GB", "free some")
    assert fail("disk", "full", "free some").verdict is Verdict.FAIL
