"""Take this machine back from the cluster that it was lent to: `make leave`.

Its trials finish their epochs and go on elsewhere; a second `make leave` does not wait for that.
"""

from __future__ import annotations

import os
import signal
import time

from cluster.join import LEAVE_S
from cluster.machine.joined import joined
from cluster.node import say
from sweeps.cli import doing, refusals
from trainers.errors import ConfigError


def main() -> None:
    """Ask the process that lends this machine to end, and wait until it has."""
    with refusals():
        there = joined()
        if there is None:
            raise ConfigError(
                "this machine has joined no head from this checkout: there is nothing to leave"
            )
        try:
            os.kill(there.pid, signal.SIGINT)
        except OSError as error:
            raise ConfigError(f"{there} cannot be asked to leave ({error.strerror})") from None
        say(
            f"asked to leave: {there}. Running trials finish their epochs, for at most "
            f"{LEAVE_S:.0f} s; make leave again does not wait for them."
        )
        with doing("waiting for the trials here to finish their epochs"):
            while joined() == there:
                time.sleep(0.2)
        say("left")


if __name__ == "__main__":
    main()
