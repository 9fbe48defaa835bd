"""Stop a sweep that was handed in, so that it can go on later: `make stop SWEEP=mnist`."""

from __future__ import annotations

from urllib.parse import quote

from cluster.service.client import known_service
from sweeps.cli import one_sweep, refusals, terminal
from sweeps.formatting import command


def stop(sweep: str) -> None:
    """Let a sweep end cleanly, and say how it goes on.

    Raises:
        ConfigError: no head answers, or the sweep runs no more.
    """
    step = known_service().post(f"/api/sweeps/{quote(sweep, safe='')}/stop", {})["step"]
    done = "it had not begun" if step == "stopped" else "its trials are saved, which takes seconds"
    on = command("submit", sweep)
    terminal().print(f"{sweep} ends: {done}. {on} goes on with it.", soft_wrap=True)


def main() -> None:
    """Read the command line of `make stop`."""
    with refusals():
        stop(one_sweep("make stop SWEEP=quickstart", ())[0])


if __name__ == "__main__":
    main()
