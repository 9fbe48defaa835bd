"""Make the login link of a head's page, which opens the page and nothing else."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

from sweeps.backend.known_head import Head


def login_link(head: Head) -> str:
    """Return the address that lets a browser read the head's page from then on.

    Raises:
        OSError: the token cannot be read.
    """
    token = Path(head.token).expanduser().read_text(encoding="utf-8").strip()
    return f"http://{head.page}/login/{key_of(token)}"


def key_of(token: str) -> str:
    """Return the key in the link: made of the token, which cannot be made of it."""
    return hmac.new(token.encode(), b"page", hashlib.sha256).hexdigest()[:32]
