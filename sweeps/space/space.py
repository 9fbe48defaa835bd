"""Represent the space of a sweep: its keys, their values and their conditions.

A space is written in Hydra's sweep grammar, in YAML (`space:`) and on the command line alike:

    optimizer=adamw,sgd                          a config group, swapped whole
    model.width=32,64,128                        a choice
    model.depth=range(1,5)                       steps; the end is excluded, as in Python
    optimizer.lr=tag(log,interval(1e-4,1e-1))    an interval, on a log scale
    optimizer.momentum=tag(log1m,interval(.9,.999))    1 - 10^r: a log scale of 1 - x
    model.width=tag(log,int(interval(16,256)))   the same over the integers

A key that exists only under some choices of a swept group is conditional on those choices;
`when:` states further conditions (`sweeps.space.when`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Any

from sweeps.space.dimensions import Choice, Dimension, Suggests
from sweeps.space.expressions import Expression
from trainers.errors import ConfigError

#: Instead of a swept group's choice: the group is not drawn and stays as configured.
AS_CONFIGURED = ""

#: (choices of groups, key) -> whether the configuration with these choices has the key.
Exists = Callable[[Mapping[str, str], str], bool]

#: The most cases of conditions that are distinguished to count the configurations.
COUNTED = 1_000_000


@dataclass(frozen=True)
class Parameter:
    """Describes one swept key.

    Attributes:
        group: whether the key is a config group, not an ordinary value.
        when: swept groups, each with the choices under which the key exists; all must hold.
        only: the condition that the user has set on the key (`when:`); None: no further one.
    """

    key: str
    dimension: Dimension
    group: bool = False
    when: tuple[tuple[str, frozenset[str]], ...] = ()
    only: Expression | None = None

    @property
    def needs(self) -> frozenset[str]:
        """Keys that must be drawn before this parameter."""
        names = () if self.only is None else self.only.names
        return frozenset((*(group for group, _ in self.when), *names))

    @property
    def choices(self) -> dict[str, str]:
        """Choices of swept groups under which the key exists, one of each group."""
        return {group: min(allowed - {AS_CONFIGURED}) for group, allowed in self.when}

    def applies(self, drawn: Mapping[str, Any]) -> bool:
        """Return whether this parameter is to be drawn, given the values of the keys it needs.

        A condition holds when all of its keys are drawn and it is true. A condition that cannot
        be evaluated for the values (1 / 0) does not hold.
        """
        if not all(drawn.get(g, AS_CONFIGURED) in allowed for g, allowed in self.when):
            return False
        if self.only is None:
            return True
        if not all(name in drawn for name in self.only.names):
            return False
        try:
            return self.only.holds(drawn)
        except ConfigError:
            return False


@dataclass(frozen=True)
class Space:
    """Holds the parameters, each after those that its conditions need; groups first."""

    parameters: tuple[Parameter, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """Swept keys, as written."""
        return tuple(parameter.key for parameter in self.parameters)

    @property
    def groups(self) -> tuple[Parameter, ...]:
        """Parameters that are config groups."""
        return tuple(p for p in self.parameters if p.group)

    def single_choices(self, key: str = "") -> Iterator[dict[str, str]]:
        """Yield combinations of choices: none, then each choice of each swept group alone.

        Args:
            key: it matters who has this one: of a swept group only its choices, which need not
                include the one that it has by default.
        """
        own = [g for g in self.groups if g.key == key.partition(".")[0]]
        if not own:
            yield {}
        for group in own or self.groups:
            for choice in group.dimension.enumerate():
                yield {group.key: str(choice)}

    def labels(self, point: Mapping[str, Any]) -> dict[str, Any]:
        """Convert a configuration to Optuna's labels: scalars as they are, the rest JSON text."""
        dimensions = {p.key: p.dimension for p in self.parameters}
        return {key: dimensions[key].label(value) for key, value in point.items()}

    def values(self, labels: Mapping[str, Any]) -> dict[str, Any]:
        """Convert Optuna's labels back to a configuration, in the order of this space."""
        dimensions = {p.key: p.dimension for p in self.parameters if p.key in labels}
        return {key: d.value(labels[key]) for key, d in dimensions.items()}

    def suggest(self, trial: Suggests) -> dict[str, Any]:
        """Draw a configuration: swept key -> value, conditional keys only where they exist."""
        drawn: dict[str, Any] = {}
        for parameter in self.parameters:
            if parameter.applies(drawn):
                drawn[parameter.key] = parameter.dimension.suggest(trial, parameter.key)
        return drawn

    def holds(self, point: Mapping[str, Any]) -> bool:
        """Return whether this space has all values of a point."""
        dimensions = {p.key: p.dimension for p in self.parameters}
        return all(key in dimensions and dimensions[key].contains(v) for key, v in point.items())

    def including(self, point: Mapping[str, Any]) -> Space:
        """Return this space with the values of a point put first in the lists that lack them."""
        parameters = []
        for parameter in self.parameters:
            value, dimension = point.get(parameter.key), parameter.dimension
            if parameter.key in point and not dimension.contains(value) and dimension.size:
                dimension = Choice((value, *dimension.enumerate()))
            parameters.append(replace(parameter, dimension=dimension))
        return Space(tuple(parameters))

    def variants(self) -> Iterator[dict[str, str]]:
        """Yield every combination of the swept groups' choices; without groups, one empty."""
        groups = self.groups
        for values in product(*(p.dimension.enumerate() for p in groups)):
            yield {p.key: value for p, value in zip(groups, values, strict=True)}

    def size(self) -> int | None:
        """Return the number of distinct configurations; None when an interval is continuous.

        Where conditions depend on very many values, the number returned is only some number above
        `COUNTED`.
        """
        return self._size

    @cached_property
    def _size(self) -> int | None:
        parameters = self.parameters
        #: By position: the keys that the parameters from there on need.
        needed = [
            frozenset[str]().union(*(p.needs for p in parameters[i:]))
            for i in range(len(parameters) + 1)
        ]
        counts: dict[tuple[int, tuple[tuple[str, Any], ...]], int | None] = {}

        def count(position: int, drawn: Mapping[str, Any]) -> int | None:
            """Count the ways to draw the rest; cases that differ in no needed key share a count."""
            if position == len(parameters):
                return 1
            relevant = {key: value for key, value in drawn.items() if key in needed[position]}
            case = (position, tuple(self.labels(relevant).items()))
            if case not in counts:
                counts[case] = ways(parameters[position], position + 1, relevant)
            return counts[case]

        def ways(parameter: Parameter, rest: int, drawn: Mapping[str, Any]) -> int | None:
            if not parameter.applies(drawn):
                return count(rest, drawn)
            size = parameter.dimension.size
            if size is None:
                return None
            if parameter.key not in needed[rest]:
                each = count(rest, drawn)
                return None if each is None else size * each
            total = 0
            for value in parameter.dimension.enumerate():
                if len(counts) > COUNTED:
                    return COUNTED + 1
                each = count(rest, {**drawn, parameter.key: value})
                if each is None:
                    return None
                total += each
            return total

        return count(0, {})

    def enumerate(self) -> Iterator[dict[str, Any]]:
        """Yield every configuration once, in a fixed order: the last key varies fastest.

        Raises:
            ConfigError: a parameter is a continuous interval, whose values cannot be listed.
        """
        for parameter in self.parameters:
            if parameter.dimension.size is None:
                raise ConfigError(
                    f"a grid needs a list of values, and {parameter.key} is the interval "
                    f"{parameter.dimension}:\ngive values ({parameter.key}=a,b,c), a range(start,"
                    "stop,step), or search=random"
                )
        yield from self._rest(0, {})

    def _rest(self, index: int, drawn: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield every configuration that extends the values of the parameters before `index`."""
        if index == len(self.parameters):
            yield drawn
            return
        parameter = self.parameters[index]
        if not parameter.applies(drawn):
            yield from self._rest(index + 1, drawn)
            return
        for value in parameter.dimension.enumerate():
            yield from self._rest(index + 1, {**drawn, parameter.key: value})

    def conditional(self, exists: Exists) -> Space:
        """Return this space with a condition on each key that exists only under some choices.

        Args:
            exists: (choices of swept groups, key) -> whether the key exists while the other groups
                are as they are without a sweep. It is called for one group at a time.

        Raises:
            ConfigError: a key exists under no choice.
        """
        parameters = []
        for parameter in self.parameters:
            when = () if parameter.group else self.under(parameter.key, exists)
            if not when and not parameter.group and not self._anywhere(parameter.key, exists):
                raise ConfigError(f"space: no configuration has a key {parameter.key}")
            parameters.append(replace(parameter, when=when))
        return Space(tuple(parameters))

    def under(self, key: str, exists: Exists) -> tuple[tuple[str, frozenset[str]], ...]:
        """Return the swept groups of which only some choices have a key, with these choices."""
        when = []
        for group in self.groups:
            choices = tuple(group.dimension.enumerate())
            allowed = frozenset(c for c in choices if exists({group.key: c}, key))
            if allowed and len(allowed) < len(choices):
                when.append((group.key, allowed))
        return tuple(when)

    def _anywhere(self, key: str, exists: Exists) -> bool:
        choices = ({group.key: c} for group in self.groups for c in group.dimension.enumerate())
        return exists({}, key) or any(exists(choice, key) for choice in choices)
