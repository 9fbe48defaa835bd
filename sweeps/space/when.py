"""Apply the conditions of `when:`: a key is drawn only where its condition holds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from itertools import islice, product
from typing import Any

from sweeps.space.expressions import Expression
from sweeps.space.space import AS_CONFIGURED, Parameter, Space
from trainers.errors import ConfigError
from trainers.nearest_names import unknown

#: Swept groups, each with some of its choices.
Places = tuple[tuple[str, frozenset[str]], ...]

#: Combinations of values for which a condition is evaluated before the first trial.
_CHECKED = 1000


def conditioned(
    space: Space,
    when: Mapping[str, str],
    fixed: Mapping[str, Any],
    under: Mapping[str, Places],
    absent: Collection[str],
    exists: Callable[[str], bool],
) -> tuple[Space, list[str]]:
    """Return a space with these conditions, in an order that can be drawn, and messages.

    Where a condition does not hold, its key keeps the value of the configuration, and conditions
    that name the key do not hold either. A key whose condition can never hold is left out, with a
    message.

    Args:
        space: the space with the conditions that follow from its groups.
        when: swept key -> expression over other swept keys.
        fixed: keys of the space that have been given one value -> that value. Their own conditions
            are ignored, and conditions on other keys are evaluated with that value.
        under: fixed key -> swept groups of which only some choices have it, with these choices: a
            condition that names it does not hold elsewhere.
        absent: keys of the space that exist in no configuration.
        exists: whether the configuration without any swept value has a key.

    Raises:
        ConfigError: a key or a name is not swept, conditions form a circle, or a condition cannot
            be evaluated for values of its keys.
    """
    expressions = _expressions(space, when, fixed, absent)
    parameters = [
        _placed(parameter, expressions.get(parameter.key), _when(parameter, when, exists), under)
        for parameter in space.parameters
    ]
    bound: list[Parameter] = []
    never_drawn = set(absent)
    for parameter in _ordered(parameters):
        only = parameter.only
        if only is not None and not never_drawn & set(only.names):
            only = only.bound({name: fixed[name] for name in only.names if name in fixed})
            _check_answers(only, parameters)
            if not only.names:
                only = None if only.holds({}) else parameter.only
                if only is not None:
                    never_drawn.add(parameter.key)
        elif only is not None:
            never_drawn.add(parameter.key)
        bound.append(replace(parameter, only=only))
    messages = [
        f"{p.key} is not swept: {p.only.text} never holds"
        for p in bound
        if p.key in never_drawn and p.only is not None
    ]
    return Space(tuple(p for p in bound if p.key not in never_drawn)), messages


def _refuse_unswept(place: str, key: str, space: Space) -> None:
    """Refuse a key that is not swept; `place` is where the condition names it."""
    if key not in space.keys:
        others = [k for k in space.keys if k != key]
        message = unknown("swept key", place, key, others)
        raise ConfigError(f"{message}\nsweep it, or remove the condition (when=null removes all)")


def _expressions(
    space: Space, when: Mapping[str, str], fixed: Mapping[str, Any], absent: Collection[str]
) -> dict[str, Expression]:
    """Parse the conditions of swept keys; refuse those that name what is not swept."""
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
    return expressions


def _placed(
    parameter: Parameter, only: Expression | None, places: Places, under: Mapping[str, Places]
) -> Parameter:
    """Set a parameter's condition, which holds only where the fixed keys that it names are."""
    for name in () if only is None else only.names:
        places = _both(places, under.get(name, ()))
    return replace(parameter, when=places, only=only)


def _both(first: Places, second: Places) -> Places:
    """Return the choices under which both hold."""
    joined = dict(first)
    for group, allowed in second:
        joined[group] = joined.get(group, allowed) & allowed
    return tuple(joined.items())


def _when(parameter: Parameter, when: Mapping[str, str], exists: Callable[[str], bool]) -> Places:
    """Allow a group with a condition of its own to be as configured, too."""
    return tuple(
        (group, allowed | {AS_CONFIGURED} if group in when and exists(parameter.key) else allowed)
        for group, allowed in parameter.when
    )


def _ordered(parameters: list[Parameter]) -> list[Parameter]:
    """Sort the parameters: each after those it needs, else in the order given."""
    swept = {parameter.key for parameter in parameters}
    needs = {p.key: p.needs & swept for p in parameters}
    waiting, placed = list(parameters), list[Parameter]()
    while waiting:
        placed_keys = {p.key for p in placed}
        ready = next((p for p in waiting if needs[p.key] <= placed_keys), None)
        if ready is None:
            raise ConfigError(_circle(needs, placed_keys))
        waiting.remove(ready)
        placed.append(ready)
    return placed


def _circle(needs: Mapping[str, Collection[str]], placed: Collection[str]) -> str:
    """Name the keys of a circle, of which none can be placed before the others."""
    key = next(key for key in needs if key not in placed)
    path: list[str] = []
    while key not in path:
        path.append(key)
        key = min(name for name in needs[key] if name not in placed)
    circle = [*path[path.index(key) :], key]
    return f"when: conditions in a circle, {' needs '.join(circle)}: remove one of these conditions"


def _check_answers(expression: Expression, parameters: list[Parameter]) -> None:
    """Check that an expression can be evaluated for the values, or interval ends, of its keys."""
    examples = {p.key: p.dimension.examples() for p in parameters}
    values = product(*(examples[name] for name in expression.names))
    for combination in islice(values, _CHECKED):
        expression.holds(dict(zip(expression.names, combination, strict=True)))
