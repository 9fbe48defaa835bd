"""Let in who has the cluster's token; to the page, who has its login link.

The link's key is made of the token, so that it lasts as long, and opens nothing but the page.
"""

from __future__ import annotations

import hmac
from http.cookies import Morsel
from pathlib import Path

from aiohttp import web

from cluster.service.login import key_of

#: The cookie that a browser has after one login.
COOKIE = "caviar"
#: Seconds that a login lasts: a course's term.
_LASTS_S = 120 * 24 * 3600


class Access:
    """Checks what a request brings; answers 401 to everybody else."""

    def __init__(self, token: Path) -> None:
        """Read the token from its file."""
        self._token = token.read_text(encoding="utf-8").strip()

    @property
    def key(self) -> str:
        """Return the key of the page's login link."""
        return key_of(self._token)

    def log_in(self, key: str, to: str = "/") -> web.Response:
        """Answer the login link: a cookie, and on to a page of ours."""
        if not _same(key, self.key):
            raise web.HTTPUnauthorized(text="this login link is not of this head\n")
        answer = web.Response(status=303, headers={"Location": to})
        answer.set_cookie(
            COOKIE, self.key, max_age=_LASTS_S, httponly=True, samesite="Lax", path="/"
        )
        return answer

    def require(self, request: web.Request) -> None:
        """Refuse a request that brings neither the token nor, for a page, the cookie."""
        kind, _, given = request.headers.get("Authorization", "").partition(" ")
        if kind == "Bearer" and _same(given, self._token):
            return
        cookie: str | Morsel[str] = request.cookies.get(COOKIE, "")
        if request.method == "GET" and not request.path.startswith("/api/"):
            if _same(str(cookie), self.key):
                return
            raise web.HTTPUnauthorized(
                text="Open the login link that make head has printed, or make status prints.\n"
            )
        raise web.HTTPUnauthorized(text="the head refuses the token\n")


def _same(given: str, right: str) -> bool:
    return hmac.compare_digest(given.encode(), right.encode())
