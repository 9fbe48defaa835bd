"""Estimate what each value of each swept key has changed, with a 95 % interval.

What is estimated: how much better the score at equal epochs is with one value than with another,
the other keys being equal, on average over the configurations that were tried. Of an interval it
is the difference between the means over two neighbouring parts (thirds, or halves below 30
trials), equally wide on the parameter's own scale: it assumes no shape.

From pairs, where the search was blind to scores: configurations that differ in this key alone
(and in keys that come with its value). Their mean difference has Student's interval.
From a model otherwise: main effects of the other keys (choices by value, numbers by a linear and a
quadratic term, as many as a third of the trials), fitted by least squares (`regression`).
A model that leaves few degrees of freedom tells nothing, and neither do two pairs.
The intervals are of each effect alone. An effect is claimed if it also passes the correction of
Benjamini and Hochberg (1995, J. R. Statist. Soc. B 57:289) for all comparisons of the sweep: of
what is claimed, 5 % is expected to be chance, and less where there are few trials.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from sweeps.findings.finding import CHANCE, CONFIDENCE, Effect
from sweeps.findings.observations import FEWEST, Factor, Observations
from sweeps.findings.regression import (
    UNKNOWN,
    Estimate,
    coefficient,
    contrast_design,
    pair_chance,
)
from sweeps.findings.seed_noise import SeedNoise
from sweeps.space.dimensions import label_of

#: Comparisons of a key, those with the most trials.
_MOST_CONTRASTS = 12
#: Keys of which pairs are looked at, and trials that tell of them.
_MOST_IN_PAIRS, _MOST_IN_MODEL = 6, 1500
_MOST_PAIRS = 3
#: Two differences are alike by luck too often: their interval is of as many at least.
_FEWEST_PAIRS = 3
#: Trials that an effect names.
_NAMED = 50
#: Below so many trials an effect must be the clearer, in proportion, to be claimed: otherwise the
#: direction was right in 92 to 94 % of the claims from 24 trials of TPE (`make bench
#: BENCH=findings`), which looks where it was lucky.
_MANY_TRIALS = 60


def effects(observed: Observations, noise: SeedNoise | None) -> tuple[Effect, ...]:
    """Estimate all effects of a sweep; of each key the clearest first."""
    wanted: list[tuple[Factor, int, int]] = []
    for factor in observed.factors:
        sizes = Counter(factor.codes.tolist())
        told = [(a, b) for a, b in factor.contrasts if min(sizes[a], sizes[b]) >= 1]
        told.sort(key=lambda pair: (-sizes[pair[0]], pair[0]))
        wanted += [(factor, a, b) for a, b in told[:_MOST_CONTRASTS]]
    found: list[Effect] = []
    modelled: list[tuple[Factor, int, int]] = []
    alike = {factor.key: _alike(observed, factor) for factor in observed.factors}
    for factor, a, b in wanted:
        paired = _paired(observed, factor, (a, b), alike[factor.key], noise)
        if paired is None:
            modelled.append((factor, a, b))
        else:
            found.append(paired)
    found += _modelled(observed, modelled)
    return _ordered(
        _corrected(found, len(observed.trials)), [factor.key for factor in observed.factors]
    )


def _corrected(found: Sequence[Effect], trials: int) -> list[Effect]:
    """Correct the chances for the number of comparisons (Benjamini and Hochberg 1995).

    Of few trials, which a search has chosen by what it saw in them, more is asked.
    """
    known = sorted((e for e in found if e.known), key=lambda e: e.chance)
    comparisons = len(known) * max(1.0, _MANY_TRIALS / max(trials, 1))
    corrected, lowest = {}, 1.0
    for rank, effect in zip(range(len(known), 0, -1), reversed(known), strict=True):
        lowest = min(lowest, effect.chance * comparisons / rank)
        corrected[id(effect)] = lowest
    return [replace(effect, chance=corrected.get(id(effect), 1.0)) for effect in found]


def _ordered(found: Sequence[Effect], keys: Sequence[str]) -> tuple[Effect, ...]:
    place = {key: number for number, key in enumerate(keys)}
    return tuple(sorted(found, key=lambda e: (place[e.key], not e.clear, e.chance)))


def _alike(observed: Observations, factor: Factor) -> list[dict[int, list[int]]]:
    """Group the trials that differ in a factor alone: level -> places of its trials.

    A search that looks at scores proposes the neighbours of what was lucky: their pairs would
    tell of that luck, and are not used.
    """
    if not observed.blind or factor.positions is not None:
        return []
    left_out = {factor.key, *_comes_with(observed, factor)}
    groups: dict[Any, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for index, trial in enumerate(observed.trials):
        rest = {key: value for key, value in trial.params.items() if key not in left_out}
        same = tuple(sorted((key, repr(label_of(value))) for key, value in rest.items()))
        groups[same][int(factor.codes[index])].append(index)
    return [group for group in groups.values() if len(group) > 1]


def _paired(
    observed: Observations,
    factor: Factor,
    levels: tuple[int, int],
    alike: Sequence[Mapping[int, list[int]]],
    noise: SeedNoise | None,
) -> Effect | None:
    """Compare configurations that differ in a factor alone; None if few of the trials do."""
    a, b = levels
    pairs = [(group[a], group[b]) for group in alike if group.get(a) and group.get(b)]
    pairs.sort(key=lambda pair: min(pair[0][0], pair[1][0]))
    in_pairs = min(sum(len(pair[side]) for pair in pairs) for side in (0, 1)) if pairs else 0
    rarer = min(np.count_nonzero(factor.codes == level) for level in levels)
    if 2 * in_pairs < rarer or not pairs:
        return None
    gaps = [float(observed.scores[one].mean() - observed.scores[two].mean()) for one, two in pairs]
    estimate = _mean(gaps, noise)
    rests = [index for one, two in pairs for index in (*one, *two)]
    return _effect(observed, factor, levels, estimate, len(pairs), rests)


def _mean(gaps: Sequence[float], noise: SeedNoise | None) -> Estimate:
    """Estimate the mean of differences; of few by the noise between seeds, if that is known."""
    value = statistics.fmean(gaps)
    if len(gaps) >= _FEWEST_PAIRS:
        error = statistics.stdev(gaps) / math.sqrt(len(gaps))
        # Equal differences, as counts often have, say nothing about chance.
        return Estimate(value, error or math.inf, len(gaps) - 1)
    if noise is not None and noise.repeated:
        return Estimate(value, noise.sd * math.sqrt(2 / len(gaps)), noise.freedom)
    return replace(UNKNOWN, value=value)


def _comes_with(observed: Observations, factor: Factor) -> set[str]:
    """Return the keys that only some values of a factor have, such as the momentum of SGD."""
    has: dict[int, list[set[str]]] = defaultdict(list)
    for index, trial in enumerate(observed.trials):
        has[int(factor.codes[index])].append(set(trial.params))
    keys = set().union(*(one for trials in has.values() for one in trials))
    return {
        key
        for key in keys
        if any(not any(key in one for one in trials) for trials in has.values())
        and any(all(key in one for one in trials) for trials in has.values())
    }


def _modelled(
    observed: Observations, contrasts: Sequence[tuple[Factor, int, int]]
) -> Iterator[Effect]:
    """Compare values of factors by a model of the rest."""
    for factor, a, b in contrasts:
        fewest = min(np.count_nonzero(factor.codes == level) for level in (a, b))
        estimate = UNKNOWN
        if fewest >= FEWEST:
            design = contrast_design(observed, factor, a, b)
            column = (factor.codes == a).astype(np.float64)
            estimate = coefficient(design, column, observed.scores)
        rests = [int(i) for level in (a, b) for i in np.flatnonzero(factor.codes == level)]
        yield _effect(observed, factor, (a, b), estimate, 0, rests)


def _effect(
    observed: Observations,
    factor: Factor,
    levels: tuple[int, int],
    estimate: Estimate,
    pairs: int,
    rests: Sequence[int],
) -> Effect:
    one, two = (factor.levels[level] for level in levels)
    low, high = estimate.interval(CONFIDENCE)
    return Effect(
        key=factor.key,
        level=one.value,
        reference=two.value,
        estimate=estimate.value,
        low=low,
        high=high,
        pairs=pairs,
        epochs=observed.epoch,
        trials=tuple(observed.trials[index].id for index in rests[:_NAMED]),
        chance=estimate.chance,
        place=levels[0],
        span=(one.low, one.high) if one.part else None,
        reference_span=(two.low, two.high) if two.part else None,
    )


@dataclass(frozen=True)
class Pair:
    """Describes two keys that matter together: what one does depends on the other.

    Attributes:
        share: of the scores' variation, beyond what each explains alone.
        chance: how often chance alone brings as much in any pair looked at (Holm 1979).
    """

    keys: tuple[str, str]
    share: float
    chance: float


def pairs_together(observed: Observations, keys: Sequence[str]) -> tuple[Pair, ...]:
    """Find the pairs that matter together, among the most important keys; the surest first.

    Args:
        keys: by importance; the first few are looked at.
    """
    by_key = {factor.key: factor for factor in observed.factors}
    looked = [by_key[key] for key in keys if key in by_key][:_MOST_IN_PAIRS]
    thinned = observed.thinned(_MOST_IN_MODEL)
    if thinned is not observed:
        by_key = {factor.key: factor for factor in thinned.factors}
        looked = [by_key[factor.key] for factor in looked if factor.key in by_key]
    pairs = list(combinations(looked, 2))
    known: list[tuple[Factor, Factor]] = []
    found: list[Pair] = []
    # One at a time: what one pair explains would else be put down to others, too.
    while len(found) < _MOST_PAIRS:
        tested = {
            (one, two): made
            for one, two in pairs
            if (one, two) not in known and (made := pair_chance(thinned, one, two, known))
        }
        if not tested:
            break
        best = min(tested, key=lambda pair: tested[pair][0])
        chance = min(1.0, tested[best][0] * len(tested))
        if chance > CHANCE:
            break
        known.append(best)
        found.append(Pair((best[0].key, best[1].key), tested[best][1], chance))
    return tuple(found)
