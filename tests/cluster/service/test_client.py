"""A head's service is asked with the token, and every fault of it is one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cluster.service.client import ServiceClient
from tests.cluster.raylets import free_port
from tests.cluster.stand_in import service
from trainers.errors import ConfigError

TOKEN = "0123456789abcdef" * 4


@pytest.fixture
def token(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    return path


def test_asks_with_the_token_and_gives_what_is_answered(token: Path) -> None:
    with service(200, b'{"commit": "abc"}') as (address, asked):
        client = ServiceClient(address, token)
        assert client.get("/api/logs/a b?lines=3") == {"commit": "abc"}
        assert client.post("/api/submit", {"name": "müller"}) == {"commit": "abc"}
    get, post = asked
    assert (get["method"], get["path"]) == ("GET", "/api/logs/a%20b?lines=3")
    assert (post["method"], post["path"]) == ("POST", "/api/submit")
    assert json.loads(post["body"]) == {"name": "müller"}
    assert get["token"] == post["token"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    ("code", "answer", "said"),
    [
        (401, b"", "the head refuses the token"),
        (403, b"{}", "the head refuses the token"),
        (
            409,
            b'{"error": "there is a sweep a:\\nchoose another name"}',
            "there is a sweep a: choo",
        ),
        (404, b"", "answers 404 Not Found"),
        (500, b"[1]", "answers 500"),
        (200, b"<html>", "is no service of a head"),
        (200, b"[]", "is no service of a head"),
        (200, b"\xff", "is no service of a head"),
    ],
)
def test_a_refusal_is_one_line_without_the_token(
    token: Path, code: int, answer: bytes, said: str
) -> None:
    with (
        service(code, answer) as (address, _),
        pytest.raises(ConfigError, match=said) as error,
    ):
        ServiceClient(address, token).get("/api/head")
    assert "\n" not in str(error.value)
    assert TOKEN not in str(error.value)


def test_the_token_goes_to_no_other_address_and_through_no_proxy(
    token: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with service(200, b"{}") as (other, asked):
        port = int(other.rpartition(":")[2]) + 1
        elsewhere = f"http://127.0.0.1:{port}/"
        monkeypatch.setenv("http_proxy", elsewhere)
        monkeypatch.setenv("no_proxy", "")
        with (
            service(302, b"", Location=elsewhere) as (address, _),
            pytest.raises(ConfigError, match="answers 302"),
        ):
            ServiceClient(address, token).get("/api/head")
        assert asked == []


def test_where_nobody_answers_it_says_so(token: Path) -> None:
    with pytest.raises(ConfigError, match="does not answer"):
        ServiceClient(f"127.0.0.1:{free_port()}", token).get("/api/head")


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_token_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match="cannot be read"):
        ServiceClient("127.0.0.1:1", path)


def test_an_address_without_a_port_is_refused(token: Path) -> None:
    with pytest.raises(ConfigError, match="must be host:port"):
        ServiceClient("127.0.0.1", token)
