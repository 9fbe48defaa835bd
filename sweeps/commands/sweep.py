"""Run or preview the sweep or plan of a command line: `make sweep`, `make preview`."""

from __future__ import annotations

from pathlib import Path

from sweeps import cli, results_folder
from sweeps.backend.ray_session import Ray, session
from sweeps.checked.check import check
from sweeps.commands import preview
from sweeps.config.composition import Composition
from sweeps.launch import plan
from sweeps.launch.begin import begin
from sweeps.timeline import mark
from sweeps.transfer.gather import with_transfer


def start(composition: Composition, ray: Ray = session) -> None:
    """Preview or run a new sweep or plan; exits with the code of a failure."""
    console, code = cli.terminal(), 0
    if composition.base.plan is not None:
        stages = plan.composed(composition)
        if composition.base.preview:
            plan.require_free(stages)
            preview.show_plan(stages, console)
        else:
            code = plan.start(stages, ray)
    else:
        mark("check the configuration")
        with cli.doing("checking the space"):
            sweep = with_transfer(check(composition))
        if composition.base.preview:
            results_folder.require_free(Path(sweep.config["results"]), sweep.name, sweep.trust)
            preview.show(sweep, console)
        else:
            code = begin(sweep, ray)
    if code:
        raise SystemExit(code)


def main() -> None:
    """Let Hydra compose the command line; its sweeper hands the configuration to `start`."""
    cli.composed(multirun=True)
