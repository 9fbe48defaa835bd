"""Run or preview the sweep or plan of a command line: `make sweep`, `make preview`."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from sweeps import cli, results_folder
from sweeps.backend.ray_session import Ray, session
from sweeps.checked import trainable
from sweeps.checked.check import check as checked
from sweeps.checked.sweep import Sweep
from sweeps.commands import preview
from sweeps.config.composition import Composition
from sweeps.launch import plan
from sweeps.launch.begin import begin
from sweeps.timeline import mark
from sweeps.transfer.gather import with_transfer


def start(composition: Composition, ray: Ray = session) -> None:
    """Preview or run a new sweep or plan; exits with the code of a failure."""
    if composition.base.preview:
        check(composition, cli.terminal())
        return
    if composition.base.plan is not None:
        code = plan.start(plan.composed(composition), ray)
    else:
        code = begin(_checked(composition), ray)
    if code:
        raise SystemExit(code)


def check(composition: Composition, console: Console | None = None) -> None:
    """Refuse what `start` would, as far as it shows without data that would have to be fetched.

    Args:
        console: previews the sweep or plan there, before anything that its data shows.
    """
    if composition.base.plan is not None:
        stages = plan.composed(composition)
        plan.require_free(stages)
        if console is not None:
            preview.show_plan(stages, console)
        plan.check(stages, trainable.check)
    else:
        sweep = _checked(composition)
        results_folder.require_free(Path(sweep.config["results"]), sweep.name, sweep.trust)
        if console is not None:
            preview.show(sweep, console)
        trainable.check(sweep)


def _checked(composition: Composition) -> Sweep:
    mark("check the configuration")
    with cli.doing("checking the space"):
        return with_transfer(checked(composition))


def main() -> None:
    """Let Hydra compose the command line; its sweeper hands the configuration to `start`."""
    cli.composed(start.__name__)
