"""Hand a sweep to the head, which runs it in its turn: `make submit`.

`make submit SWEEP=mnist` goes on with one that was stopped. The overrides are checked there before
it queues, as `make preview` checks them.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from cluster.service.checkout import checkout
from cluster.service.client import CHECK_S, known_service
from sweeps.backend.claim import own_member
from sweeps.backend.known_head import Head
from sweeps.cli import doing, refusals, terminal
from sweeps.formatting import command
from trainers.errors import ConfigError


def submit(words: Sequence[str]) -> None:
    """Hand a sweep in, and say how to follow it.

    Args:
        words: overrides; the name of a sweep on the head's record comes first, if it goes on.

    Raises:
        ConfigError: no head answers, or it refuses the sweep.
    """
    names = [word for word in words if "=" not in word and word[:1] not in ("~", "-")]
    if len(names) > 1:
        raise ConfigError("name one sweep to go on with: make submit SWEEP=quickstart")
    service = known_service()
    head = Head.known()
    own = checkout()
    body = {
        "member": own_member() or (head.member if head else ""),
        "words": [word for word in words if word not in names],
        "goes_on": names[0] if names else "",
        "commit": own.commit,
        "code": own.code,
    }
    with doing("the head checks the sweep"):
        sweep = str(service.post("/api/sweeps", body, CHECK_S)["sweep"])
    say = terminal().print
    say(f"{sweep} is handed in, and runs on without this terminal.", soft_wrap=True)
    for line in ("make status", *(command(what, sweep) for what in ("logs", "watch", "stop"))):
        say(f"  {line}", soft_wrap=True)


def main() -> None:
    """Read the command line of `make submit`."""
    with refusals():
        submit(sys.argv[1:])


if __name__ == "__main__":
    main()
