"""Estimate what each value of each swept key has changed, with a 95 % interval.

What is estimated: how much better the score at equal epochs is with one value than with another,
the other keys being equal, on average over the configurations that were tried. Of an interval it
is the difference between the means over two neighbouring parts (thirds, or halves below 30
trials), equally wide on the parameter's own scale: it assumes no shape.

From pairs, where the search was blind to scores: configurations that differ in this key alone
(and in keys that come with its value). Their mean difference has Student's interval.
From a model otherwise: main effects of the other keys (choices by value, numbers by a linear and a
quadratic term as far as a third of the trials allows), whose residuals `regression` makes.
The intervals are of each effect alone. An effect is claimed if it also passes Holm's correction
(1979) for all comparisons of the sweep.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np

from sweeps.findings.finding import CONFIDENCE, Effect
from sweeps.findings.observations import FEWEST, Factor, Observations
from sweeps.findings.regression import (
    UNKNOWN,
    Estimate,
    coefficient,
    contrast_design,
    recursive,
)
from sweeps.findings.seed_noise import SeedNoise
from sweeps.space.dimensions import label_of

#: Comparisons of a key, those with the most trials.
_MOST_CONTRASTS = 12
#: Designs that are gone through at a time, to bound the memory.
_AT_A_TIME = 32
#: Trials that an effect names.
_NAMED = 50


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
    for factor, a, b in wanted:
        paired = _paired(observed, factor, a, b, noise)
        if paired is None:
            modelled.append((factor, a, b))
        else:
            found.append(paired)
    for start in range(0, len(modelled), _AT_A_TIME):
        found += _modelled(observed, modelled[start : start + _AT_A_TIME])
    return _ordered(_corrected(found), [factor.key for factor in observed.factors])


def _corrected(found: Sequence[Effect]) -> list[Effect]:
    """Correct the chances for the number of comparisons (Holm 1979)."""
    known = sorted((e for e in found if e.known), key=lambda e: e.chance)
    corrected, highest = {}, 0.0
    for left, effect in zip(count(len(known), -1), known, strict=False):
        highest = max(highest, min(1.0, left * effect.chance))
        corrected[id(effect)] = highest
    return [replace(effect, chance=corrected.get(id(effect), 1.0)) for effect in found]


def _ordered(found: Sequence[Effect], keys: Sequence[str]) -> tuple[Effect, ...]:
    place = {key: number for number, key in enumerate(keys)}
    return tuple(sorted(found, key=lambda e: (place[e.key], not e.clear, e.chance)))


def _paired(
    observed: Observations, factor: Factor, a: int, b: int, noise: SeedNoise | None
) -> Effect | None:
    """Compare configurations that differ in a factor alone; None if few of the trials do.

    A search that looks at scores proposes the neighbours of what was lucky: their pairs would
    tell of that luck, and are not used.
    """
    if not observed.blind or factor.positions is not None:
        return None
    groups: dict[Any, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    with_it = _comes_with(observed, factor)
    for index, trial in enumerate(observed.trials):
        if factor.codes[index] in (a, b):
            rest = {k: v for k, v in trial.params.items() if k != factor.key and k not in with_it}
            same = tuple(sorted((key, repr(label_of(value))) for key, value in rest.items()))
            groups[same][int(factor.codes[index])].append(index)
    pairs = [(group[a], group[b]) for group in groups.values() if group.get(a) and group.get(b)]
    in_pairs = min(sum(len(pair[side]) for pair in pairs) for side in (0, 1)) if pairs else 0
    rarer = min(np.count_nonzero(factor.codes == level) for level in (a, b))
    if 2 * in_pairs < rarer or not pairs:
        return None
    gaps = [float(observed.scores[one].mean() - observed.scores[two].mean()) for one, two in pairs]
    estimate = _mean(gaps, noise)
    rests = [index for one, two in pairs for index in (*one, *two)]
    return _effect(observed, factor, (a, b), estimate, len(pairs), rests)


def _mean(gaps: Sequence[float], noise: SeedNoise | None) -> Estimate:
    """Estimate the mean of differences; of a single one by the noise between seeds, if known."""
    value = statistics.fmean(gaps)
    if len(gaps) > 1:
        error = statistics.stdev(gaps) / math.sqrt(len(gaps))
        # Equal differences, as counts often have, say nothing about chance.
        return Estimate(value, error or math.inf, len(gaps) - 1)
    if noise is not None and noise.repeated:
        return Estimate(value, noise.sd * math.sqrt(2), noise.freedom)
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
    spread = float(observed.scores.std()) or 1.0
    scores = (observed.scores - observed.scores.mean()) / spread
    designs = [contrast_design(observed, factor, a, b) for factor, a, b in contrasts]
    widest = max(design.shape[1] for design in designs)
    padded = np.stack([np.pad(d, ((0, 0), (0, widest - d.shape[1]))) for d in designs])
    columns = np.stack(
        [np.stack([scores, (f.codes == a).astype(np.float64)], axis=1) for f, a, _ in contrasts]
    )
    residuals = recursive(padded, columns)
    for (factor, a, b), design, rest in zip(contrasts, designs, residuals, strict=True):
        fewest = min(np.count_nonzero(factor.codes == level) for level in (a, b))
        estimate = UNKNOWN
        if fewest >= FEWEST:
            freedom = len(scores) - np.linalg.matrix_rank(design) - 1
            estimate = coefficient(rest[:, 0], rest[:, 1], int(freedom), observed.blind)
        scaled = Estimate(estimate.value * spread, estimate.error * spread, estimate.freedom)
        rests = [int(i) for level in (a, b) for i in np.flatnonzero(factor.codes == level)]
        yield _effect(observed, factor, (a, b), scaled, 0, rests)


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
