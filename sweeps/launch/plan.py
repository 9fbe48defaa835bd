"""Run a plan (`plan:`): sweeps in turn, each from the best trials of the previous one.

Each stage is an ordinary sweep, `results/<plan>-1` and so on. `results/<plan>/plan.yaml` records
the plan; how far it has come is on record in the sweeps of its stages, and nowhere else.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sweeps import formatting, results_folder
from sweeps.backend.ray_session import Ray, session
from sweeps.checked import every_value
from sweeps.checked.sweep import Sweep
from sweeps.cli import FAILED, INTERRUPTED, doing, terminal
from sweeps.config.composition import Composition, compose
from sweeps.config.keys import plain
from sweeps.config.overrides import key_of
from sweeps.config.trusted_targets import Origin, words_of_trust
from sweeps.formatting import arguments, command
from sweeps.launch import more_epochs
from sweeps.launch.begin import begin, fetch
from sweeps.launch.resume import merge, resume_sweep
from sweeps.launch.stages import Stage, StageStart, checked, next_stage, stages
from sweeps.recorded import recorded_sweep
from sweeps.results_folder import Folder
from sweeps.study.lock import Owner, hold
from sweeps.transfer import previous_sweeps
from sweeps.transfer.gather import with_transfer
from sweeps.trials import Objective
from trainers.config.hydra_grammar import written
from trainers.errors import ConfigError
from trainers.files.whole_file import write_whole

_FILE = "plan.yaml"


@dataclass(frozen=True)
class Plan:
    """Describes a plan that has been checked.

    Attributes:
        results: the folder of results.
        overrides: the plan's command line.
        entries: its stages as the configuration lists them.
        origin: where it was read; None: it is the command line's own.
    """

    results: Path
    name: str
    overrides: tuple[str, ...]
    entries: Sequence[Mapping[str, Any]]
    stages: tuple[Stage, ...]
    origin: Origin | None = None

    @property
    def path(self) -> Path:
        """Return the file that records the plan."""
        return self.results / self.name / _FILE

    def folder(self, stage: Stage) -> Folder:
        """Return the folder of a stage's sweep."""
        return Folder(self.results / stage.name)

    @property
    def next_command(self) -> str:
        """Return the command that resumes the plan."""
        return command("resume", self.name, self.results, words_of_trust(self.overrides))


def recorded(folder: Path) -> bool:
    """Whether a folder of results is that of a plan."""
    return (folder / _FILE).is_file()


def composed(composition: Composition) -> Plan:
    """Read the plan that a configuration describes.

    Raises:
        ConfigError: `plan:` lists no stages, or an entry that is no stage.
    """
    config = plain(composition.base)
    return Plan(
        Path(config["results"]).expanduser(),
        str(config["name"]),
        tuple(composition.overrides),
        config["plan"],
        stages(composition),
    )


def require_free(plan: Plan) -> None:
    """Refuse a name that a new plan, or one of its stages, cannot have.

    Raises:
        ConfigError: the name is taken, or is no name of a folder that every tool takes.
    """
    for name in (plan.name, *(stage.name for stage in plan.stages)):
        path = plan.results / name
        if path.is_dir() and any(path.iterdir()):
            raise ConfigError(
                f"{path} exists and is never overwritten: go on with it ({plan.next_command}), or "
                f"name this plan ({arguments([f'name={plan.name}-b'])})"
            )
        if not path.is_dir():
            results_folder.require_free(plan.results, name)


def start(plan: Plan, ray: Ray = session) -> int:
    """Run a new plan; returns the exit code.

    Raises:
        ConfigError: a stage that would be refused, or a name that is taken.
    """
    require_free(plan)
    console = terminal()
    with doing("checking the stages"):
        check(plan, _fetch)
    results_folder.create(plan.results, plan.name).trials.rmdir()
    _record(plan)
    return _run(plan, (), console, ray)


def resume(results: Path, name: str, given: Sequence[str], ray: Ray = session) -> int:
    """Resume a plan where it was; returns the exit code.

    Raises:
        ConfigError: an override that would change the plan, or another process runs it.
    """
    plan = on_record(results, name, given)
    console = terminal()
    with doing("checking the stages"):
        check(plan, _fetch)
    _record(plan)
    return _run(plan, given, console, ray)


def on_record(results: Path, name: str, given: Sequence[str]) -> Plan:
    """Read a plan from its record, with overrides that are given now.

    Raises:
        ConfigError: an override that would change the plan.
    """
    path = results / name / _FILE
    content = _read(path)
    for word in given:
        if word.startswith("budget.") or more_epochs.wanted([word]):
            one = command("extend", f"{name}-1", results, words_of_trust(given))
            raise ConfigError(
                f"{word}: a plan is not extended as a whole; extend one of its sweeps ({one}), or "
                "begin another plan with name=…"
            )
    overrides = merge(content["overrides"], given, {})
    others = [word for word in overrides if key_of(word) not in ("plan", "name")]
    words = [*others, f"plan={written(content['plan'])}", f"name={written(name)}"]
    origin = Origin.read(path.parent, given)
    with compose(words, origin) as whole:
        return Plan(results, name, tuple(overrides), content["plan"], stages(whole), origin)


def _run(plan: Plan, given: Sequence[str], console: Console, ray: Ray) -> int:
    """Run the remaining stages; returns the exit code."""
    lock = hold(Path(f"{plan.path}.driver"), str(plan.path.parent), Owner.me())
    try:
        code = _each(plan, given, console, ray)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except ConfigError:
        _print_how_to_resume(plan, console)
        raise
    finally:
        os.close(lock)
    _table(plan, console)
    if code:
        _print_how_to_resume(plan, console)
    return code


