"""Remove passwords and keys from configurations, texts and the command line."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

HIDDEN = "***"
_WORDS = r"api_?key|access_?key|private_?key|token|secret|passw(?:or)?d|credentials?"
_NAME = re.compile(rf"(^|[._-])({_WORDS})$", re.IGNORECASE)
_URL = re.compile(r"(\w://[^/\s:@]*):[^\s/]*@")  # postgresql://user:password@host


def redacted(value: Any, name: str = "") -> Any:
    """Copy a value into dicts, lists, text and numbers, its secrets replaced by `***`.

    A secret is text under a name such as `password` or `api_key`, and what `redacted_text` removes.
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
    """Remove secrets from a text.

    Those are the passwords of URLs, the values of this process's variables with names such as
    WANDB_API_KEY, what has the shape of a known kind of key, and what is assigned to a name such as
    `password`.
    """
    for name, value in os.environ.items():
        if len(value) >= _LEAST and _NAME.search(name):
            text = text.replace(value, HIDDEN)
    text = _URL.sub(rf"\1:{HIDDEN}@", text)
    text = _ASSIGNED.sub(rf"\g<before>{HIDDEN}", text)
    return _SHAPES.sub(HIDDEN, text)


PASSWORD = "PGPASSWORD"

#: Characters of the shortest value of a variable that is taken for a secret in any text.
_LEAST = 8
#: Keys of AWS, GitHub, GitLab, Hugging Face, OpenAI and others, Slack, Google; tokens (JWT); PEM.
_SHAPES = re.compile(
    r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|\bgh[pousr]_[A-Za-z0-9]{30,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{20,}"
    r"|\bhf_[A-Za-z0-9]{30,}|\bsk-[\w-]{20,}|\bxox[abeprs]-[\w-]{10,}|\bAIza[\w-]{35}"
    r"|\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]+"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----",
    re.DOTALL,
)
#: password = "…", "api_key": "…", and lines such as DB_PASSWORD=… and password: …
_ASSIGNED = re.compile(
    rf"(?P<before>\b(?:[\w.-]*[._-])?(?:{_WORDS})[\"']?[ \t]*[:=][ \t]*)"
    r"(?:(?P<quote>[\"'])[^\"'\n]{4,}(?P=quote)|[^\s\"'()\[\]{}$,;]{4,}(?=[ \t]*(?:#.*)?$))",
    re.IGNORECASE | re.MULTILINE,
)

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
