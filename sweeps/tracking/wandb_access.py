"""Tell whether the W&B server can be used: its key, its answer, and why not, in a line."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request

from sweeps.tracking.wandb_connection import has_key
from trainers.errors import ConfigError, class_and_first_line

#: Seconds that a server has for any answer at all.
LOOK_S = 10.0


def require_access(url: str) -> None:
    """Refuse a server for which no key is known, or that does not answer.

    Raises:
        ConfigError: as it says.
    """
    if not has_key(url):
        own = ", W&B's own cloud" if url == _default_address() else ""
        raise ConfigError(f"no key of W&B is known for {url}{own}: wandb login, or WANDB_API_KEY")
    if silent := why_silent(url):
        raise ConfigError(
            f"W&B at {url} cannot be reached ({silent}): nothing was sent; try again later, or set "
            "WANDB_BASE_URL"
        )


def _default_address() -> str:
    """Return where wandb goes if nothing names another server; it has changed before."""
    import wandb

    return str(wandb.Settings.model_fields["base_url"].default)


def why_silent(url: str) -> str:
    """Say why a server cannot be reached; empty if it can, whatever it answers."""
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=LOOK_S):
            return ""
    except urllib.error.HTTPError:
        return ""
    except urllib.error.URLError as error:
        # wandb has certificates of its own.
        return "" if isinstance(error.reason, ssl.SSLError) else str(error.reason)
    except (OSError, ValueError) as error:
        return class_and_first_line(error)


def refusal(url: str, error: BaseException) -> str:
    """Explain why the server has not answered as it should."""
    cause: BaseException | None = error
    while cause is not None:
        if getattr(getattr(cause, "response", None), "http_status", None) in (401, 403):
            return (
                f"W&B at {url} does not take this key: wandb login --relogin, or another "
                "WANDB_API_KEY"
            )
        cause = cause.__cause__
    return f"W&B at {url} cannot be used ({class_and_first_line(error)}): try again later"
