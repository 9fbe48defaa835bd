"""The login link is made of the token, which cannot be made of it."""

from __future__ import annotations

from pathlib import Path

from cluster.service.login import key_of, login_link
from sweeps.backend.known_head import Head


def test_the_link_is_of_the_service_and_has_no_token_in_it(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("0123456789abcdef\n")
    link = login_link(Head("10.0.0.5:26379", str(tmp_path / "token")))
    assert link == f"http://10.0.0.5:26380/login/{key_of('0123456789abcdef')}"
    assert "0123456789abcdef" not in link


def test_another_token_has_another_key() -> None:
    assert key_of("a") == key_of("a")
    assert key_of("a") != key_of("b")
