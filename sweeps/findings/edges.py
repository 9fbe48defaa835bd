"""Find where in the space the good trials lie: at an end of it, or nowhere in a part of it.

Both are counts, judged by how often chance would bring them if scores had nothing to do with the
parameter (hypergeometric), corrected for all such looks of the sweep (Bonferroni).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np

from sweeps.findings.finding import CHANCE, Certainty, Finding, Topic, slug
from sweeps.findings.observations import Factor, Observations
from sweeps.formatting import clip, number, short_names

#: The best are so many; an end of an interval is the outermost fifth of its scale.
_BEST, _END = 5, 0.2
#: Nothing good: no trial of the best third, in at least a tenth of the scale.
_GOOD, _WIDE = 1 / 3, 0.1


class Advice(str, Enum):
    """Says what to do about a part of the space."""

    RAISE = "upper"  # the best are at the upper end: widen it
    LOWER = "lower"
    CUT_BELOW = "cut-below"  # nothing good below a value
    CUT_ABOVE = "cut-above"
    LEAVE_OUT = "leave-out"  # nothing good with a value of a choice


@dataclass(frozen=True)
class Edge:
    """Describes where the good trials of a key lie, and what to do about it.

    Attributes:
        value: the end that was tried, the value from which on there are good ones, or the one
            that is to be left out.
        trials: ids of those that it rests on.
    """

    key: str
    advice: Advice
    value: Any
    trials: tuple[str, ...]


def edges(observed: Observations) -> tuple[Edge, ...]:
    """Find the edges of a sweep, compared at equal epochs."""
    count = len(observed.scores)
    if count < _BEST:
        return ()
    ranked = np.argsort(-observed.scores, kind="stable")
    looks = sum(
        4 if factor.positions is not None else 2 + len(factor.levels) for factor in observed.factors
    )
    limit = CHANCE / max(looks, 1)
    found: list[Edge] = []
    for factor in observed.factors:
        best = [int(index) for index in ranked if factor.codes[index] >= 0]
        if len(best) < _BEST or factor.codes.min() < 0:
            continue  # where the key exists at all depends on others
        good = set(best[: max(_BEST, math.floor(len(best) * _GOOD))])
        if factor.positions is None:
            found += _of_choice(observed, factor, best, good, limit)
        else:
            found += _of_interval(observed, factor, best, good, limit)
    return tuple(found)


def _none_among(outside: int, good: int, drawn: int) -> float:
    """Return how likely so many drawn of all have no good one among them."""
    total = outside + good
    if drawn > outside:
        return 0.0
    return math.exp(
        math.lgamma(outside + 1)
        - math.lgamma(outside - drawn + 1)
        - math.lgamma(total + 1)
        + math.lgamma(total - drawn + 1)
    )


def _all_among(inside: int, total: int) -> float:
    """Return how likely all of the best are among so many of all."""
    return math.prod((inside - i) / (total - i) for i in range(_BEST)) if inside >= _BEST else 1.0


def _of_choice(
    observed: Observations, factor: Factor, best: Sequence[int], good: set[int], limit: float
) -> Iterator[Edge]:
    """Yield the values with nothing good, and the outermost number of a list if it has the best."""
    total = len(best)
    for place, level in enumerate(factor.levels):
        those = [int(i) for i in np.flatnonzero(factor.codes == place)]
        if not good & set(those) and _none_among(total - len(good), len(good), len(those)) <= limit:
            yield Edge(factor.key, Advice.LEAVE_OUT, level.value, _ids(observed, those))
    values = [level.value for level in factor.levels]
    if not all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
        return
    for advice, outermost in ((Advice.RAISE, max(values)), (Advice.LOWER, min(values))):
        place = values.index(outermost)
        inside = int(np.count_nonzero(factor.codes == place))
        at_end = all(factor.codes[index] == place for index in best[:_BEST])
        if at_end and _all_among(inside, total) <= limit:
            yield Edge(factor.key, advice, outermost, _ids(observed, best[:_BEST]))


def _of_interval(
    observed: Observations, factor: Factor, best: Sequence[int], good: set[int], limit: float
) -> Iterator[Edge]:
    """Yield an end that has the best, and the parts at either end with nothing good."""
    assert factor.positions is not None
    at = (factor.positions + 1) / 2
    total = len(best)
    for up in (True, False):
        outer = at >= 1 - _END if up else at <= _END
        if all(outer[index] for index in best[:_BEST]):
            if _all_among(int(np.count_nonzero(outer)), total) <= limit:
                level = factor.levels[-1] if up else factor.levels[0]
                yield Edge(
                    factor.key,
                    Advice.RAISE if up else Advice.LOWER,
                    level.high if up else level.low,
                    _ids(observed, best[:_BEST]),
                )
            continue
        order = sorted(best, key=lambda index: at[index], reverse=up)
        bad = next((n for n, index in enumerate(order) if index in good), 0)
        if not bad:
            continue
        first = order[bad]
        wide = (1 - at[first]) if up else at[first]
        if wide >= _WIDE and _none_among(total - len(good), len(good), bad) <= limit:
            value = observed.trials[first].params[factor.key]
            advice = Advice.CUT_ABOVE if up else Advice.CUT_BELOW
            yield Edge(factor.key, advice, value, _ids(observed, order[:bad]))


def _ids(observed: Observations, indices: Sequence[int]) -> tuple[str, ...]:
    return tuple(observed.trials[index].id for index in indices[:50])


def edge_findings(observed: Observations, found: Sequence[Edge]) -> Iterator[Finding]:
    """Yield a statement for each edge."""
    names = short_names(observed.dimensions)
    for edge in found:
        name, value = names[edge.key], clip(number(edge.value), 40)
        count = len(edge.trials)
        sentences = {
            Advice.RAISE: f"the best {count} sit at the upper end of {name} ({value}): widen it",
            Advice.LOWER: f"the best {count} sit at the lower end of {name} ({value}): widen it",
            Advice.CUT_BELOW: f"nothing good below {name} {value}",
            Advice.CUT_ABOVE: f"nothing good above {name} {value}",
            Advice.LEAVE_OUT: f"nothing good with {name}={value}",
        }
        text = sentences[edge.advice]
        if edge.advice not in (Advice.RAISE, Advice.LOWER):
            do = "leave it out" if edge.advice is Advice.LEAVE_OUT else "cut it"
            those = (
                f"none of the {count} trials there is" if count > 1 else "the trial there is not"
            )
            text += f": {those} among the best third{observed.at_epoch}; {do}"
        yield Finding(
            id="-".join(
                part
                for part in (
                    "edge",
                    slug(edge.key),
                    edge.advice.value,
                    slug(edge.value) if edge.advice is Advice.LEAVE_OUT else "",
                )
                if part
            ),
            topic=Topic.EDGE,
            certainty=Certainty.CLEAR,
            sentence=text,
            trials=edge.trials,
            key=edge.key,
        )
