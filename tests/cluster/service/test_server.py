"""The service answers who has the token; a browser with the login link reads, and no more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, ClassVar, cast

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer

from cluster.service import run_queued, server
from cluster.service.access import Access
from cluster.service.cluster_view import ClusterView, Machine
from cluster.service.login import key_of
from cluster.service.queue import FILE, Queue, Queued, Step
from cluster.service.server import Server
from tests.cluster.service.test_queue import Clock, FakeJobs

TOKEN = "5ec4e7" * 8
BEARER = {"Authorization": f"Bearer {TOKEN}"}
SESSION = {
    "sweep": "<b>x</b>",
    "member": "beta",
    "slot": {"CPU": 1.0},
    "wanted": 4,
    "held": 1,
    "granted": 2,
    "limit": "",
    "since": 0.0,
    "progress": "3 of 9 trials ended",
    "running": {"alpha/atlas": 2},
}


class SeenCluster:
    """A cluster of one machine, on which a sweep runs that somebody has started by hand."""

    machines: ClassVar = {"1": Machine("alpha", "atlas", 8.0, 2.0)}
    sharing: ClassVar = {
        "sessions": [SESSION],
        "gpu_hours": {"alpha": 1.5},
        "weights": {},
        "problem": "",
    }


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    return Queue(tmp_path / FILE, FakeJobs(), Clock())


Ask = Callable[[TestClient[Any, Any]], Awaitable[None]]


@pytest.fixture
def serve(tmp_path: Path, queue: Queue, monkeypatch: pytest.MonkeyPatch) -> Callable[[Ask], None]:
    """Run questions against the service."""
    (tmp_path / "token").write_text(TOKEN)
    monkeypatch.setattr(server, "FOLDER", tmp_path)
    access, view = Access(tmp_path / "token"), cast(ClusterView, SeenCluster())

    def run(ask: Ask) -> None:
        async def whole() -> None:
            app = Server(access, queue, view, tmp_path).app()
            async with TestClient(TestServer(app)) as client:
                await ask(client)

        asyncio.run(whole())

    return run


def test_a_stranger_is_told_nothing(serve: Callable[[Ask], None]) -> None:
    async def ask(client: TestClient[Any, Any]) -> None:
        for method, path in [
            *(("GET", p) for p in ("/", "/sweep/a", "/api/head", "/api/status", "/nothing")),
            *(("GET", p) for p in ("/api/sweeps/a/log", "/login/0", "/login/")),
            *(("POST", p) for p in ("/api/sweeps", "/api/sweeps/a/stop")),
        ]:
            for headers in ({}, {"Authorization": "Bearer 0"}, {"Authorization": TOKEN}):
                answer = await client.request(method, path, headers=headers)
                text = await answer.text()
                assert answer.status in (401, 404), (path, answer.status)
                assert "alpha" not in text
                assert TOKEN not in text

    serve(ask)


def test_the_login_link_opens_the_page_and_nothing_else(
    serve: Callable[[Ask], None], queue: Queue
) -> None:
    queue.add(Queued("a", "alpha", (), False, "/nowhere"))

    async def ask(client: TestClient[Any, Any]) -> None:
        answer = await client.get(f"/login/{key_of(TOKEN)}", allow_redirects=False)
        assert (answer.status, answer.headers["Location"]) == (303, "/")
        cookie = answer.headers["Set-Cookie"]
        link = f"/login/{key_of(TOKEN)}?sweep=//evil.example"
        answer = await client.get(link, allow_redirects=False)
        assert answer.headers["Location"] == "/sweep/%2F%2Fevil.example", "never to elsewhere"
        assert "HttpOnly" in cookie
        assert TOKEN not in cookie
        page = await client.get("/", headers={"Cookie": cookie.partition(";")[0]})
        text = await page.text()
        assert page.status == 200
        assert page.headers["X-Frame-Options"] == "DENY"
        assert "alpha" in text
        assert "3 of 9 trials ended" in text
        assert "&lt;b&gt;x&lt;/b&gt;" in text, "a sweep's name is no markup"
        assert "<b>x" not in text
        cookies = {"Cookie": cookie.partition(";")[0]}
        assert (await client.get("/api/status", headers=cookies)).status == 401
        assert (await client.post("/api/sweeps/a/stop", headers=cookies)).status == 401

    serve(ask)
    assert queue["a"].step in (Step.WAITING, Step.RUNNING)


async def error_of(answer: ClientResponse) -> str:
    assert answer.status == 400
    return str((await answer.json())["error"])


def test_a_sweep_is_handed_in_followed_and_stopped(
    serve: Callable[[Ask], None], tmp_path: Path, queue: Queue
) -> None:
    async def ask(client: TestClient[Any, Any]) -> None:
        head = await (await client.get("/api/head", headers=BEARER)).json()
        assert head["python"].startswith("3.")
        body = {"member": "alpha", "code": head["code"], "words": ["budget.trials=2", "name=a"]}
        answer = await client.post("/api/sweeps", headers=BEARER, json=body)
        assert (answer.status, await answer.json()) == (200, {"sweep": "a"})
        again = await client.post("/api/sweeps", headers=BEARER, json=body)
        assert "a is in the queue already" in await error_of(again)
        log = run_queued.log_of(tmp_path, "a")
        log.parent.mkdir()
        log.write_bytes("é: 1 of 2\nhalf a li".encode())
        first = await (await client.get("/api/sweeps/a/log?from=0", headers=BEARER)).json()
        assert first["text"] == "é: 1 of 2\n"
        assert not first["over"]
        stopped = await client.post("/api/sweeps/a/stop", headers=BEARER)
        assert (await stopped.json())["step"] in ("stopping", "stopped")
        status = await (await client.get("/api/status", headers=BEARER)).json()
        assert [one["sweep"] for one in status["queue"]] == ["a"]
        assert status["machines"][0]["name"] == "atlas"

    serve(ask)


@pytest.mark.parametrize(
    ("path", "method", "data", "rule"),
    [
        ("/api/sweeps", "POST", b"{", "no JSON object"),
        ("/api/sweeps", "POST", b"[]", "no JSON object"),
        ("/api/sweeps", "POST", b'{"member": "a b"}', "must be up to 63 letters"),
        ("/api/sweeps/none/stop", "POST", b"", "no sweep 'none' was handed in"),
        ("/api/sweeps/none/log", "GET", b"", "no sweep 'none' was handed in"),
        ("/sweep/none", "GET", b"", "no sweep 'none' was handed in"),
    ],
)
def test_a_wrong_request_is_a_line(
    serve: Callable[[Ask], None], path: str, method: str, data: bytes, rule: str
) -> None:
    async def ask(client: TestClient[Any, Any]) -> None:
        answer = await client.request(method, path, headers=BEARER, data=data)
        assert rule in await error_of(answer)

    serve(ask)
