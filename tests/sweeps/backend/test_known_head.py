"""The head of a cluster is known here as long as it answers, and its file is never half there."""

from __future__ import annotations

import socket
import stat
from pathlib import Path

import pytest

from sweeps.backend.known_head import Head


@pytest.fixture
def listening() -> socket.socket:
    server = socket.create_server(("127.0.0.1", 0))
    server.listen()
    return server


def address(server: socket.socket) -> str:
    return f"127.0.0.1:{server.getsockname()[1]}"


def test_is_known_while_it_answers(tmp_path: Path, listening: socket.socket) -> None:
    folder = tmp_path / "cluster"
    assert Head.known(folder) is None
    head = Head(address(listening), str(tmp_path / "token"))
    head.save(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [path.name for path in folder.iterdir()] == ["head.json"]
    assert Head.known(folder) == head
    listening.close()
    assert Head.known(folder) is None


def test_only_the_one_that_is_known_is_forgotten(tmp_path: Path, listening: socket.socket) -> None:
    head, other = Head(address(listening), "a"), Head(address(listening), "b")
    head.save(tmp_path)
    other.forget(tmp_path)
    assert Head.known(tmp_path) == head
    head.forget(tmp_path)
    head.forget(tmp_path)  # again: nothing
    assert list(tmp_path.iterdir()) == []
    listening.close()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"address": 1}', '{"other": "x"}', "null"])
def test_a_damaged_file_is_no_head(content: str, tmp_path: Path) -> None:
    (tmp_path / "head.json").write_text(content)
    assert Head.known(tmp_path) is None
    Head("127.0.0.1:1", "token").forget(tmp_path)


@pytest.mark.parametrize("address", ["", "nowhere", "127.0.0.1:x", "127.0.0.1:99999"])
def test_what_is_no_address_does_not_answer(address: str) -> None:
    assert not Head(address, "").answers(0.5)


def test_ray_is_given_the_token_of_this_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    environment = Head("10.0.0.5:26379", "~/token").environment()
    assert environment == {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": "/home/me/token",
    }
