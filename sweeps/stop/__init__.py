"""Decide when to stop a trial early, by pure rules: numbers in, a reason out.

A rule is a function of the recorded curves alone. It keeps nothing, so after any interruption
it decides as it would have decided without.
"""

from sweeps.stop.asha import Asha, Hyperband
from sweeps.stop.median import Median, Percentile
from sweeps.stop.patience import Patience, Target
from sweeps.stop.pbt import Pbt, PopulationRule
from sweeps.stop.promotion import Pasha, Promotion, PromotionRule
from sweeps.stop.rule import Curves, Never, Several, Stop

__all__ = [
    "Asha",
    "Curves",
    "Hyperband",
    "Median",
    "Never",
    "Pasha",
    "Patience",
    "Pbt",
    "Percentile",
    "PopulationRule",
    "Promotion",
    "PromotionRule",
    "Several",
    "Stop",
    "Target",
]
