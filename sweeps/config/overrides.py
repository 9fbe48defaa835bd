"""Read the words of a command line: `key=value`, `+key=value`, `~key`, and names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, QuotedString

from sweeps.config.schema import FROM_SWEEP
from sweeps.space.dimensions import written
from trainers.errors import ConfigError


def key_of(word: str) -> str:
    """Return the dotted key of an override: `optimizer.lr` of `+optimizer.lr=0.1`."""
    return word.partition("=")[0].lstrip("+~")


def value_of(word: str) -> str:
    """Return the value of an override as written; empty if it has none."""
    return word.partition("=")[2]


def split(words: Iterable[str]) -> tuple[list[str], list[str]]:
    """Split the words of a command line into names and overrides."""
    names: list[str] = []
    overrides: list[str] = []
    for word in words:
        (overrides if "=" in word or word.startswith("~") else names).append(word)
    return names, overrides


def value_given(words: Iterable[str], key: str) -> str | None:
    """Return the last value that a command line gives a key; None if it gives none."""
    values = [value_of(word) for word in words if key_of(word) == key]
    return values[-1] if values else None


def replaced(words: Sequence[str], fresh: Sequence[str]) -> list[str]:
    """Replace the overrides of a command line by fresh ones of the same keys, put at the end.

    A fresh choice of a group, or value of a mapping, also removes the overrides of keys below it.
    """
    keys = [key_of(word) for word in fresh]
    kept = [
        word for word in words if not any(f"{key_of(word)}.".startswith(f"{key}.") for key in keys)
    ]
    return [*kept, *fresh]


def assignments(values: Mapping[str, Any]) -> list[str]:
    """Write an override for each key and its value."""
    return [f"{key}={written(value)}" for key, value in values.items()]


def as_list(word: str, parser: OverridesParser) -> str:
    """Rewrite `from_sweep=a,b` as a list, which Hydra would sweep over; keep other overrides.

    Raises:
        ConfigError: a range or an interval of sweeps.
    """
    override = parser.parse_override(word)
    if override.key_or_group != FROM_SWEEP or not override.is_sweep_override():
        return word
    sweep = override.value()
    if not isinstance(sweep, ChoiceSweep):
        raise ConfigError(f"{word}: name previous sweeps, {FROM_SWEEP}=a,b")
    names = (name.text if isinstance(name, QuotedString) else str(name) for name in sweep.list)
    return f"{FROM_SWEEP}=[{','.join(map(written, names))}]"
