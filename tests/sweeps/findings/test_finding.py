"""Findings are sorted by what they are about; an effect is clear if its interval excludes 0."""

from __future__ import annotations

import math

import pytest

from sweeps.findings.finding import Certainty, Effect, Finding, Findings, Topic


@pytest.mark.parametrize(
    ("low", "high", "clear"),
    [(0.1, 0.3, True), (-0.3, -0.1, True), (-0.1, 0.3, False), (-math.inf, math.inf, False)],
)
def test_an_effect_is_clear_if_its_interval_excludes_zero(
    low: float, high: float, clear: bool
) -> None:
    assert Effect("lr", 0.1, 0.01, 0.1, low, high, 3, 5, ("0001",)).clear is clear


def test_findings_are_found_by_topic_in_their_order() -> None:
    a, b, c = (
        Finding(name, topic, Certainty.OPEN, name)
        for name, topic in (("a", Topic.EDGE), ("b", Topic.WASTE), ("c", Topic.EDGE))
    )
    findings = Findings((a, b, c))
    assert findings.about(Topic.EDGE) == (a, c)
    assert findings.about(Topic.NEXT) == ()
