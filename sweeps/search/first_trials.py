"""Check the initial points (`points:`), configurations to try before the search proposes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sweeps.space.space import Space
from trainers.config.hydra_grammar import written
from trainers.errors import ConfigError
from trainers.nearest_names import unknown

Point = Mapping[str, Any]


class Configurations(Protocol):
    """Defines what `initial_points` needs of a sweep's composition."""

    def knows(self, space: Space, key: str) -> bool:
        """Whether some configuration may have a key."""

    def keys(self, space: Space) -> list[str]:
        """List every key that some configuration has."""

    def given(self, key: str) -> bool:
        """Whether the command line gives a key, or the group that it is in, one value."""


def initial_points(
    given: Sequence[Point], space: Space, configurations: Configurations
) -> tuple[tuple[Point, ...], list[str]]:
    """Keep the initial points that a space holds, and write a line about each of the others.

    A point's value for a key that is not swept is left out if the command line fixes the key, or
    the points are an experiment's; so is a whole point with a value that the space does not hold.
    Keys without a value in a point are drawn by the search.

    Args:
        given: the points, each swept key -> value.
        space: what varies.
        configurations: to tell a key that is not swept from one that does not exist.

    Raises:
        ConfigError: a key that no configuration has, one that is not swept in points of the command
            line, or a point that is no mapping.
    """
    asked = configurations.given("points")
    unswept: dict[str, None] = {}
    dimensions = {parameter.key: parameter.dimension for parameter in space.parameters}
    kept: list[Point] = []
    messages = []
    for number, point in enumerate(given):
        if not isinstance(point, Mapping):
            raise ConfigError(
                f"points[{number}] must be keys and values, not {written(point)}: "
                "{optimizer.lr: 0.01}"
            )
        for key in point:
            if key in dimensions:
                continue
            if not configurations.knows(space, key):
                keys = configurations.keys(space)
                raise ConfigError(unknown("key", f"points[{number}]: {key}", key, keys))
            if asked and not configurations.given(key):
                raise ConfigError(
                    f"points[{number}]: {key} is not swept: give it values to be swept over "
                    f"({key}=…,…), or leave it out"
                )
            unswept[key] = None
        swept = {key: value for key, value in point.items() if key in dimensions}
        outside = [k for k, value in swept.items() if not dimensions[k].contains(value)]
        if outside:
            value = f"{outside[0]}={written(swept[outside[0]])}"
            messages.append(f"points[{number}] is passed over: {value} is not in the space")
        elif swept:
            kept.append(swept)
    if unswept:
        messages.append(f"points: {', '.join(unswept)} left out, as not swept")
    return tuple(kept), messages
