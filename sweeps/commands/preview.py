"""Preview what a sweep would run and what it would take, without running it: `make preview`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sweeps.backend.known_head import Head
from sweeps.checked import volume
from sweeps.checked.sweep import Sweep
from sweeps.formatting import number, size_text
from sweeps.launch.plan import Plan, heading
from sweeps.launch.stages import carried, checked
from sweeps.simulation.hindsight import hindsight
from sweeps.space.space import AS_CONFIGURED, Parameter

#: Number of configurations that are shown.
_SHOWN = 3


def show(sweep: Sweep, console: Console) -> None:
    """Print what a sweep would run."""
    config = sweep.config
    console.print(
        Text.assemble(
            (sweep.name, "bold"),
            f": {_goals(sweep)} of experiment {config['experiment']}, "
            f"search={sweep.choice('search')}, stop={sweep.choice('stop')}; nothing is run.",
        )
    )
    for message in sweep.messages:
        console.print(message)
    console.print()
    console.print(_space(sweep.space.parameters))
    facts = Table.grid(padding=(0, 2))
    for what, text in _facts(sweep):
        facts.add_row(Text(what, "bold"), text)
    console.print(facts)
    console.print("\nFor example", style="bold")
    for params in volume.draw(sweep)[:_SHOWN]:
        words = " ".join(f"{key}={number(value)}" for key, value in params.items())
        console.print(f"  {words}", soft_wrap=True)


def show_plan(plan: Plan, console: Console) -> None:
    """Print the stages of a plan, as far as they are known before the first has run."""
    swept: dict[str, None] = {}
    for stage in plan.stages:
        with checked(stage, stage.words(plan.overrides)) as sweep:
            messages = []
            if stage.number > 1:
                keys = carried(sweep, stage, plan.overrides, [*swept])
                messages = [
                    f"fixed by previous stages: {', '.join(keys) or 'nothing'}",
                    f"begins with the best {stage.best} of {plan.stages[stage.number - 2].name}",
                ]
            heading(plan, stage, messages, console)
            show(sweep, console)
            swept.update(dict.fromkeys(sweep.space.keys))


def _goals(sweep: Sweep) -> str:
    """Write the objectives: "the highest val_accuracy, the lowest parameters"."""
    return ", ".join(objective.goal for objective in (sweep.objective, *sweep.further))


def _space(parameters: tuple[Parameter, ...]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in ("what varies", "values", "only where"):
        table.add_column(column, overflow="fold")
    for parameter in parameters:
        conditions = [
            f"{g}={'|'.join(sorted(allowed - {AS_CONFIGURED}))}" for g, allowed in parameter.when
        ]
        conditions += [] if parameter.only is None else [parameter.only.text]
        table.add_row(parameter.key, str(parameter.dimension), " and ".join(conditions))
    return table


def _facts(sweep: Sweep) -> Iterator[tuple[str, str]]:
    size = sweep.space.size()
    yield "", ""
    yield "configurations", "a continuum" if size is None else f"{size:,}"
    for expression in sweep.constraints.require:
        yield "a trial must meet", expression.text
    yield "trials", _trials_text(sweep)
    if saved := hindsight(sweep):
        yield "with hindsight", saved
    if sweep.repeats.runs > 1:
        yield "each trial", f"trained with {sweep.repeats.runs} seeds, in turns; results are means"
    wanted = sweep.resources
    yield "a trial takes", f"{wanted['cpu']:g} CPU{_cards(wanted)}"
    yield "runs on", _where(sweep)
    measured = volume.measure(sweep)
    yield "checkpoints", _volume(sweep, measured)
    if _cluster() and not isinstance(measured, str):
        yield "each epoch sends", _sent(measured)
    if shown := volume.shown(sweep, measured):
        yield "W&B gets", shown
    yield "results", str(Path(sweep.config["results"]) / sweep.name)
    if sweep.shared is not None:
        yield "the study", f"in {sweep.shared}"


def _cards(wanted: Mapping[str, Any]) -> str:
    if wanted["gpu"] is not None:
        return f", {wanted['gpu']:g} GPU" if wanted["gpu"] else ""
    memory = wanted["gpu_memory_gb"]
    one = "one GPU" if memory is None else f"{memory:g} GB of a GPU"
    if wanted["anywhere"]:
        return f", and {one} on machines that have any; those without train too"
    return f", {one} if the cluster has any"


def _trials_text(sweep: Sweep) -> str:
    budget = sweep.budget
    others = [
        f"{value:g} {words}"
        for value, words in (
            (budget.hours, "hours"),
            (budget.gpu_hours, "GPU-hours"),
            (budget.epochs, "epochs in all"),
        )
        if value is not None
    ]
    trials = sweep.trials
    count = f"{trials:,}" if trials is not None else "as many as fit"
    parts = [f"{count}, up to {sweep.longest} epochs each"]
    if early := _early(sweep):
        parts[0] += f" ({early})"
    if sweep.population is not None:
        parts.append("a population, in which children of the best replace the worst")
    if others:
        parts.append(f"at most {', '.join(others)}")
    if budget.target is not None:
        parts.append(f"until {sweep.objective.metric} is {budget.target:g}")
    if budget.stalled is not None:
        parts.append(f"until {budget.stalled} in a row are no better")
    return "; ".join(parts)


def _early(sweep: Sweep) -> str:
    from trainers.data.data_fraction import describe

    return describe(sweep.training.first)


def _cluster() -> str:
    """Return the address of the cluster that a sweep would run on; empty if it is this machine."""
    head = Head.known()
    return os.environ.get("RAY_ADDRESS", "") or (head.address if head else "")


def _where(sweep: Sweep) -> str:
    if address := _cluster():
        return f"the Ray cluster at {address}"
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    slots = int(cpus / sweep.resources["cpu"])
    limit = sweep.config["max_concurrent"]
    slots = slots if limit is None else min(slots, limit)
    gpu = "; a GPU is needed" if sweep.resources["gpu"] else ""
    return f"this machine ({cpus} CPUs): {slots} at a time{gpu}"


def _volume(sweep: Sweep, measured: volume.Volume | str) -> str:
    """Tell how much the checkpoints may take at most, and how much of the disk is free."""
    if isinstance(measured, str):
        return measured
    folder = Path(sweep.config["results"]).absolute()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if measured.on_disk is None:
        return f"{measured.each}, {measured.kept} a trial; {size_text(free)} are free"
    short = "  NOT ENOUGH: checkpoint.keep=best_and_last" if measured.on_disk > free else ""
    most = size_text(measured.on_disk)
    return f"up to about {most} ({measured.each}); {size_text(free)} are free{short}"


def _sent(measured: volume.Volume) -> str:
    """Tell what goes over the network, and what room a machine needs for it."""
    epoch = measured.runs * measured.mean
    return (
        f"about {size_text(epoch)} here, from a machine that does not reach the results folder; "
        f"each trial there needs {size_text(3 * epoch)} of its disk"
    )
