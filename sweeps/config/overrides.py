"""Read the words of a command line: `key=value`, `+key=value`, `~key`, and names without a sign."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, QuotedString

from sweeps.config.schema import FROM_SWEEP
from sweeps.space.dimensions import written
from trainers.errors import ConfigError


def key_of(word: str) -> str:
    """The dotted key of an override: `optimizer.lr` of `+optimizer.lr=0.1`."""
    return word.partition("=")[0].lstrip("+~")


def value_of(word: str) -> str:
    """The value of an override as written; empty if it has none."""
    return word.partition("=")[2]


def split(words: Iterable[str]) -> tuple[list[str], list[str]]:
    """The names and the overrides among the words of a command line."""
    names: list[str] = []
    overrides: list[str] = []
    for word in words:
        (overrides if "=" in word or word.startswith("~") else names).append(word)
    return names, overrides


def value_given(words: Iterable[str], key: str) -> str | None:
    """The value that a command line gives a key, the last of several; None if it gives none."""
    values = [value_of(word) for word in words if key_of(word) == key]
    return values[-1] if values else None


def replaced(words: Sequence[str], fresh: Sequence[str]) -> list[str]:
    """A command line with fresh overrides in the place of their like.

    Another choice of a group, or value of a mapping, takes the keys below it away as well.
    """
    keys = [key_of(word) for word in fresh]
    kept = [
        word for word in words if not any(f"{key_of(word)}.".startswith(f"{key}.") for key in keys)
    ]
    return [*kept, *fresh]


def assignments(values: Mapping[str, Any]) -> list[str]:
    """Overrides that give these keys these values."""
    return [f"{key}={written(value)}" for key, value in values.items()]


def as_list(word: str, parser: OverridesParser) -> str:
    """An override as it is, but `from_sweep=a,b` as a list: Hydra would try one, then the other.

    Raises:
        ConfigError: a range or an interval of sweeps.
    """
    override = parser.parse_override(word)
    if override.key_or_group != FROM_SWEEP or not override.is_sweep_override():
        return word
    sweep = override.value()
    if not isinstance(sweep, ChoiceSweep):
        raise ConfigError(f"{word}: name earlier sweeps, {FROM_SWEEP}=a,b")
    names = (name.text if isinstance(name, QuotedString) else str(name) for name in sweep.list)
    return f"{FROM_SWEEP}=[{','.join(map(written, names))}]"
