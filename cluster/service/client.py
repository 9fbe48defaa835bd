"""Ask the head's service, which listens beside Ray on the next port, and needs the token."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

from cluster.node import split_address
from sweeps.backend.known_head import Head
from sweeps.formatting import one_line
from trainers.errors import ConfigError, first_line

#: Seconds that the service may take to answer, and bytes that its answer may have.
_ANSWER_S, _MOST = 10.0, 64 * 2**20
#: Seconds that it may take to check a sweep.
CHECK_S = 150.0


class ServiceClient:
    """Asks one head's service."""

    def __init__(self, address: str, token: str | Path) -> None:
        """Prepare to ask; nothing is sent yet.

        Args:
            address: host:port of the head; its service has the port after it.
            token: file with the cluster's token.

        Raises:
            ConfigError: no such address, or the token cannot be read.
        """
        split_address(address, "HEAD")
        self.address = Head(address, str(token)).page
        try:
            self._token = Path(token).expanduser().read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"the token in {token} cannot be read ({error})") from None
        # By no proxy, and nowhere else: the token is for the head alone.
        self._opener = build_opener(ProxyHandler({}), _NoRedirects)

    def get(self, path: str) -> dict[str, Any]:
        """Ask for what is at a path, such as /api/head.

        Raises:
            ConfigError: it refuses, or cannot be asked.
        """
        return self._ask(path, None, _ANSWER_S)

    def post(
        self, path: str, body: Mapping[str, Any], timeout_s: float = _ANSWER_S
    ) -> dict[str, Any]:
        """Send something to a path; `timeout_s`: what the answer may take.

        Raises:
            ConfigError: it refuses, or cannot be asked.
        """
        return self._ask(path, json.dumps(body).encode(), timeout_s)

    def _ask(self, path: str, body: bytes | None, timeout_s: float) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        request = Request(f"http://{self.address}{quote(path, safe='/?=&%')}", body, headers)
        try:
            with self._opener.open(request, timeout=timeout_s) as response:
                content = json.loads(response.read(_MOST))
        except HTTPError as error:
            with error:
                raise ConfigError(self._refusal(error)) from None
        except (URLError, OSError, http.client.HTTPException) as error:
            why = error.reason if isinstance(error, URLError) else error
            raise ConfigError(
                f"the head's service at {self.address} does not answer ({_line(why)}): is make "
                "head running there, and this port open as well?"
            ) from None
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise ConfigError(
                f"what answers at {self.address} is no service of a head: is HEAD= its address?"
            )
        return content

    def _refusal(self, error: HTTPError) -> str:
        """Return what the service says against it, in a line."""
        if error.code in (401, 403):
            return "the head refuses the token: copy the head's to this machine, as make head says"
        try:
            said = json.loads(error.read(_MOST))["error"]
        except (ValueError, TypeError, KeyError, OSError, http.client.HTTPException):
            said = f"the head's service at {self.address} answers {error.code} {error.reason}"
        return one_line(str(said))


def known_service() -> ServiceClient:
    """Return the service of the head that was started or joined here.

    Raises:
        ConfigError: there is none that answers.
    """
    head = Head.known()
    if head is None:
        raise ConfigError(
            "no head is known here, or it does not answer: start one (make head), or join one "
            "(make join HEAD=10.0.0.5:26379 MEMBER=alpha)"
        )
    return ServiceClient(head.address, head.token)


class _NoRedirects(HTTPRedirectHandler):
    """Takes an answer that names another address for a refusal."""

    def redirect_request(self, *_: Any) -> None:
        """Follow to nowhere."""


def _line(why: object) -> str:
    return first_line(why) if isinstance(why, BaseException) else one_line(str(why))
