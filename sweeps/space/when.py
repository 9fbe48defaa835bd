"""Conditions that a person sets on what varies (`when:`): a key is drawn only where they hold."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from itertools import islice, product
from typing import Any

from sweeps.nearest_names import unknown
from sweeps.space.expressions import Expression
from sweeps.space.space import AS_CONFIGURED, Parameter, Space
from trainers.errors import ConfigError

#: Combinations of values with which a condition is tried before the first trial.
_TRIED = 1000


def conditioned(
    space: Space,
    when: Mapping[str, str],
    fixed: Mapping[str, Any],
    absent: Collection[str],
    exists: Callable[[str], bool],
) -> tuple[Space, list[str]]:
    """A space with these conditions, in an order in which they can be decided, and notes.

    Where a condition does not hold, its key keeps the value that the configuration has, and
    conditions that name the key do not hold either. A key whose condition can never hold is left
    out, with a note.

    Args:
        space: with the conditions that follow from its groups.
        when: swept key -> expression over other swept keys.
        fixed: keys that were of the space and have been given one value -> that value. Conditions
            on them are passed over, and in those of others they have that value.
        absent: keys that were of the space and are in no configuration.
        exists: whether the configuration without any swept value has a key.

    Raises:
        ConfigError: a key or a name that is not swept, conditions in a circle, or one that makes
            no sense of the values of its keys.
    """
    expressions = {
        key: Expression.parse(text, f"when.{key}")
        for key, text in when.items()
        if key not in fixed and key not in absent
    }
    for key, expression in expressions.items():
        _refuse_unswept(f"when.{key}", key, space)
        for name in expression.names:
            if name not in fixed and name not in absent:
                _refuse_unswept(f"{expression}: {name}", name, space)
    found = [
        replace(parameter, when=_when(parameter, when, exists), only=expressions.get(parameter.key))
        for parameter in space.parameters
    ]
    kept: list[Parameter] = []
    never = set(absent)
    for parameter in _ordered(found):
        only = parameter.only
        if only is not None and not never & set(only.names):
            only = only.bound({name: fixed[name] for name in only.names if name in fixed})
            _try(only, found)
            if not only.names:
                only = None if only.holds({}) else parameter.only
                if only is not None:
                    never.add(parameter.key)
        elif only is not None:
            never.add(parameter.key)
        kept.append(replace(parameter, only=only))
    notes = [
        f"{p.key} is not swept: {p.only.text} never holds"
        for p in kept
        if p.key in never and p.only is not None
    ]
    return Space(tuple(p for p in kept if p.key not in never)), notes


def _refuse_unswept(written: str, key: str, space: Space) -> None:
    if key not in space.keys:
        others = [k for k in space.keys if k != key]
        message = unknown("swept key", written, key, others)
        raise ConfigError(f"{message}\nsweep it, or take the condition out (when=null: all)")


def _when(
    parameter: Parameter, when: Mapping[str, str], exists: Callable[[str], bool]
) -> tuple[tuple[str, frozenset[str]], ...]:
    """Its groups: one with a condition of its own may also be as the configuration has it."""
    return tuple(
        (group, allowed | {AS_CONFIGURED} if group in when and exists(parameter.key) else allowed)
        for group, allowed in parameter.when
    )


def _ordered(parameters: list[Parameter]) -> list[Parameter]:
    """Each after those it needs, else in the order given."""
    swept = {parameter.key for parameter in parameters}
    needs = {p.key: p.needs & swept for p in parameters}
    waiting, placed = list(parameters), list[Parameter]()
    while waiting:
        done = {p.key for p in placed}
        ready = next((p for p in waiting if needs[p.key] <= done), None)
        if ready is None:
            raise ConfigError(_circle(needs, done))
        waiting.remove(ready)
        placed.append(ready)
    return placed


def _circle(needs: Mapping[str, Collection[str]], done: Collection[str]) -> str:
    key = next(key for key in needs if key not in done)
    path: list[str] = []
    while key not in path:
        path.append(key)
        key = min(name for name in needs[key] if name not in done)
    circle = [*path[path.index(key) :], key]
    return (
        f"when: conditions in a circle, {' needs '.join(circle)}: take one of these conditions out"
    )


def _try(expression: Expression, parameters: list[Parameter]) -> None:
    """See that it has an answer for the values of its keys, or the ends of their intervals."""
    examples = {p.key: p.dimension.examples() for p in parameters}
    values = product(*(examples[name] for name in expression.names))
    for tried in islice(values, _TRIED):
        expression.holds(dict(zip(expression.names, tried, strict=True)))
