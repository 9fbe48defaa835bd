"""Say in words how a trial stands among others, for the reasons of rules."""

from __future__ import annotations

import math
from collections.abc import Iterable

#: Shares of all that have a word of their own.
_PARTS = {2.0: "half", 3.0: "third", 4.0: "quarter", 5.0: "fifth"}
_ENDINGS = {1: "st", 2: "nd", 3: "rd"}


def place(value: float, others: Iterable[float]) -> str:
    """Return the rank of a value among the others, the highest first: "3rd"; NaN comes last."""
    numbers = [other for other in others if not math.isnan(other)]
    ahead = len(numbers) if math.isnan(value) else sum(other > value for other in numbers)
    rank = ahead + 1
    ending = "th" if 10 < rank % 100 < 14 else _ENDINGS.get(rank % 10, "th")
    return f"{rank}{ending}"


def best_part(factor: float) -> str:
    """Describe the best 1/factor, as the subject of a sentence: "the best third goes"."""
    if factor in _PARTS:
        return f"the best {_PARTS[factor]} goes"
    return f"the best {100 / factor:.2g} % go"
