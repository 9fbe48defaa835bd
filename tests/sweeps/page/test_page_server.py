"""The page is served to browsers of this machine that ask by its own name, and to nobody else."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator

import pytest

from sweeps.page.live_page import Version
from sweeps.page.page_server import PageServer


@pytest.fixture
def server() -> Iterator[PageServer]:
    with PageServer(0, lambda: Version(b"<p>page</p>", '"1"')) as served:
        thread = threading.Thread(target=served.serve_forever)
        thread.start()
        yield served
        served.shutdown()
        thread.join()


def ask(
    server: PageServer, path: str = "/", method: str = "GET", **headers: str
) -> tuple[int, bytes, str | None]:
    port = server.server_address[1]
    connection = http.client.HTTPConnection("127.0.0.1", port)
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, headers={"Host": f"localhost:{port}", **given})
    answer = connection.getresponse()
    told = (answer.status, answer.read(), answer.headers["ETag"])
    connection.close()
    return told


def test_answers_with_the_page_and_says_when_it_is_the_same(server: PageServer) -> None:
    assert ask(server) == (200, b"<p>page</p>", '"1"')
    assert ask(server, "/?x=1", method="HEAD") == (200, b"", '"1"')
    assert ask(server, If_None_Match='"1"') == (304, b"", '"1"')
    assert ask(server, If_None_Match='"0"')[0] == 200
    assert ask(server, "/etc/passwd")[0] == 404
    assert ask(server, method="POST")[0] == 501


def test_answers_this_machine_alone(server: PageServer) -> None:
    host, port = server.server_address[:2]
    assert host == "127.0.0.1"
    for name in ("evil.example", f"evil.example:{port}", "localhost", "localhost:1"):
        status, content, _ = ask(server, Host=name)
        assert (status, b"<p>page</p>" in content) == (403, False)


def test_a_port_that_is_taken_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        PageServer(taken.getsockname()[1], lambda: Version(b"", ""))
