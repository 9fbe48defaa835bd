"""A stand-in for a head's service."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cluster.service.checkout import checkout


@contextmanager
def service(
    code: int, answer: bytes, port: int = 0, **headers: str
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The address of a head whose service gives this answer; and what it was asked."""
    asked: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            asked.append(
                {
                    "method": self.command,
                    "path": self.path,
                    "token": self.headers["Authorization"],
                    "body": self.rfile.read(length),
                }
            )
            self.send_response(code)
            for name, value in {"Content-Length": str(len(answer)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *words: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port - 1}", asked
        finally:
            server.shutdown()
            thread.join()


def of_head(**other: object) -> bytes:
    """What the service of a head with this code answers at /api/head, but for what is given."""
    return json.dumps({**asdict(checkout()), "time": time.time(), **other}).encode()
