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

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import (
    ChoiceSweep,
    Glob,
    IntervalSweep,
    Override,
    Quote,
    QuotedString,
    RangeSweep,
)
from hydra.errors import HydraException

from sweeps.config.error_messages import unknown
from sweeps.space.dimensions import Choice, Dimension, Interval, Suggests, label_of, text, tidy
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


def parse(overrides: Sequence[Override], options: Callable[[str], Sequence[str]]) -> Space:
    """A space from parsed Hydra sweep overrides.

    Args:
        overrides: of different keys, each a sweep.
        options: config group -> its choices; empty if there is no such group.

    Raises:
        ConfigError: no values, ends in the wrong order, a log scale that touches 0, a choice
            that a group does not have, an unknown tag.
    """
    parameters = []
    for override in overrides:
        key = override.key_or_group
        choices = options(key)
        dimension = _dimension(key, override.value(), choices)
        if choices:
            _check_choices(key, dimension, choices)
        parameters.append(Parameter(key, dimension, group=bool(choices)))
    return Space(tuple(sorted(parameters, key=lambda p: not p.group)))


def parse_yaml(space: Mapping[str, Any], parser: OverridesParser) -> list[Override]:
    """The entries of a `space:` node as Hydra overrides.

    Raises:
        ConfigError: an entry that is not a sweep, or not of Hydra's grammar.
    """
    overrides = []
    for key, value in space.items():
        if value == []:
            raise ConfigError(f"space.{key}: the choice is empty; give at least one value")
        if isinstance(value, list):
            # The short form: choice() does not take null.
            value = (
                ",".join(map(written, value)) if len(value) > 1 else f"choice({written(value[0])})"
            )
        try:
            override = parser.parse_override(f"{key}={value}")
        except HydraException as error:
            reason = str(error).splitlines()[0]
            raise ConfigError(
                f"space.{key}: {value!r} is not in Hydra's sweep grammar ({reason})"
            ) from error
        if not override.is_sweep_override():
            raise ConfigError(
                f"space.{key}: {value!r} gives nothing to choose from; write values a,b,c, "
                "range(start,stop,step), or interval(low,high)"
            )
        overrides.append(override)
    return overrides


def _dimension(key: str, value: Any, options: Sequence[str]) -> Dimension:
    if isinstance(value, ChoiceSweep | RangeSweep) and value.tags:
        raise ConfigError(
            f"{key}: tag({min(value.tags)},…) has a meaning for intervals only: "
            f"{key}=tag(log,interval(low,high))"
        )
    if isinstance(value, ChoiceSweep):
        values = tuple(_plain(item) for item in value.list)
        return _choice(key, values)
    if isinstance(value, Glob):
        return _choice(key, tuple(value.filter(list(options))))
    if isinstance(value, RangeSweep):
        return _range(key, value)
    if isinstance(value, IntervalSweep):
        return _interval(key, value)
    raise ConfigError(f"{key}: {value!r} is not a sweep: write values a,b,c or interval(low,high)")


def _choice(key: str, values: tuple[Any, ...]) -> Choice:
    if not values:
        raise ConfigError(f"{key}: the choice is empty; give at least one value: {key}=a,b,c")
    labels = [label_of(value) for value in values]
    if any(a == b for i, a in enumerate(labels) for b in labels[:i]):  # 1 and true, too
        raise ConfigError(f"{key}: a value is given twice in {', '.join(map(text, values))}")
    return Choice(values)


def _range(key: str, sweep: RangeSweep) -> Dimension:
    start, stop, step = sweep.start or 0, sweep.stop, sweep.step or 1
    if stop is None or step <= 0 or start >= stop:
        raise ConfigError(
            f"{key}: range({start},{stop},{step}) is empty; write range(start,stop,step) with "
            "start < stop and step > 0"
        )
    integer = all(isinstance(number, int) for number in (start, stop, step))
    count = math.ceil((stop - start) / step - 1e-9)
    last = tidy(start + (count - 1) * step, integer)
    if count == 1:
        return Choice((start,))
    return Interval(start, last, integer=integer, step=None if integer and step == 1 else step)


def _interval(key: str, sweep: IntervalSweep) -> Interval:
    low, high = sweep.start, sweep.end
    if low is None or high is None or not low < high:
        raise ConfigError(
            f"{key}: interval({low},{high}) is empty; the low end must be below the high end"
        )
    unknown = sorted(set(sweep.tags) - {"log", "log1m"})
    if unknown:
        raise ConfigError(f"{key}: unknown tag {unknown[0]!r}; the tags are log and log1m")
    log, log1m = "log" in sweep.tags, "log1m" in sweep.tags
    if log1m and (log or isinstance(low, int) or not high < 1):
        raise ConfigError(
            f"{key}: tag(log1m,…) is a scale of its own, for numbers below 1: "
            f"{key}=tag(log1m,interval(0.9,0.999))"
        )
    if log and low <= 0:
        raise ConfigError(
            f"{key}: a log scale cannot reach {text(low)}; start interval(low,high) above 0"
        )
    # interval(1,9) is parsed to floats, as in hydra-optuna-sweeper; ints come from int(interval()).
    return Interval(low, high, log=log, log1m=log1m, integer=isinstance(low, int))


def _check_choices(key: str, dimension: Dimension, options: Sequence[str]) -> None:
    if not isinstance(dimension, Choice):
        raise ConfigError(f"{key} is a config group: sweep it by name, {key}={','.join(options)}")
    for value in dimension.values:
        if value not in options:
            raise ConfigError(unknown("choice", f"{key}={text(value)}", str(value), options))


def _plain(value: Any) -> Any:
    if isinstance(value, QuotedString):
        return value.text
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {_plain(k): _plain(v) for k, v in value.items()}
    return value


def written(value: Any) -> str:
    """A value as text of Hydra's override grammar."""
    if isinstance(value, str):
        plain = re.fullmatch(r"[A-Za-z_][\w.-]*", value, flags=re.ASCII)
        if plain and value.lower() not in ("null", "true", "false", "nan", "inf"):
            return value
        return QuotedString(value, Quote.double).with_quotes()
    if isinstance(value, list):
        return f"[{','.join(map(written, value))}]"
    if isinstance(value, Mapping):
        return f"{{{','.join(f'{key}:{written(item)}' for key, item in value.items())}}}"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # inf, -inf, nan, where JSON has other words
    return json.dumps(value)
