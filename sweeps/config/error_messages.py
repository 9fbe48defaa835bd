"""Explain a bad configuration in one or two lines, with the nearest valid name."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from hydra.core.override_parser.types import Quote, QuotedString
from hydra.errors import MissingConfigException, OverrideParseException

from trainers.errors import first_line
from trainers.nearest_names import unknown


def explain(error: BaseException, written: str = "", keys: Sequence[str] = ()) -> str:
    """Explain an exception of Hydra or OmegaConf in one or two lines.

    Args:
        written: the override that caused the exception, where that is known.
        keys: the dotted keys and groups that exist, to suggest one for a misspelt name.
    """
    text = str(error)
    if isinstance(error, MissingConfigException):
        return _missing_choice(text)
    if isinstance(error, OverrideParseException):
        if re.search(r"choice\(\s*\)", error.override):
            return f"{error.override}: the choice is empty; give at least one value"
        key, _, value = error.override.partition("=")
        if value and value[0] not in "'\"":
            text = QuotedString(value, Quote.double).with_quotes()
            return (
                f"{error.override!r} is not an override ({first_line(error)}): if its value is a "
                f"text, quote it for Hydra and for the shell, {shlex.quote(f'{key}={text}')}"
            )
        return f"{error.override!r} is not an override ({first_line(error)}): write key=value"
    if match := re.search(r"Ambiguous value for argument '(.+)'|Sweep parameters '(.+)'", text):
        return f"{match[1] or match[2]}: one training takes one value; make sweep tries several"
    if match := re.search(r"Could not override '([^']+)'", text):
        key = match[1]
        there = any(f"{name}.".startswith(f"{key}.") for name in keys)
        if told := of_space(key):
            return told
        if f"use +{key}={{" in text and (not keys or there):
            return f"{key}: a mapping takes new keys with a plus: '+{key}={{…}}'"
        parent = key.rpartition(".")[0]
        if there and parent:  # repeats=3 repeats.top=5
            return (
                f"{key}: {parent}=… is given too, and replaces all keys below {parent}: give each "
                "key by itself"
            )
        if parent in keys and not any(name.startswith(f"{parent}.") for name in keys):
            return f"{key}: there is no such key yet: a new one takes a plus, +{key}=…"
        return unknown("key", key, key, keys)
    if match := re.search(r"Could not append .* already at '(.+)'", text):
        key = match[1]
        return f"{key}: there is such a key: set it without a plus, or with two (++{key}=…)"
    cause = str(error.__cause__ or error).splitlines()
    reason = cause[0] if cause else type(error).__name__
    key_line = next((line for line in cause if "full_key:" in line), "")
    full_key = key_line.partition("full_key:")[2].strip()
    if match := re.search(r"Error merging override (\S.*)", text):
        written = match[1]
    if re.match(r"Key '[^']*' (is )?not in", reason):
        return unknown("key", full_key or written, full_key or written, keys)
    return f"{written or full_key}: {reason}" if written or full_key else reason


def of_space(key: str) -> str:
    """Explain how what varies is given, for a key below `space:` or `when:`; "" for others."""
    top, _, swept = key.partition(".")
    if top == "space" and swept:
        return f"{key}: what varies is given by its own key, {swept}=a,b, and a value by {swept}=a"
    if top == "when" and swept:
        return f"{key}: give all conditions together: +when={{{swept}: …}}"
    return ""


def _missing_choice(text: str) -> str:
    match = re.search(r"Could not find '(.+)/([^/']*)'", text)
    options = re.findall(r"^\t(?!provider)(\S+)$", text, flags=re.MULTILINE)
    if match is None:
        return text.splitlines()[0]
    return unknown("choice", f"{match[1]}={match[2]}", match[2], options)
