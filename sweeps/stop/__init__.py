"""When to stop a trial early: pure rules, numbers in and a reason out.

A rule is a function of the recorded curves alone. It keeps nothing, so after any interruption
it decides as it would have decided without.
"""

from sweeps.stop.asha import Asha, Hyperband
from sweeps.stop.median import Median, Percentile
from sweeps.stop.patience import Patience, Target
from sweeps.stop.pbt import Breeding, Pbt
from sweeps.stop.promotion import Pasha, Promoting, Promotion
from sweeps.stop.rule import Curves, Never, Several, Stop

__all__ = [
    "Asha",
    "Breeding",
    "Curves",
    "Hyperband",
    "Median",
    "Never",
    "Pasha",
    "Patience",
    "Pbt",
    "Percentile",
    "Promoting",
    "Promotion",
    "Several",
    "Stop",
    "Target",
]
