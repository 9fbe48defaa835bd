"""A rule that pauses trials, or breeds them, is known for one."""

from __future__ import annotations

import pytest

from sweeps.checked.check import check
from sweeps.config.composition import compose
from sweeps.stop import PopulationRule, PromotionRule

WORDS = ("space=null", "optimizer.lr=interval(0.001,0.1)", "epochs=6", "budget.trials=6")


@pytest.mark.parametrize(
    ("stop", "promotion", "population"),
    [
        ("none", False, False),
        ("asha", False, False),
        ("median", False, False),
        ("several", False, False),
        ("promotion", True, False),
        ("pasha", True, False),
        ("pbt", False, True),
    ],
)
def test_which_rule_is_of_which_kind(stop: str, promotion: bool, population: bool) -> None:
    with compose([*WORDS, f"stop={stop}"]) as composition:
        rules = check(composition).rules
    assert isinstance(rules.promotion, PromotionRule) is promotion
    assert isinstance(rules.population, PopulationRule) is population
    assert rules.promotion in (rules.stop, None)
    assert rules.population in (rules.stop, None)
