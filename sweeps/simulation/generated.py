"""Generate synthetic learning curves, to try a strategy before any training, and for tests.

No training lies behind them: which strategy wins on them says little about which wins on real
ones.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweeps.simulation.curves import Curve
from sweeps.simulation.encoding import Codes, Encoding, Numbers
from sweeps.space.space import Space

#: The objective, which is like an accuracy, before training, and the best asymptote.
_CHANCE, _CEILING = 0.1, 0.97
#: Distance of the worst asymptote below the best.
_SPREAD = 0.6
#: Standard deviation of the noise of each epoch.
_NOISE = 0.006
#: Concentration of the Dirichlet draw of importances; below 1, few parameters get most of it.
_FEW_MATTER = 0.6


@dataclass(frozen=True)
class Generated:
    """Generates seeded power laws (pow3 of Domhan, Springenberg and Hutter, IJCAI 2015).

    After epoch e the objective is a - (a - chance) (1 + e)^-c, plus Gaussian noise that is the
    same whenever the same configuration is trained. The asymptote a falls with the distance
    from an optimum that the seed puts somewhere in the space; few parameters matter
    much, as in real spaces (Bergstra and Bengio, JMLR 2012). The rate c and the seconds of an
    epoch depend on the parameters by weights of their own, so that curves cross: what learns fast
    is not always what ends high.

    Attributes:
        space: the space of the configurations.
        epochs: length of the curves.
        seed: selects the family.
        maximize: False turns the objective v into 1 - v, like an error rate.
    """

    space: Space
    epochs: int
    seed: int = 0
    maximize: bool = True

    def curve(self, params: Mapping[str, Any]) -> Curve:
        """Compute the curve of a configuration."""
        x, codes = self._encoding.numbers(params), self._encoding.codes(params)
        badness, slowness, size = self._landscape(x, codes)
        random = np.random.default_rng(self._digest(params))
        top = _CEILING - _SPREAD * badness
        rate = 1.1 - 0.8 * slowness
        epochs = np.arange(1.0, self.epochs + 1)
        values = top - (top - _CHANCE) * (1 + epochs) ** -rate
        values = (values + _NOISE * random.standard_normal(self.epochs)).clip(0.0, 1.0)
        seconds = 20.0 * (1 + 4 * size) * random.lognormal(0.0, 0.05, self.epochs)
        objective = values if self.maximize else 1 - values
        return Curve(tuple(objective.tolist()), tuple(seconds.tolist()))

    def describe(self) -> list[str]:
        """State that the curves are synthetic."""
        return [
            f"curves: generated (synthetic power laws, {self.epochs} epochs, family "
            f"{self.seed}); no training lies behind them"
        ]

    @cached_property
    def _encoding(self) -> Encoding:
        return Encoding(self.space)

    @cached_property
    def _landscape(self) -> _Landscape:
        return _Landscape(np.random.default_rng(self.seed), self._encoding, respects=3)

    def _digest(self, params: Mapping[str, Any]) -> int:
        text = json.dumps([self.seed, dict(params)], sort_keys=True)
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


class _Landscape:
    """Measures the distance from the best configuration in several respects, about 0 to 1 each."""

    def __init__(self, random: np.random.Generator, encoding: Encoding, respects: int) -> None:
        """Draw the optima and the weights of the parameters."""
        sizes = [len(codes) for codes in encoding.categorical.values()]
        numeric = len(encoding.numeric)
        shares = random.dirichlet(np.full(numeric + len(sizes), _FEW_MATTER), respects)
        self._optima = random.uniform(0.15, 0.85, (respects, numeric))
        # The mean square distance to an optimum inside the cube is about 1/6.
        self._weights = 3.0 * shares[:, :numeric]
        self._levels = [
            shares[:, numeric + i, None] * random.permuted(_ladder(respects, size), axis=1)
            for i, size in enumerate(sizes)
        ]

    def __call__(self, numbers: Numbers, codes: Codes) -> Sequence[float]:
        """Return the distance in each respect; absent keys do not count."""
        terms = self._weights * (numbers - self._optima) ** 2
        terms[:, np.isnan(numbers)] = 0.0
        distances = terms.sum(axis=1)
        for levels, code in zip(self._levels, codes.tolist(), strict=True):
            if code >= 0:
                distances += levels[:, code]
        return [min(float(distance), 1.0) for distance in distances]


def _ladder(respects: int, size: int) -> NDArray[np.float64]:
    """Return an array (respects, size) with even steps from 0 to 1 in each row."""
    return np.tile(np.linspace(0.0, 1.0, size), (respects, 1))
