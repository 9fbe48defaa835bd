"""Read plain containers as a dataclass where no value is in doubt.

OmegaConf does the same for every case there is, in 20 ms for a training: longer than it takes to
propose one. A value that is not already of its field's type is left to OmegaConf.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")

_ESPECIAL = ("${", "???")  # what is computed, and what is missing, in OmegaConf's words


class Doubtful(Exception):
    """Raised when a value is in doubt, and OmegaConf is to convert it."""


def read(kind: type[T], values: Mapping[str, object]) -> T:
    """Make an instance of a dataclass with these values.

    Args:
        values: resolved, plain and nobody else's: lists and dictionaries are taken as they are.

    Raises:
        Doubtful: a field without a value or the reverse, or a value that is not plainly of its
            field's type.
    """
    key: Any = kind  # mypy does not know that classes are hashable
    hints = _hints(key)
    if values.keys() != hints.keys():
        raise Doubtful
    return kind(**{name: _value(hints[name], value) for name, value in values.items()})


@cache
def _hints(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def _value(hint: Any, value: object) -> object:
    if get_origin(hint) is Union:
        if value is None and type(None) in get_args(hint):
            return None
        hint, *others = (one for one in get_args(hint) if one is not type(None))
        if others:
            if type(value) in (hint, *others):
                return _plain(value)
            raise Doubtful
    if isinstance(hint, type) and isinstance(value, dict) and is_dataclass(hint):
        return read(hint, value)
    if isinstance(hint, type) and issubclass(hint, Enum):
        if isinstance(value, hint):
            return value
        if isinstance(value, str) and value in hint.__members__:
            return hint[value]
    elif hint is float and type(value) is int:
        return float(value)
    elif hint == dict[str, Any]:
        if isinstance(value, dict):
            return _plain(value)
    elif hint is type(value):
        return _plain(value)
    raise Doubtful


def _plain(value: object) -> object:
    """Return the value unchanged, if OmegaConf would not interpret it."""
    if isinstance(value, dict):
        if not all(type(key) is str for key in value):
            raise Doubtful
        for item in value.values():
            _plain(item)
    elif isinstance(value, list):
        for item in value:
            _plain(item)
    elif isinstance(value, str):
        if any(word in value for word in _ESPECIAL):
            raise Doubtful
    elif type(value) not in (bool, int, float, type(None)):
        raise Doubtful
    return value
