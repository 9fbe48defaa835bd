"""Define what is found of a sweep: statements, and the tables that they rest on."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

#: Confidence of the intervals, and how often chance alone may claim anything in a sweep.
CONFIDENCE = 0.95
CHANCE = 0.05
#: Characters of a value in an id; of a longer one the rest is a digest.
LONGEST_SLUG = 40


def slug(value: object) -> str:
    """Write a value or a key as a part of an id: letters, digits and hyphens."""
    text = value if isinstance(value, str) else repr(value)
    plain = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    if re.fullmatch(r"[a-z0-9]+([._-][a-z0-9]+)*", text) and len(plain) <= LONGEST_SLUG:
        return plain
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:6]
    return "-".join(part for part in (plain[:LONGEST_SLUG].strip("-"), digest) if part)


class Topic(str, Enum):
    """Says what a finding is about; findings are listed in this order."""

    WINNER = "winner"
    EFFECT = "effect"  # what worked, what did not, and what cannot be told
    IMPORTANCE = "importance"  # what mattered, alone and in pairs
    EDGE = "edge"  # where the good ones sit in the space
    STOPPING = "stopping"  # what stopping early has saved and risked
    WASTE = "waste"
    NEXT = "next"  # which sweep to run next


class Certainty(str, Enum):
    """Says how sure a finding is."""

    COUNTED = "counted"  # a plain count or sum of what is on record
    CLEAR = "clear"  # the 95 % interval excludes that there is nothing
    OPEN = "open"  # cannot be told from these trials
    ADVICE = "advice"  # what to do next, with the reason


@dataclass(frozen=True)
class Finding:
    """States something of a sweep.

    Attributes:
        id: tells it from the others, and stays the same when the findings are computed again:
            "effect-activation-gelu"; letters, digits and hyphens.
        sentence: plain text, complete without the other fields.
        value, low, high: the number it is about and its 95 % interval; None where there is none.
        unit: of these, such as "val_accuracy" or "GPU-hours".
        trials: ids of the trials that it rests on, the most telling first.
        key: the swept key that it is about; empty if it is about none.
        command: to be pasted into a terminal; empty if there is none.
    """

    id: str
    topic: Topic
    certainty: Certainty
    sentence: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    unit: str = ""
    trials: tuple[str, ...] = ()
    key: str = ""
    command: str = ""


@dataclass(frozen=True)
class Effect:
    """Compares a value of a swept key with the one it is measured against.

    Attributes:
        level, reference: the two values; of an interval the medians of what was tried in two
            parts of it, neighbours that are equally wide on its own scale.
        estimate, low, high: difference of the objective, signed so that more is better, and its
            95 % interval; infinite ends where nothing can be said.
        pairs: how many pairs of trials differ in this key alone; 0: a model of the rest was used.
        epochs: the epochs at which the scores were compared; the same for both.
        trials: ids of those that it rests on.
        chance: share of chance among the claims, if all as clear as this one were claimed
            (adjusted p-value of Benjamini and Hochberg 1995), more of it below 60 trials.
        place: index of the level among those of its key.
        span, reference_span: (lowest, highest) tried in the two parts; None for values.
    """

    key: str
    level: Any
    reference: Any
    estimate: float
    low: float
    high: float
    pairs: int
    epochs: int
    trials: tuple[str, ...]
    chance: float = 0.0
    place: int = 0
    span: tuple[Any, Any] | None = None
    reference_span: tuple[Any, Any] | None = None

    @property
    def clear(self) -> bool:
        """Whether there is a difference: its interval excludes 0, for as many as were looked at."""
        return (self.low > 0 or self.high < 0) and self.chance <= CHANCE

    @property
    def known(self) -> bool:
        """Whether the interval has ends."""
        return math.isfinite(self.low) and math.isfinite(self.high)


@dataclass(frozen=True)
class Importance:
    """Holds a parameter's share of the objective's variation, by each evaluator.

    Attributes:
        values: evaluator ("ped_anova", "fanova", "forest") -> share; shares add up to 1.
        correlation: of the objective with the parameter, from -1 to 1 (Pearson; of a logarithm
            where the parameter has a log scale); None for a choice that has no order.
        agreed: rank over the evaluators, from 1.
    """

    parameter: str
    values: Mapping[str, float]
    correlation: float | None = None
    agreed: int = 0


@dataclass(frozen=True)
class Findings:
    """Holds all that is found of a sweep.

    Attributes:
        statements: by topic, the most telling of each first.
        effects: of each swept key, the clearest first.
        importances: most important first, by the agreed order.
        importances_note: warns when they mean little; else empty.
        forest_trust: out-of-bag R2 of the random forest, below 0 when it predicts nothing; None
            where there are too few trials for one.
        together: pairs of keys that matter together, the surest first.
        noise: standard deviation between seeds of the same configuration, in the objective's
            unit; None where nothing tells it.
    """

    statements: tuple[Finding, ...]
    effects: tuple[Effect, ...] = ()
    importances: tuple[Importance, ...] = ()
    importances_note: str = ""
    forest_trust: float | None = None
    noise: float | None = None
    together: tuple[tuple[str, str], ...] = ()

    def about(self, topic: Topic) -> tuple[Finding, ...]:
        """Return the statements about a topic."""
        return tuple(one for one in self.statements if one.topic is topic)
