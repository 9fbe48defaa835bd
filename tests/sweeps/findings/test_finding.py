"""Findings are sorted by what they are about; an effect is clear if its interval excludes 0."""

from __future__ import annotations

import math

import pytest

from sweeps.findings.finding import Certainty, Effect, Finding, Findings, Topic, slug


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


def test_an_effect_that_chance_explains_is_not_clear() -> None:
    assert not Effect("lr", 0.1, 0.01, 0.1, 0.05, 0.2, 3, 5, ("0001",), chance=0.06).clear


@pytest.mark.parametrize(
    ("value", "told"), [("gelu", "gelu"), ("optimizer.lr", "optimizer-lr"), (64, "64")]
)
def test_a_slug_of_a_plain_value_is_the_value(value: object, told: str) -> None:
    assert slug(value) == told


def test_slugs_of_others_differ_and_are_plain() -> None:
    values = ["a b", "a+b", "<script>", "x" * 300, "x" * 299, "😀", "", [1, 2], "Gelu", 0.5, "0.5"]
    made = [slug(value) for value in values]
    assert len(set(made)) >= len(made) - 1  # 0.5 and "0.5" are never of one key
    assert all(set(one) <= set("abcdefghijklmnopqrstuvwxyz0123456789-") for one in made)
