"""Serve a head's queue, status and page, in a process that `make head` runs.

Whoever has the token may ask; a browser comes in by the login link, to read.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

from aiohttp import web

from cluster.node import say, say_now
from cluster.service.access import Access
from cluster.service.checkout import Checkout, checkout
from cluster.service.cluster_view import ClusterView
from cluster.service.hand_in import checked
from cluster.service.jobs import RayJobs
from cluster.service.page import head_page
from cluster.service.queue import FILE, Queue
from cluster.service.run_queued import log_of
from cluster.service.sweep_check import SweepCheck
from cluster.service.sweep_pages import SweepPages
from sweeps.backend.known_head import FOLDER
from trainers.errors import ConfigError

#: Seconds between two looks at the queue.
_LOOK_S = 1.0
#: Bytes of a log that one answer has.
_LOG = 256 * 1024

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """Answers requests; what blocks is done on threads."""

    def __init__(self, access: Access, queue: Queue, view: ClusterView, results: Path) -> None:
        """Take the parts that answers are made of."""
        self._access, self._queue, self._view, self._results = access, queue, view, results
        self._checkout: Checkout = checkout()
        self._pages, self._check = SweepPages(), SweepCheck()
        self._lock = asyncio.Lock()  # one thing at a time is done to the queue
        self._naming = asyncio.Lock()  # one sweep at a time is checked, and named

    def app(self) -> web.Application:
        """Return what aiohttp runs."""
        app = web.Application(middlewares=[self._guarded], client_max_size=2**20)
        app.router.add_get("/login/{key}", self._log_in)
        app.router.add_get("/", self._page)
        app.router.add_get("/sweep/{name}", self._sweep_page)
        app.router.add_get("/api/head", self._head)
        app.router.add_get("/api/status", self._status)
        app.router.add_post("/api/sweeps", self._hand_in)
        app.router.add_get("/api/sweeps/{name}/log", self._log)
        app.router.add_post("/api/sweeps/{name}/stop", self._stop)
        app.cleanup_ctx.append(self._looking)
        app.cleanup_ctx.append(self._ready_to_check)
        return app

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let in who may come; answer what is refused, or cannot be done now, in a line."""
        if not request.path.startswith("/login/"):
            self._access.require(request)
        try:
            answer = await handler(request)
        except ConfigError as error:
            return web.json_response({"error": str(error)}, status=400)
        except OSError as error:
            return web.json_response({"error": f"not now: {error}; try again"}, status=503)
        answer.headers.update(_HEADERS)
        return answer

    async def _looking(self, _: web.Application) -> Any:
        task = asyncio.create_task(self._look())
        yield
        task.cancel()

    async def _ready_to_check(self, _: web.Application) -> Any:
        self._check.prepare()
        yield
        await asyncio.to_thread(self._check.end)

    async def _look(self) -> None:
        said = ""
        while True:
            try:
                async with self._lock:
                    await asyncio.to_thread(self._queue.look)
            except OSError as error:  # Ray is busy, or the disk full: it waits
                if (why := str(error)) != said:
                    said = why
                    say(f"the queue waits: {why}")
            else:
                said = ""
            await asyncio.sleep(_LOOK_S)

    async def _log_in(self, request: web.Request) -> web.StreamResponse:
        sweep = request.query.get("sweep")
        to = "/" if sweep is None else f"/sweep/{quote(sweep, safe='')}"
        return self._access.log_in(request.match_info["key"], to)

    async def _head(self, _: web.Request) -> web.StreamResponse:
        return web.json_response({**asdict(self._checkout), "time": time.time()})

    async def _status(self, _: web.Request) -> web.StreamResponse:
        return web.json_response(self._known())

    def _known(self) -> dict[str, Any]:
        return {
            "login": f"/login/{self._access.key}",
            "machines": [asdict(machine) for machine in self._view.machines.values()],
            "sharing": dict(self._view.sharing),
            "queue": [
                {
                    "sweep": entry.sweep,
                    "member": entry.member,
                    "step": entry.step.value,
                    "since": entry.since,
                    "message": entry.message,
                }
                for entry in self._queue.entries
            ],
        }

    async def _hand_in(self, request: web.Request) -> web.StreamResponse:
        body = await _body(request)
        async with self._naming:  # which takes seconds, while the queue goes on
            queued = await asyncio.to_thread(
                checked, body, self._queue, self._results, self._checkout, self._check
            )
            async with self._lock:
                await asyncio.to_thread(self._queue.add, queued)
        say_now(f"handed in: {queued.member}'s sweep {queued.sweep}")
        return web.json_response({"sweep": queued.sweep})

    async def _stop(self, request: web.Request) -> web.StreamResponse:
        async with self._lock:
            entry = await asyncio.to_thread(self._queue.stop, request.match_info["name"])
        return web.json_response({"step": entry.step.value})

    async def _log(self, request: web.Request) -> web.StreamResponse:
        entry = self._queue[request.match_info["name"]]
        start = request.query.get("from", "0")
        if not start.isdecimal():
            raise ConfigError(f"from={start}: bytes of the log to leave out")
        content = await asyncio.to_thread(_read, log_of(FOLDER, entry.sweep), int(start))
        text = content.decode("utf-8", "replace")
        following = int(start) + len(content)
        over = entry.step.over and not content
        answer = {"text": text, "next": following, "over": over, "step": entry.step.value}
        return web.json_response(answer)

    async def _page(self, _: web.Request) -> web.StreamResponse:
        known, entries = self._known(), self._queue.entries
        drawn = await asyncio.to_thread(self._pages.of, entries)  # reads records: others go on
        html = await asyncio.to_thread(head_page, known, drawn)
        return web.Response(text=html, content_type="text/html")

    async def _sweep_page(self, request: web.Request) -> web.StreamResponse:
        entry = self._queue[request.match_info["name"]]
        version = await asyncio.to_thread(self._pages.report, entry)
        if request.headers.get("If-None-Match") == version.tag:
            return web.Response(status=304, headers={"ETag": version.tag})
        return web.Response(
            body=version.content, content_type="text/html", headers={"ETag": version.tag}
        )


#: No page of somebody else's may hold ours, or read it.
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
}


async def _body(request: web.Request) -> Mapping[str, Any]:
    try:
        body = json.loads(await request.text())
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise ConfigError("what was handed in is no JSON object")
    return body


def _read(path: Path, start: int) -> bytes:
    """Read a part of a log; whole characters, unless there is no more."""
    try:
        with path.open("rb") as file:
            file.seek(start)
            content = file.read(_LOG)
    except FileNotFoundError:
        return b""
    return content[: content.rfind(b"\n") + 1] or content


def main() -> None:
    """Read the command line, which `make head` gives, and serve until the end."""
    parser = argparse.ArgumentParser(prog="python -m cluster.service.server", description=__doc__)
    parser.add_argument("--head", required=True, help="host:port of Ray")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--jobs", required=True, help="address of Ray's job server")
    parser.add_argument("--session", required=True, help="tells this head from the one before")
    given = parser.parse_args()
    host = given.head.rpartition(":")[0]
    access = Access(FOLDER / "token")
    queue = Queue(FOLDER / FILE, RayJobs(given.jobs, given.session))
    view = ClusterView(given.head, given.session, say_now)

    async def serve() -> None:
        server = Server(access, queue, view, Path(os.getcwd()))
        runner = web.AppRunner(server.app(), access_log=None)
        await runner.setup()
        await web.TCPSite(runner, host, given.port).start()
        await asyncio.Event().wait()

    asyncio.run(serve())


if __name__ == "__main__":
    main()
