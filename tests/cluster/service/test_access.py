"""Who has the token may all, who has the cookie may read pages, nobody else anything."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from cluster.service.access import COOKIE, Access
from cluster.service.login import key_of

KEY = key_of("secret")


@pytest.fixture
def access(tmp_path: Path) -> Access:
    (tmp_path / "token").write_text("secret\n")
    return Access(tmp_path / "token")


@pytest.mark.parametrize(
    ("method", "path", "headers", "may"),
    [
        ("POST", "/api/sweeps", {"Authorization": "Bearer secret"}, True),
        ("GET", "/", {"Authorization": "Bearer secret"}, True),
        ("GET", "/", {"Cookie": f"{COOKIE}={KEY}"}, True),
        ("GET", "/sweep/a", {"Cookie": f"{COOKIE}={KEY}"}, True),
        ("GET", "/api/status", {"Cookie": f"{COOKIE}={KEY}"}, False),
        ("POST", "/", {"Cookie": f"{COOKIE}={KEY}"}, False),
        ("GET", "/", {"Cookie": f"{COOKIE}=secret"}, False),
        ("GET", "/", {"Cookie": f"{COOKIE}="}, False),
        ("GET", "/", {"Authorization": f"Bearer {KEY}"}, False),
        ("GET", "/", {"Authorization": "Basic secret"}, False),
        ("GET", "/", {"Authorization": "Bearer é"}, False),
        ("GET", "/", {}, False),
    ],
)
def test_who_may_what(
    access: Access, method: str, path: str, headers: dict[str, str], may: bool
) -> None:
    request = make_mocked_request(method, path, headers=headers)
    if may:
        access.require(request)
    else:
        with pytest.raises(web.HTTPUnauthorized):
            access.require(request)


def test_the_login_link_gives_the_cookie(access: Access) -> None:
    answer = access.log_in(KEY)
    assert answer.cookies[COOKIE].value == KEY
    with pytest.raises(web.HTTPUnauthorized):
        access.log_in("0" * 32)
