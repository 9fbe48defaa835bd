"""Resume or extend a sweep: `make resume`, `make extend`.

`python -m sweeps.commands.resume SWEEP [overrides]`. The sweep is the one on record; only keys
that do not change its decisions may be given anew: the budget (`budget.trials=40`, or `+20` for
twenty more; `budget.target=0.99`), where and how it runs, and where it is shown.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from sweeps.backend.ray_session import Ray, session
from sweeps.checked import trainable
from sweeps.cli import refusals, use_plugins
from sweeps.config.overrides import results_of, split
from sweeps.launch import plan
from sweeps.launch.resume import require_resumable, resume_sweep
from sweeps.redaction import hide_password
from trainers.errors import ConfigError


def resume(name: str, given: Sequence[str], ray: Ray = session) -> None:
    """Resume a sweep or a plan; exits with a code other than 0 on failure.

    Raises:
        ConfigError: no such sweep, an override that would change it, or conf/ has changed.
    """
    results = results_of(given)
    if plan.recorded(results / name):
        done: int | str = plan.resume(results, name, given, ray)
    else:
        done = resume_sweep(results, name, given, ray)
    if isinstance(done, str):
        sys.stdout.write(done)
    elif done:
        raise SystemExit(done)


def check(name: str, given: Sequence[str]) -> None:
    """Refuse what `resume` would, as far as it shows without data that would have to be fetched.

    Raises:
        ConfigError: what is wrong.
    """
    results = results_of(given)
    if plan.recorded(results / name):
        plan.check(plan.on_record(results, name, given), trainable.check)
    else:
        require_resumable(results, name, given)


def main() -> None:
    """Read the command line of `make resume`."""
    hide_password()
    use_plugins()
    with refusals():
        names, overrides = split(sys.argv[1:])
        if len(names) != 1:
            raise ConfigError("name one sweep to go on with: make resume SWEEP=quickstart")
        resume(names[0], overrides)


if __name__ == "__main__":
    main()
