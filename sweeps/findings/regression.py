"""Fit a model of the rest, and estimate the difference between two values beside it.

The search chose its trials by the scores of earlier ones. A plain mean over a value's trials is
biased by that (Nie et al. 2018, arXiv:1708.01977: a value is left after bad luck). Least squares
is too, in principle; weights that make its distribution exact (recursive residuals, Brown, Durbin
and Evans 1975; stabilised variance, Hadad et al. 2021, PNAS 118) were tried on TPE's trials: they
covered the truth as often and were a third wider. `make bench BENCH=findings` measures what is
left: 95 % intervals cover the truth in 93 to 98 % of all cases, the most where nothing matters and
the search is TPE.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sweeps.findings.observations import Factor, Numbers, Observations

#: Degrees of freedom that a model must leave to tell of an effect, or of two keys together. What
#: the keys without a column do is in its residuals, which are not normal: in simulated sweeps a
#: third of what was claimed with 10 was false or missed by its interval, with 15 about a tenth.
FEWEST_FREEDOM = 15

#: So many trials for each column of a model of the rest.
_TRIALS_A_COLUMN = 3
#: And so many for each column of the products of two factors.
_TRIALS_A_PRODUCT = 6
#: A model of the rest tells so many values of a choice from each other, and has so many columns.
_MOST_VALUES, _MOST_COLUMNS = 12, 40

#: A column of whose square the design leaves less than this share cannot be told from it.
_TELLS = 1e-6
#: Share of a score: differences below it are rounding errors.
ROUNDING = 1e-9
#: Singular values below this share of the largest are rounding errors.
_SINGULAR = 1e-9


@dataclass(frozen=True)
class Estimate:
    """Holds a coefficient with its standard error, and its degrees of freedom."""

    value: float
    error: float
    freedom: float

    def interval(self, confidence: float) -> tuple[float, float]:
        """Return the two-sided interval (Student 1908); infinite if there is no error."""
        if not self.known:
            return -math.inf, math.inf
        from scipy.stats import t

        margin = float(t.ppf((1 + confidence) / 2, self.freedom)) * self.error
        return self.value - margin, self.value + margin

    @property
    def known(self) -> bool:
        """Whether anything can be said."""
        return math.isfinite(self.value) and math.isfinite(self.error) and self.freedom >= 1

    @property
    def chance(self) -> float:
        """Return how often chance alone brings as much (two-sided); 1 if nothing can be said."""
        if not self.known:
            return 1.0
        if self.error == 0:
            return 0.0 if self.value else 1.0
        from scipy.stats import t

        return float(2 * t.sf(abs(self.value) / self.error, self.freedom))


UNKNOWN = Estimate(math.nan, math.inf, 0.0)


def coefficient(design: Numbers, column: Numbers, scores: Numbers) -> Estimate:
    """Estimate the coefficient of a column beside a design, by least squares.

    Unknown where the trials leave fewer than `FEWEST_FREEDOM` degrees of freedom.

    Args:
        design: (n, p) the other columns, of any rank.
        column, scores: (n,).
    """
    basis = _basis(design)
    own = column - basis @ (basis.T @ column)
    rest = scores - basis @ (basis.T @ scores)
    squares, freedom = float(own @ own), len(scores) - basis.shape[1] - 1
    if squares < _TELLS * max(float(column @ column), 1e-12) or freedom < FEWEST_FREEDOM:
        return UNKNOWN
    value = float(own @ rest) / squares
    left = float(((rest - value * own) ** 2).sum())
    if left <= ROUNDING**2 * float(scores @ scores):
        return UNKNOWN  # scores that are all alike, or counts, say nothing about chance
    return Estimate(value, math.sqrt(left / freedom / squares), freedom)


def _basis(design: Numbers) -> Numbers:
    """Return orthonormal columns that span a design."""
    left, sizes, _ = np.linalg.svd(design, full_matrices=False)
    basis: Numbers = left[:, sizes > _SINGULAR * max(float(sizes[0]), 1e-300)]
    return basis


def contrast_design(observed: Observations, factor: Factor, a: int, b: int) -> Numbers:
    """Return the columns of all but the difference between two levels of a factor."""
    trials = len(observed.scores)
    columns = [np.ones(trials)]
    columns += [
        (factor.codes == level).astype(np.float64) for level in _told(factor) if level not in (a, b)
    ]
    rare = ~np.isin(factor.codes, [*_told(factor), a, b])
    if rare.any():
        columns.append(rare.astype(np.float64))
    others = [other for other in observed.factors if other is not factor]
    return _with_terms(columns, others)


def whole_design(observed: Observations) -> Numbers:
    """Return the columns of a model of all factors."""
    return _with_terms([np.ones(len(observed.scores))], observed.factors)


def enough_trials(observed: Observations) -> int:
    """Return from about how many trials on a model of these factors tells of effects."""
    factors = observed.factors
    columns = 1 + sum(len(_linear(one)) + len(_quadratic(one)) for one in factors)
    trials = FEWEST_FREEDOM + 2
    while trials - min(trials // _TRIALS_A_COLUMN, columns, _MOST_COLUMNS) - 1 < FEWEST_FREEDOM:
        trials += 1
    return trials


def _with_terms(columns: list[Numbers], factors: Sequence[Factor]) -> Numbers:
    """Add terms of factors, all linear ones first, as far as the trials allow."""
    most = min(max(len(columns[0]) / _TRIALS_A_COLUMN, len(columns)), _MOST_COLUMNS)
    for term in (_linear, _quadratic):
        for factor in factors:
            further = term(factor)
            if len(columns) + len(further) <= most:
                columns += further
    return np.stack(columns, axis=1)


def _told(factor: Factor) -> list[int]:
    """Return the levels that a model tells from each other: the most tried ones."""
    sizes = Counter(code for code in factor.codes.tolist() if code >= 0)
    return sorted(level for level, _ in sizes.most_common(_MOST_VALUES))


def _linear(factor: Factor) -> list[Numbers]:
    if factor.positions is not None:
        absent = factor.codes < 0
        there = [absent.astype(np.float64)] if absent.any() else []
        return [factor.positions, *there]
    return [
        (factor.codes == level).astype(np.float64)
        for level in _told(factor)
        if level != factor.reference
    ]


def _quadratic(factor: Factor) -> list[Numbers]:
    if factor.positions is None:
        return []
    return [np.where(factor.codes < 0, 0.0, factor.positions**2 - 1 / 3)]


def pair_chance(
    observed: Observations, one: Factor, two: Factor, known: Sequence[tuple[Factor, Factor]]
) -> tuple[float, float] | None:
    """Test whether what a factor does depends on another one.

    The F-test of the products of their linear terms, beside a model of all factors.

    Args:
        known: pairs of which this is known already; the model has their products.

    Returns:
        How often chance alone brings as much, and the share of the scores' variation that the
        products explain; None where the trials are too few.
    """
    scores = observed.scores
    products = _products(one, two)
    own = [np.ones(len(scores)), *_linear(one), *_linear(two)]
    own += [column for pair in known for column in _products(*pair)]
    if not products or len(products) * _TRIALS_A_PRODUCT > len(scores):
        return None
    others = [factor for factor in observed.factors if factor not in (one, two)]
    basis = _basis(_with_terms(own, [*others, one, two]))
    extended = _basis(np.concatenate([basis, np.stack(products, axis=1)], axis=1))
    more = extended.shape[1] - basis.shape[1]
    freedom = len(scores) - extended.shape[1]
    before, after = (
        float(((scores - columns @ (columns.T @ scores)) ** 2).sum())
        for columns in (basis, extended)
    )
    total = float(((scores - scores.mean()) ** 2).sum())
    if more < 1 or freedom < FEWEST_FREEDOM or after <= ROUNDING**2 * float(scores @ scores):
        return None
    from scipy.stats import f

    chance = float(f.sf(max(before - after, 0.0) / more / (after / freedom), more, freedom))
    return chance, max(before - after, 0.0) / total


def _products(one: Factor, two: Factor) -> list[Numbers]:
    """Return the products of the linear terms of two factors."""
    products = (a * b for a in _linear(one) for b in _linear(two))
    return [column for column in products if column.any()]
