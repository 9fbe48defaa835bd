"""`python -m sweeps.commands.resume SWEEP [overrides]`: go on with a sweep, or give it more to do.

The sweep's own record says what it is; only what does not change its decisions may be given
anew: the budget (`budget.trials=40`, or `+20` for twenty more; `budget.target=0.99`), where and
how it runs, and where it is shown.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from sweeps.backend.ray_session import Ray, session
from sweeps.cli import refusals, use_plugins
from sweeps.config.overrides import split, value_given
from sweeps.launch import plan
from sweeps.launch.resume import go_on
from sweeps.redaction import hide_password
from trainers.errors import ConfigError


def resume(name: str, given: Sequence[str], ray: Ray = session) -> None:
    """Go on with a sweep or a plan. Ends the program with an exit code other than 0 on failure.

    Raises:
        ConfigError: no such sweep, an override that would change it, or conf/ has changed.
    """
    where = value_given(given, "results") or "results"
    if plan.recorded(Path(where) / name):
        done: int | str = plan.resume(Path(where), name, given, ray)
    else:
        done = go_on(Path(where), name, given, ray)
    if isinstance(done, str):
        sys.stdout.write(done)
    elif done:
        raise SystemExit(done)


def main() -> None:
    """Read the command line."""
    hide_password()
    use_plugins()
    with refusals():
        names, overrides = split(sys.argv[1:])
        if len(names) != 1:
            raise ConfigError("name one sweep to go on with: make resume SWEEP=quickstart")
        resume(names[0], overrides)


if __name__ == "__main__":
    main()
