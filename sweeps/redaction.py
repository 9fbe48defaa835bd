"""Remove passwords and keys from configurations, texts and the command line."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

HIDDEN = "***"
_NAME = re.compile(r"(^|[._-])(api_?key|token|secret|passw(or)?d|credentials?)$", re.IGNORECASE)
_URL = re.compile(r"(\w://[^/\s:@]*):[^\s/]*@")  # postgresql://user:password@host


def redacted(value: Any, name: str = "") -> Any:
    """Copy a value into dicts, lists, text and numbers, its secrets replaced by `***`.

    A secret is text under a name such as `password` or `api_key`, the password of a URL, and
    this process's W&B key wherever it occurs.
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
    """Remove the passwords of URLs and this process's W&B key from a text."""
    key = os.environ.get("WANDB_API_KEY", "")
    if key:
        text = text.replace(key, HIDDEN)
    return _URL.sub(rf"\1:{HIDDEN}@", text)


PASSWORD = "PGPASSWORD"

_WORD = re.compile(r"""(\+*study=["']?[\w+.-]+://[^/\s:@"']*):(.*)@([^@]*)""", re.DOTALL)


def without_password(word: str) -> str:
    """Remove the password from a `study=` word of the command line; keep any other word."""
    return take_password(word)[0]


def hide_password() -> None:
    """Restart the program without the password of `study=` on its command line.

    All users of the machine can read a command line, Ray and W&B record it, and an error may show
    it. The password goes to the environment instead, which only the user can read.
    """
    words = [take_password(word) for word in sys.orig_argv]
    passwords = [password for _, password in words if password is not None]
    if passwords:
        os.environ[PASSWORD] = passwords[-1]
        os.execv(sys.executable, [word for word, _ in words])


def take_password(word: str) -> tuple[str, str | None]:
    """Split a word of the command line into the part to be shown and its password, if any."""
    if match := _WORD.fullmatch(word):
        return f"{match[1]}@{match[3]}", unquote(match[2])
    return word, None
