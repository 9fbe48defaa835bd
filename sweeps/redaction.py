"""What may leave this machine: configurations without the passwords that stand in them."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

HIDDEN = "***"
_NAME = re.compile(r"(^|[._-])(api_?key|token|secret|passw(or)?d|credentials?)$", re.IGNORECASE)
_URL = re.compile(r"(\w://[^/\s:@]*):[^\s/]*@")  # postgresql://user:password@host


def redacted(value: Any, name: str = "") -> Any:
    """A copy of `value` made of dicts, lists, text and numbers, its secrets replaced by `***`.

    A secret is text under a name such as `password` or `api_key`, the password of a URL, and
    this process's W&B key wherever it stands.
    """
    if isinstance(value, Mapping):
        return {str(key): redacted(item, str(key)) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [redacted(item, name) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    text = str(value)
    return HIDDEN if text and _NAME.search(name) else redacted_text(text)


def redacted_text(text: str) -> str:
    """`text` without passwords of URLs and without this process's W&B key."""
    key = os.environ.get("WANDB_API_KEY", "")
    if key:
        text = text.replace(key, HIDDEN)
    return _URL.sub(rf"\1:{HIDDEN}@", text)


def cells(column: Sequence[Any]) -> list[Any]:
    """One column of a table with cells of one type: numbers where all are, else text.

    W&B sorts and plots a column of numbers, and refuses one of mixed types.
    """
    known = [cell for cell in column if cell is not None]
    if all(isinstance(cell, int | float) and not isinstance(cell, bool) for cell in known):
        return [None if cell is None or math.isnan(cell) else cell for cell in column]
    return [None if cell is None else redacted_text(str(cell)) for cell in column]
