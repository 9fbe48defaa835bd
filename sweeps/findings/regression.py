"""Estimate effects from trials that a search has chosen by the scores of earlier ones.

A mean over a value's trials is biased where the search left the value after bad luck (Nie et al.
2018, arXiv:1708.01977), and the t-test of least squares claims too much. So the trials are gone
through in their order, and each is compared with what a regression on those before it predicts.
These recursive residuals (Brown, Durbin and Evans 1975, JRSS B 37:149) are independent of each
other and of the choice of the trial, whoever chose it: nobody knew its noise. The estimate weighs
them so that each contributes about the same variance (Hadad et al. 2021, PNAS 118, "Confidence
intervals for policy evaluation in adaptive experiments"), which makes its distribution Student's
though the design is random. Where no score was looked at, the weights are those of least squares.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sweeps.findings.observations import Factor, Numbers, Observations

#: So many trials for each column of a model of the rest.
_TRIALS_A_COLUMN = 3
#: A model of the rest tells so many values of a choice from each other, and has so many columns.
_MOST_VALUES, _MOST_COLUMNS = 12, 40

#: Prior variance of a coefficient of a standardised column: so large that it tells nothing.
_VAGUE = 1e7
#: A residual of a column (0 or 1) below this tells nothing.
_TELLS = 1e-2
#: Expected square of a residual before the first, and for how many it counts.
_PRIOR, _PRIOR_WEIGHT = 0.2, 2.0


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


def recursive(designs: Numbers, columns: Numbers) -> Numbers:
    """Return the recursive residuals of columns for several designs.

    Args:
        designs: (designs, n, p) what is regressed on.
        columns: (designs, n, q) what is regressed.

    Returns:
        (designs, n, q): zero where the trials before tell nothing yet.
    """
    count, n, p = designs.shape
    q = columns.shape[2]
    spread = np.tile(np.eye(p) * _VAGUE, (count, 1, 1))
    beta = np.zeros((count, p, q))
    residuals = np.empty((count, n, q))
    for t in range(n):
        x = designs[:, t, :]
        gain = np.einsum("kij,kj->ki", spread, x)
        inflation = 1 + np.einsum("ki,ki->k", x, gain)
        error = columns[:, t, :] - np.einsum("ki,kiq->kq", x, beta)
        residuals[:, t, :] = error / np.sqrt(inflation)[:, None]
        gain_scaled = gain / inflation[:, None]
        beta += np.einsum("ki,kq->kiq", gain_scaled, error)
        spread -= np.einsum("ki,kj->kij", gain_scaled, gain)
    return residuals


def coefficient(scores: Numbers, column: Numbers, freedom: int, blind: bool) -> Estimate:
    """Estimate the coefficient of a column from recursive residuals.

    Args:
        scores, column: (n,) as `recursive` returns them for one design.
        freedom: degrees of freedom that the design and the column leave.
        blind: whether the design did not depend on earlier scores.
    """
    squares = float(column @ column)
    if squares < 1e-9 or freedom < 1:
        return UNKNOWN
    weights = column if blind else column / np.sqrt(_expected(column))
    information = float(weights @ column)
    least_squares = float(column @ scores) / squares
    left = float(((scores - least_squares * column) ** 2).sum())
    error = math.sqrt(left / freedom * float(weights @ weights)) / information
    return Estimate(float(weights @ scores) / information, error, freedom)


def _expected(column: Numbers) -> Numbers:
    """Return what the square of each residual was expected to be, from those before it."""
    told = np.abs(column) > _TELLS
    before = np.concatenate([[0.0], np.cumsum(column**2)[:-1]])
    number = np.concatenate([[0], np.cumsum(told)[:-1]])
    expected: Numbers = (before + _PRIOR * _PRIOR_WEIGHT) / (number + _PRIOR_WEIGHT)
    return expected


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
