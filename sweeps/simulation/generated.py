"""Made-up learning curves, for tests and for a look at a strategy before anything is recorded.

They are synthetic: no training lies behind them, and which strategy wins on them says little
of which wins on real ones.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweeps.simulation.encoding import Encoding
from sweeps.simulation.source import Curve
from sweeps.space import Space

#: Of the objective, which is like an accuracy: before training, and where the best may end.
_CHANCE, _CEILING = 0.1, 0.97
#: How far the worst asymptote lies below the best.
_SPREAD = 0.6
#: Standard deviation of the noise of each epoch.
_NOISE = 0.006
#: Epochs of a power law's unit: where half of the way is done with a rate of 1.
_HALF = 1.0


@dataclass(frozen=True)
class Generated:
    """A seeded family of power laws (pow3 of Domhan, Springenberg and Hutter, IJCAI 2015).

    After epoch e the objective is a - (a - chance) (1 + e)^-c, plus Gaussian noise that is the
    same whenever the same configuration is trained. The asymptote a falls with the distance
    from an optimum that the seed puts somewhere in the space; few parameters matter
    much, as in real spaces (Bergstra and Bengio, JMLR 2012). The rate c and the seconds of an
    epoch depend on the parameters by weights of their own, so that curves cross: what learns fast
    is not always what ends high.

    Attributes:
        space: what varies.
        epochs: length of the curves.
        seed: chooses the family.
        maximize: False turns the objective v into 1 - v, like an error rate.
    """

    space: Space
    epochs: int
    seed: int = 0
    maximize: bool = True
    _encoding: Encoding = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_encoding", Encoding(self.space))

    def curve(self, params: Mapping[str, Any]) -> Curve:
        """The curve of one configuration."""
        x, codes = self._encoding.numbers(params), self._encoding.codes(params)
        badness, slowness, size = (effect(x, codes) for effect in self._effects)
        random = np.random.default_rng(self._digest(params))
        top = _CEILING - _SPREAD * min(badness, 1.0)
        rate = 1.1 - 0.8 * min(slowness, 1.0)
        epochs = np.arange(1, self.epochs + 1)
        values = top - (top - _CHANCE) * (1 + epochs / _HALF) ** -rate
        values = np.clip(values + _NOISE * random.standard_normal(self.epochs), 0.0, 1.0)
        seconds = 20.0 * (1 + 4 * size) * random.lognormal(0.0, 0.05, self.epochs)
        told = values if self.maximize else 1 - values
        return Curve(tuple(told.tolist()), tuple(seconds.tolist()))

    def describe(self) -> list[str]:
        """That they are made up."""
        return [
            f"curves: generated (synthetic power laws, {self.epochs} epochs, family "
            f"{self.seed}); no training lies behind them"
        ]

    @cached_property
    def _effects(self) -> tuple[_Effect, _Effect, _Effect]:
        random = np.random.default_rng(self.seed)
        sizes = [len(known) for known in self._encoding.categorical.values()]
        numeric = len(self._encoding.numeric)
        return tuple(_effect(random, numeric, sizes) for _ in range(3))  # type: ignore[return-value]

    def _digest(self, params: Mapping[str, Any]) -> int:
        text = json.dumps([self.seed, dict(params)], sort_keys=True)
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


@dataclass(frozen=True)
class _Effect:
    """How far a configuration is from the best in some respect: about 0 to 1."""

    optimum: NDArray[np.float64]
    weights: NDArray[np.float64]
    offsets: tuple[NDArray[np.float64], ...]

    def __call__(self, x: NDArray[np.float64], codes: NDArray[np.int64]) -> float:
        squares = self.weights * (x - self.optimum) ** 2
        categories = sum(
            float(offsets[code])
            for offsets, code in zip(self.offsets, codes, strict=True)
            if code >= 0
        )
        return float(np.nansum(squares)) + categories


def _effect(random: np.random.Generator, numeric: int, sizes: list[int]) -> _Effect:
    optimum = random.uniform(0.15, 0.85, numeric)
    total = numeric + len(sizes)
    importance = random.dirichlet(np.full(total, 0.6)) if total else np.zeros(0)
    # The mean square distance to an optimum inside the cube is about 1/6: so badness spreads.
    weights = 3.0 * importance[:numeric]
    offsets = []
    for share, size in zip(importance[numeric:], sizes, strict=True):
        levels = random.permutation(np.linspace(0.0, 1.0, size)) if size > 1 else np.zeros(size)
        offsets.append(share * levels)
    return _Effect(optimum, weights, tuple(offsets))
