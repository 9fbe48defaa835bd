"""Configurations to try first (`points:`), before the search proposes any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sweeps.nearest_names import unknown
from sweeps.space.dimensions import written
from sweeps.space.space import Space
from trainers.errors import ConfigError

Point = Mapping[str, Any]


class Configurations(Protocol):
    """What is asked of a sweep's composition."""

    def knows(self, space: Space, key: str) -> bool:
        """Whether some configuration may have the key."""

    def keys(self, space: Space) -> list[str]:
        """All the keys that there are."""


def initial_points(
    given: Sequence[Point], space: Space, configurations: Configurations
) -> tuple[tuple[Point, ...], list[str]]:
    """The points that this space has, and notes on those it has not, for the person.

    What a point says of a key that is not swept (it was fixed on the command line) is passed
    over, and so is a whole point with a value that the space does not hold. What it does not say
    is left to the search.

    Args:
        given: swept key -> value, each.
        space: what varies.
        configurations: tell a key that is not swept from one that does not exist.

    Raises:
        ConfigError: a key that no configuration has, or a point that is none.
    """
    dimensions = {parameter.key: parameter.dimension for parameter in space.parameters}
    kept: list[Point] = []
    notes = []
    for number, point in enumerate(given):
        if not isinstance(point, Mapping):
            raise ConfigError(
                f"points[{number}] must be keys and values, not {point!r}: {{optimizer.lr: 0.01}}"
            )
        for key in point:
            if key not in dimensions and not configurations.knows(space, key):
                keys = configurations.keys(space)
                raise ConfigError(unknown("key", f"points[{number}]: {key}", key, keys))
        swept = {key: value for key, value in point.items() if key in dimensions}
        outside = [k for k, value in swept.items() if not dimensions[k].contains(value)]
        if outside:
            told = f"{outside[0]}={written(swept[outside[0]])}"
            notes.append(f"points[{number}] is passed over: {told} is not in the space")
        elif swept:
            kept.append(swept)
    return tuple(kept), notes
