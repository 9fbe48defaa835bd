"""Watch a sweep whose folder is here in a browser, while it runs or after.

Serves its page on this machine alone; the open page keeps itself up to date.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from sweeps.cli import doing, terminal
from sweeps.formatting import RESULTS
from sweeps.page import report_file
from sweeps.page.live_page import LivePage
from sweeps.page.page_server import HOST, PageServer
from trainers.errors import ConfigError

OPTIONS = ("results", "port")


def watch(names: Sequence[str], given: Mapping[str, str]) -> None:
    """Serve the page of sweeps until Ctrl-C.

    Raises:
        ConfigError: a sweep that is not there or has no record, or a port that is taken.
    """
    port = _port(given.get("port", "0"))
    folders = report_file.find(Path(given.get("results", RESULTS)), names)
    with doing("computing the findings, and drawing"):
        page = LivePage(folders)
    try:
        server = PageServer(port, page.version)
    except OSError as error:
        raise ConfigError(
            f"port={port} of {HOST} cannot be used ({error.strerror}): name another, or none"
        ) from None
    console = terminal()
    with server:
        console.print(f"{server.address}  open it in a browser; Ctrl-C ends", soft_wrap=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            console.print("no longer served")


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise ConfigError(f"port={text}: a port is a whole number from 1 to 65535; 0: a free one")
    return int(text)