def _print_how_to_resume(plan: Plan, console: Console) -> None:
    console.print("\nGo on with the plan", style="bold")
    console.print(plan.next_command, style="cyan", soft_wrap=True)


def _each(plan: Plan, given: Sequence[str], console: Console, ray: Ray) -> int:
    fixed: dict[str, Any] = {}
    before: previous_sweeps.Earlier | None = None
    for stage in plan.stages:
        last = stage is plan.stages[-1] or not _begun(plan, plan.stages[stage.number])
        if not _begun(plan, stage):
            with doing("composing the stage"):
                start = (
                    StageStart(tuple(stage.words(plan.overrides)))
                    if before is None
                    else next_stage(stage, plan.overrides, fixed, before, plan.origin)
                )
            heading(plan, stage, start.messages, console)
            # A kill while the folder was created may have left a part of it.
            shutil.rmtree(plan.folder(stage).path, ignore_errors=True)
            with checked(stage, start.words, plan.origin) as sweep:
                code: int | str = begin(with_transfer(sweep), ray)
        elif last:
            heading(plan, stage, (), console)
            code = resume_sweep(plan.results, stage.name, given, ray)
            if isinstance(code, str):
                console.print(f"{stage.name} is finished.")
        else:
            code = 0
        if code == INTERRUPTED:
            return INTERRUPTED
        before = previous_sweeps.read(plan.folder(stage))
        ranked = before.recorded.ranked
        if not ranked:
            more = [*words_of_trust(plan.overrides), "budget.trials=+20"]
            console.print(
                f"\nThe plan ends here: no trial of {stage.name} has a score, so there is nothing "
                f"to go on from. Why is in {plan.folder(stage).path / 'trials.csv'}; more trials: "
                f"{command('extend', stage.name, plan.results, more)}",
                style="yellow",
            )
            return FAILED
        if isinstance(code, int) and code:
            return code
        fixed = {**fixed, **ranked[0].trial.params}
    return 0


def _begun(plan: Plan, stage: Stage) -> bool:
    return plan.folder(stage).sweep.is_file()


def check(plan: Plan, look: Callable[[Sweep, bool], None]) -> None:
    """Check every stage as far as possible before the first has run.

    Args:
        look: checks the sweep of a stage; is told whether it is the first.
    """
    names = [stage.name for stage in plan.stages]
    for stage in plan.stages:
        if _begun(plan, stage):
            continue
        with checked(stage, stage.words(plan.overrides), plan.origin) as sweep:
            given = sweep.config["from_sweep"]
            sweeps = given if isinstance(given, list) else [] if given is None else [given]
            existing = [name for name in sweeps if name not in names[: stage.number - 1]]
            previous_sweeps.named(existing, str(plan.results))
            look(sweep, stage.number == 1)


def _fetch(sweep: Sweep, _: bool) -> None:
    fetch(sweep)
    every_value.check(sweep)


def heading(plan: Plan, stage: Stage, messages: Sequence[str], console: Console) -> None:
    """Print the heading of a stage, and messages on how it begins."""
    console.print(
        Text.assemble(
            (f"\nStage {stage.number} of {len(plan.stages)}", "bold"),
            f"  {stage.name}: experiment={stage.experiment}",
        )
    )
    for line in messages:
        console.print(line, soft_wrap=True)


def _table(plan: Plan, console: Console) -> None:
    """Print the results of each stage, as far as there are any."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("", "sweep", "trials", "time", "best", "so far", "best values"):
        right = column in ("trials", "time", "best", "so far")
        table.add_column(
            column, justify="right" if right else "left", no_wrap=column != "best values"
        )
    so_far: tuple[Objective, float] | None = None
    for stage in plan.stages:
        if not _begun(plan, stage):
            table.add_row(str(stage.number), stage.name, "-", "-", "-", "-", "")
            continue
        try:
            sweep = recorded_sweep.read(plan.folder(stage))
        except ConfigError:  # interrupted before its study was created
            table.add_row(str(stage.number), stage.name, "-", "-", "-", "-", "")
            continue
        ranked = sweep.ranked
        if ranked:
            value = ranked[0].value
            objective = sweep.objective
            if so_far is None or so_far[0] != objective or objective.better(value, so_far[1]):
                so_far = (objective, value)
        table.add_row(
            str(stage.number),
            stage.name,
            str(len(sweep.trials)),
            formatting.duration(sweep.wall_s),
            formatting.score(ranked[0].value) if ranked else "-",
            formatting.score(so_far[1]) if so_far is not None else "-",
            formatting.pairs(ranked[0].trial.params, 200) if ranked else "",
        )
    console.print(Text.assemble((f"\n{plan.name}", "bold"), "  stage by stage"))
    console.print(table)


def _read(path: Path) -> dict[str, Any]:
    """Read plan.yaml.

    Raises:
        ConfigError: the file is damaged, or a later version of this program wrote it.
    """
    content = results_folder.read_record(path, "a plan")
    try:
        return {"overrides": list(content["overrides"]), "plan": list(content["plan"])}
    except (TypeError, KeyError):
        raise ConfigError(f"{path} is damaged: it is no record of a plan") from None


def _record(plan: Plan) -> None:
    """Write plan.yaml, replacing the file whole."""
    content = {
        "version": results_folder.VERSION,
        "overrides": list(plan.overrides),
        "plan": plan.entries,
        "stages": [stage.name for stage in plan.stages],
    }
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    write_whole(plan.path, text)
