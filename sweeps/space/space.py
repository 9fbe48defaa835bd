"""The space of a sweep: what varies, over which values, and under which choices.

A space is written in Hydra's sweep grammar, in YAML (`space:`) and on the command line alike:

    optimizer=adamw,sgd                          a config group, swapped whole
    model.width=32,64,128                        a choice
    model.depth=range(1,5)                       steps; the end is excluded, as in Python
    optimizer.lr=tag(log,interval(1e-4,1e-1))    an interval, on a log scale
    optimizer.momentum=tag(log1m,interval(.9,.999))    1 - 10^r: a log scale of what is left to 1
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

from sweeps.space.dimensions import (
    Choice,
    Dimension,
    Suggests,
)
from sweeps.space.expressions import Expression
from trainers.errors import ConfigError

#: In place of a swept group's choice: the group is not drawn, and is as the configuration has it.
AS_CONFIGURED = ""

#: The most cases of conditions that are told apart to count the configurations.
COUNTED = 1_000_000


@dataclass(frozen=True)
class Parameter:
    """One swept key.

    Attributes:
        group: whether it is a config group, not an ordinary value.
        when: swept groups, each with the choices under which the key exists; all must hold.
        only: the condition that the person has set on it; None: no further one.
    """

    key: str
    dimension: Dimension
    group: bool = False
    when: tuple[tuple[str, frozenset[str]], ...] = ()
    only: Expression | None = None

    @property
    def needs(self) -> frozenset[str]:
        """The keys that are drawn before it."""
        names = () if self.only is None else self.only.names
        return frozenset((*(group for group, _ in self.when), *names))

    def applies(self, drawn: Mapping[str, Any]) -> bool:
        """Whether it is to be drawn, after these values of the keys that it needs.

        A condition holds when all of its keys are drawn and it is true. One that has no answer
        for the values (1 / 0) does not.
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
    """Everything that varies, each key after those that its conditions need; groups first."""

    parameters: tuple[Parameter, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """The swept keys, as written."""
        return tuple(parameter.key for parameter in self.parameters)

    @property
    def groups(self) -> tuple[Parameter, ...]:
        """Those parameters that are config groups."""
        return tuple(p for p in self.parameters if p.group)

    def labels(self, point: Mapping[str, Any]) -> dict[str, Any]:
        """A configuration as Optuna records it: scalars as they are, the rest as JSON text."""
        dimensions = {p.key: p.dimension for p in self.parameters}
        return {key: dimensions[key].label(value) for key, value in point.items()}

    def values(self, labels: Mapping[str, Any]) -> dict[str, Any]:
        """The inverse of `labels`, in the order of this space."""
        dimensions = {p.key: p.dimension for p in self.parameters if p.key in labels}
        return {key: d.value(labels[key]) for key, d in dimensions.items()}

    def suggest(self, trial: Suggests) -> dict[str, Any]:
        """One configuration: swept key -> value, conditional keys only where they exist."""
        chosen: dict[str, Any] = {}
        for parameter in self.parameters:
            if parameter.applies(chosen):
                chosen[parameter.key] = parameter.dimension.suggest(trial, parameter.key)
        return chosen

    def holds(self, point: Mapping[str, Any]) -> bool:
        """Whether it has all values of a point."""
        dimensions = {p.key: p.dimension for p in self.parameters}
        return all(key in dimensions and dimensions[key].contains(v) for key, v in point.items())

    def including(self, point: Mapping[str, Any]) -> Space:
        """This space with the values of a point added to the lists that lack them, in front."""
        parameters = []
        for parameter in self.parameters:
            value, dimension = point.get(parameter.key), parameter.dimension
            if parameter.key in point and not dimension.contains(value) and dimension.size:
                dimension = Choice((value, *dimension.enumerate()))
            parameters.append(replace(parameter, dimension=dimension))
        return Space(tuple(parameters))

    def variants(self) -> Iterator[dict[str, str]]:
        """Every combination of the swept groups' choices; one, empty, if there are none."""
        groups = self.groups
        for values in product(*(p.dimension.enumerate() for p in groups)):
            yield {p.key: value for p, value in zip(groups, values, strict=True)}

    def size(self) -> int | None:
        """The number of distinct configurations; None when an interval is continuous.

        Where conditions hang on very many values, what is told is only that there are more than
        `COUNTED`.
        """
        return self._size

    @cached_property
    def _size(self) -> int | None:
        parameters = self.parameters
        #: By position: what is still to be needed, from there on.
        needed = [
            frozenset[str]().union(*(p.needs for p in parameters[i:]))
            for i in range(len(parameters) + 1)
        ]
        known: dict[tuple[int, tuple[tuple[str, Any], ...]], int | None] = {}

        def count(position: int, drawn: Mapping[str, Any]) -> int | None:
            """In how many ways the rest can be drawn; each different need is counted once."""
            if position == len(parameters):
                return 1
            live = {key: value for key, value in drawn.items() if key in needed[position]}
            case = (position, tuple(self.labels(live).items()))
            if case not in known:
                known[case] = ways(parameters[position], position + 1, live)
            return known[case]

        def ways(parameter: Parameter, rest: int, live: Mapping[str, Any]) -> int | None:
            if not parameter.applies(live):
                return count(rest, live)
            size = parameter.dimension.size
            if size is None:
                return None
            if parameter.key not in needed[rest]:
                each = count(rest, live)
                return None if each is None else size * each
            total = 0
            for value in parameter.dimension.enumerate():
                if len(known) > COUNTED:
                    return COUNTED + 1
                each = count(rest, {**live, parameter.key: value})
                if each is None:
                    return None
                total += each
            return total

        return count(0, {})

    def enumerate(self) -> Iterator[dict[str, Any]]:
        """Every configuration once, in a fixed order: the last key varies fastest.

        Raises:
            ConfigError: a continuous interval, of which there is no list.
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
        """Every way to go on from the values of the parameters before this one."""
        if index == len(self.parameters):
            yield drawn
            return
        parameter = self.parameters[index]
        if not parameter.applies(drawn):
            yield from self._rest(index + 1, drawn)
            return
        for value in parameter.dimension.enumerate():
            yield from self._rest(index + 1, {**drawn, parameter.key: value})

    def conditional(self, exists: Callable[[Mapping[str, str], str], bool]) -> Space:
        """This space with a condition on each key that only some choices have.

        Args:
            exists: (choices of swept groups, key) -> whether the key is there, the other groups
                being as they are without a sweep. It is asked for one group at a time.

        Raises:
            ConfigError: a key that exists under no choice.
        """
        parameters = []
        for parameter in self.parameters:
            when = []
            present = parameter.group or exists({}, parameter.key)
            for group in self.groups if not parameter.group else ():
                choices = tuple(group.dimension.enumerate())
                allowed = frozenset(c for c in choices if exists({group.key: c}, parameter.key))
                present = present or bool(allowed)
                if allowed and len(allowed) < len(choices):
                    when.append((group.key, allowed))
            if not present:
                raise ConfigError(f"space: no configuration has a key {parameter.key}")
            parameters.append(replace(parameter, when=tuple(when)))
        return Space(tuple(parameters))
