"""Drive a real headless Chromium by its DevTools protocol, which aiohttp speaks."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp

from tests.sweeps.waiting import MOST_S, until

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser")

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)


class Tab:
    """A tab of the browser.

    Attributes:
        messages: what the console was told, errors and warnings of the browser among them.
        requests: addresses that were asked for.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, socket: Any) -> None:
        self._loop = loop
        self._socket = socket
        self._number = 0
        self.messages: list[str] = []
        self.requests: list[str] = []
        self._loaded = False
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command, and return its result."""
        return self._loop.run_until_complete(
            asyncio.wait_for(self._ask(method, parameters), MOST_S)
        )

    async def _ask(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        self._number += 1
        number = self._number
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        while True:
            said = json.loads((await self._socket.receive()).data)
            if said.get("id") == number:
                assert "error" not in said, said["error"]
                result: dict[str, Any] = said["result"]
                return result
            self._hear(said.get("method"), said.get("params", {}))

    def _hear(self, event: str, told: dict[str, Any]) -> None:
        if event == "Runtime.consoleAPICalled":
            self.messages.append(" ".join(str(a.get("value", a)) for a in told["args"]))
        elif event == "Runtime.exceptionThrown":
            self.messages.append(str(told["exceptionDetails"]))
        elif event == "Log.entryAdded":
            self.messages.append(str(told["entry"]))
        elif event == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])
        elif event == "Page.loadEventFired":
            self._loaded = True

    def open(self, address: str) -> None:
        """Load an address, whole."""
        self._loaded = False
        self.ask("Page.navigate", url=address)
        until(lambda: self.js("1") == 1 and self._loaded)

    def js(self, expression: str) -> Any:
        """Return what an expression of the page's script gives."""
        told = self.ask(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    def size(self, width: int, height: int, phone: bool = False) -> None:
        """Give the window a size."""
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if phone else 1,
            mobile=phone,
        )

    def prefer(self, scheme: str) -> None:
        """Prefer "dark" or "light"."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.ask("Emulation.setEmulatedMedia", features=features)

    def at(self, x: float, y: float, shift: bool = False, click: bool = True) -> None:
        """Move the mouse to a point, and click there."""
        modifiers = 8 if shift else 0
        self.ask("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y, modifiers=modifiers)
        for kind in ("mousePressed", "mouseReleased") if click else ():
            self.ask(
                "Input.dispatchMouseEvent",
                type=kind,
                x=x,
                y=y,
                button="left",
                clickCount=1,
                modifiers=modifiers,
            )

    def click(self, selector: str, shift: bool = False, click: bool = True) -> None:
        """Click in the middle of the first element that a selector finds."""
        x, y = self.js(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            "e.scrollIntoView({block: 'center'}); const b = e.getBoundingClientRect();"
            "return [b.x + b.width / 2, b.y + b.height / 2]; })()"
        )
        self.at(x, y, shift, click)

    def type(self, text: str) -> None:
        """Type a text where the focus is."""
        self.ask("Input.insertText", text=text)

    def press(self, key: str) -> None:
        """Press a key that writes no letter, such as "Escape"."""
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key)

    def png(self, whole: bool = False) -> bytes:
        """Take a picture of the window, or of the whole page."""
        told = self.ask("Page.captureScreenshot", captureBeyondViewport=whole)
        return base64.b64decode(told["data"])

    def pdf(self) -> bytes:
        """Print the page."""
        told = self.ask("Page.printToPDF", printBackground=True, preferCSSPageSize=True)
        return base64.b64decode(told["data"])


@contextlib.contextmanager
def chromium(profile: Path) -> Iterator[Tab]:
    """Run a browser with a profile of its own; yields its tab."""
    assert PROGRAM is not None
    process = subprocess.Popen(
        [PROGRAM, *_FLAGS, f"--user-data-dir={profile}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "HOME": str(profile)},
    )
    loop = asyncio.new_event_loop()
    try:
        told = profile / "DevToolsActivePort"
        until(lambda: told.is_file() and len(told.read_text().split()) == 2, running=process)
        port = told.read_text().split()[0]
        yield from _tab(loop, port)
    finally:
        process.terminate()
        process.wait()
        loop.close()


def _tab(loop: asyncio.AbstractEventLoop, port: str) -> Iterator[Tab]:
    session = loop.run_until_complete(_session())
    try:
        pages = loop.run_until_complete(_json(session, f"http://127.0.0.1:{port}/json"))
        address = next(page for page in pages if page["type"] == "page")["webSocketDebuggerUrl"]
        socket = loop.run_until_complete(session.ws_connect(address, max_msg_size=0))
        yield Tab(loop, socket)
        loop.run_until_complete(socket.close())
    finally:
        loop.run_until_complete(session.close())


async def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession()


async def _json(session: aiohttp.ClientSession, address: str) -> Any:
    async with session.get(address) as answer:
        return await answer.json(content_type=None)
