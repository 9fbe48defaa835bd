"""Serve one page to browsers of this machine, and to nobody else."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from sweeps.page.live_page import Version

HOST = "127.0.0.1"
#: Names that a browser of this machine may call it by. A page of somebody else's, whose name was
#: made to point here (DNS rebinding), asks by another one.
_NAMES = ("127.0.0.1", "localhost")


class PageServer(ThreadingHTTPServer):
    """Serves what a function returns at the address /, with an ETag."""

    daemon_threads = True

    def __init__(self, port: int, page: Callable[[], Version]) -> None:
        """Listen on a port of this machine; 0: on a free one. Raises OSError if it is taken."""
        self.page = page
        super().__init__((HOST, port), _Handler)

    @property
    def address(self) -> str:
        """Return what a browser opens."""
        return f"http://{HOST}:{self.server_address[1]}/"


class _Handler(BaseHTTPRequestHandler):
    server: PageServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer with the page, or say that it has not changed."""
        self._answer(with_content=True)

    def do_HEAD(self) -> None:
        """Answer as to a GET, without the content."""
        self._answer(with_content=False)

    def _answer(self, with_content: bool) -> None:
        port = self.server.server_address[1]
        if self.headers.get("Host") not in {f"{name}:{port}" for name in _NAMES}:
            self.send_error(HTTPStatus.FORBIDDEN, "Only this machine is answered")
            return
        if self.path.partition("?")[0] != "/":
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        version = self.server.page()
        same = self.headers.get("If-None-Match") == version.tag
        self.send_response(HTTPStatus.NOT_MODIFIED if same else HTTPStatus.OK)
        self.send_header("ETag", version.tag)
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.send_header("X-Frame-Options", "DENY")
        if not same:
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(version.content)))
        self.end_headers()
        if with_content and not same:
            self.wfile.write(version.content)

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing: an open page asks every few seconds."""
