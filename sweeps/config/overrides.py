"""Read the words of a command line: `key=value`, `+key=value`, `~key`, and names."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Quote, QuotedString
from hydra.errors import HydraException

from sweeps.config.schema import FROM_SWEEP
from sweeps.formatting import RESULTS
from trainers.config.hydra_grammar import written
from trainers.errors import ConfigError

#: Keys of the command line whose values are text, whatever is in them.
_TEXTS = ("name", "results", "study")
_FOLDERS = ("data.root", "data.cache")


def key_of(word: str) -> str:
    """Return the dotted key of an override: `optimizer.lr` of `+optimizer.lr=0.1`."""
    return word.partition("=")[0].lstrip("+~")


def value_of(word: str) -> str:
    """Return the value of an override as text, without the quotes of Hydra's grammar.

    Empty if the word has none. What Hydra's grammar could not read is text as it stands.
    """
    value = word.partition("=")[2]
    if value[:1] in ("'", '"'):
        with contextlib.suppress(HydraException):
            return str(OverridesParser.create().parse_override(f"text={value}").value())
    return value


def literal(words: Iterable[str]) -> list[str]:
    """Quote the names and paths of a command line for Hydra, which takes them as they stand.

    `results=/data/müller` or `name=1e3` would be refused by its grammar, or read as something
    else. A folder of data may be swept over: it is quoted only where the grammar cannot read it.
    """
    return [_literal(word) for word in words]


def _literal(word: str) -> str:
    key, value = key_of(word), word.partition("=")[2]
    if key not in (*_TEXTS, *_FOLDERS) or value in ("", "null") or value[0] in "'\"":
        return word
    if key in _FOLDERS and readable(word):
        return word
    return f"{word[: word.index('=')]}={QuotedString(value, Quote.double).with_quotes()}"


def readable(word: str) -> bool:
    """Whether a word is in Hydra's grammar of overrides."""
    try:
        OverridesParser.create().parse_override(word)
    except HydraException:
        return False
    return True


def refuse_below_null(words: Iterable[str]) -> None:
    """Refuse a value for a key below one that is null, at which Hydra fails without a word why.

    Raises:
        ConfigError: names both overrides.
    """
    nulls: dict[str, str] = {}
    for word in words:
        key, value = key_of(word), word.partition("=")[2]
        above = next((top for top in ("plan", *nulls) if key.startswith(f"{top}.")), None)
        if above is not None:
            null = nulls.get(above, f"{above} is a list, or null: it")
            raise ConfigError(f"{word}: {null} has no keys below it")
        if key in nulls and value.startswith("{"):
            raise ConfigError(f"{word}: {nulls[key]} is given too: leave it out")
        if value == "null":
            nulls[key] = word


def split(words: Iterable[str]) -> tuple[list[str], list[str]]:
    """Split the words of a command line into names and overrides.

    Raises:
        ConfigError: an option, of which commands that name a sweep have none.
    """
    names: list[str] = []
    overrides: list[str] = []
    for word in words:
        if word.startswith("-"):
            raise ConfigError(f"{word}: there are no options here, only names and key=value")
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


def results_of(words: Iterable[str]) -> Path:
    """Return the folder of results that a command line names, or the usual one."""
    return Path(value_given(words, "results") or RESULTS).expanduser()


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
