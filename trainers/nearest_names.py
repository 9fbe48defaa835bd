"""Hint at the nearest name that exists, in the message for a name that does not."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

#: How alike two names must be for one to be taken for the other (difflib's ratio, from 0 to 1).
_ALIKE = 0.5


def nearest(name: str, names: Sequence[str]) -> str | None:
    """Find the name that is most like this one; None if none is alike."""
    return next(iter(get_close_matches(name, names, n=1, cutoff=_ALIKE)), None)


def nearest_key(key: str, keys: Sequence[str]) -> str | None:
    """Find the dotted key that is most like this one; None if none is alike.

    Of keys with the same parent the last parts are compared: what all share makes none alike.
    A key without its parent (lr), or with another's (optimizer.dropout), means the one with it.
    """
    parent, _, last = key.rpartition(".")
    same_last = [each for each in keys if each.rpartition(".")[2] == last]
    if same_last:
        return nearest(key, same_last) or same_last[0]
    siblings = [each for each in keys if each.rpartition(".")[0] == parent]
    near = nearest(last, [each.rpartition(".")[2] for each in siblings])
    if near is not None:
        return f"{parent}.{near}".lstrip(".")
    others = [each for each in keys if each.count(".") == key.count(".") and each not in siblings]
    return nearest(key, others)


def nearest_or_all(name: str, names: Sequence[str]) -> str:
    """Write the hint for a name that Python does not know: the nearest public one, else all."""
    public = [each for each in names if not each.startswith("_")]
    near = nearest(name, public)
    if near is not None:
        return f"did you mean {near!r}?"
    return f"there is {', '.join(sorted(public)) or 'none'}"


def unknown(what: str, written: str, word: str, names: Sequence[str]) -> str:
    """Write the message for a name that does not exist, with the nearest one that does.

    Args:
        what: kind of thing ("choice", "key").
        written: what the person wrote.
        word: the part of it that is unknown.
        names: the names there are, listed when they are few.
    """
    near = nearest_key(word, names) if what.endswith("key") else nearest(word, names)
    hint = f"; did you mean {near}?" if near is not None else ""
    all_names = f" ({what}s: {', '.join(names)})" if 0 < len(names) <= 12 and near is None else ""
    return f"{written}: there is no such {what}{hint}{all_names}"
