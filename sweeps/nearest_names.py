"""Name the nearest known name in the message for one that does not exist."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches


def unknown(what: str, written: str, word: str, known: Sequence[str]) -> str:
    """The message for a name that does not exist, with the nearest one that does.

    Args:
        what: kind of thing ("choice", "key").
        written: what the person wrote.
        word: the part of it that is unknown.
        known: the names there are, listed when they are few.
    """
    near = get_close_matches(word, known, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]}?" if near else ""
    listed = f" ({what}s: {', '.join(known)})" if 0 < len(known) <= 12 and not near else ""
    return f"{written}: there is no such {what}{hint}{listed}"
