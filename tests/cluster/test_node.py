"""Names, addresses and tokens of a cluster; a Ray that does not start says why."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from cluster.node import split_address, token
from trainers.errors import ConfigError


def test_an_address_is_a_host_and_a_port() -> None:
    assert split_address("10.0.0.5:26379", "HEAD") == ("10.0.0.5", 26379)


@pytest.mark.parametrize("text", ["", "10.0.0.5", ":26379", "10.0.0.5:", "10.0.0.5:x", "a:0"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="HEAD"):
        split_address(text, "HEAD")


def test_a_token_is_made_once_and_its_owners_alone(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="token"):
        token(tmp_path)
    made = token(tmp_path, create=True)
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    secret = made.read_text()
    assert len(secret) >= 32
    assert token(tmp_path, create=True).read_text() == secret
    assert token(tmp_path) == made
