"""Train the schedule that population-based training has found: `make replay SWEEP=…`.

A trial of population-based training continues from the checkpoints of others, which were trained
with other parameters. Its result is that schedule of parameters. This trains the schedule in one
run, in the sweep's folder: with a fresh seed, to measure what it is worth, or with the sweep's own
seed, which gives the same epochs bit for bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from sweeps import results_folder
from sweeps.checked.check import check
from sweeps.cli import FAILED, one_sweep, refusals, terminal, use_plugins
from sweeps.config.composition import Composition, compose
from sweeps.config.trusted_targets import Origin
from sweeps.driver.pbt_generations import changed
from sweeps.formatting import score
from sweeps.report.lineage import Stretch, schedule
from sweeps.study import reader
from sweeps.trials import Objective, TrialRecord, ranking
from trainers.config import typed
from trainers.errors import ConfigError, Diverged

#: Options beside the name of the sweep.
OPTIONS = ("trial", "seed", "results", "trust")


@dataclass(frozen=True)
class Replay:
    """Describes a schedule that is trained again.

    Attributes:
        trial: the trial that has found the schedule.
        path: the folder of the training.
    """

    composition: Composition
    objective: Objective
    trial: TrialRecord
    stretches: tuple[Stretch, ...]
    seed: int
    path: Path


def replay(name: str, given: Mapping[str, str]) -> None:
    """Train the schedule of a sweep's best trial, or of another, and compare; exits 1 on a NaN.

    Raises:
        ConfigError: no such sweep or trial, or conf/ has changed.
    """
    folder = results_folder.find(Path(given.get("results", "results")), name)
    recorded = results_folder.read_sweep(folder)
    origin = Origin.read(folder.path, [f"trust={given.get('trust', '')}"])
    with compose(recorded["overrides"], origin) as composition:
        sweep = check(composition)
        if recorded["config"]["space"] != sweep.config["space"]:
            raise ConfigError(f"conf/ has changed since {name} was run: its space is different now")
        seed = _seed(given.get("seed"), sweep.training.seed)
        trials = reader.read(sweep.shared or folder.study, sweep.name, sweep.space.values).trials
        trial = _trial(name, trials, sweep.objective, given.get("trial"))
        path = folder.path / "replay" / f"{trial.id}_seed_{seed}"
        stretches = schedule(trials, trial)
        _train(Replay(composition, sweep.objective, trial, stretches, seed, path), terminal())


def _train(what: Replay, console: Console) -> None:
    from trainers.data.resident import prepare
    from trainers.run import run

    metric, width = what.objective.metric, 16
    console.print(f"{what.trial.id} in one run with seed {what.seed}, in {what.path}")
    console.print(f"epoch{'in the sweep':>{width}}{'replayed':>{width}}", style="bold")
    replayed: dict[int, Mapping[str, float]] = {}
    before: Mapping[str, object] = {}
    prepare(typed(what.composition.base).data)
    for stretch in what.stretches:
        config = replace(typed(what.composition.trial(stretch.params)), seed=what.seed)
        first = ", ".join(changed(before, stretch.params)) if before else ""
        before = stretch.params
        try:
            with closing(run(config, what.path, after=stretch.first - 1)) as epochs:
                for saved in epochs:
                    for note in saved.notes:
                        console.print(note)
                    replayed[saved.number] = saved.metrics
                    values = (what.trial.epochs[saved.number], saved.metrics)
                    cells = "".join(f"{score(v[metric]):>{width}}" for v in values)
                    row = f"{saved.number:>5}{cells}  {first}".rstrip()
                    console.print(row, soft_wrap=True)
                    first = ""
                    if saved.number >= stretch.last:
                        break
        except Diverged as error:
            console.print(f"diverged: {error}")
            raise SystemExit(FAILED) from None
    _compare(what, replayed, console)


def _compare(what: Replay, replayed: Mapping[int, Mapping[str, float]], console: Console) -> None:
    metric = what.objective.metric
    rerun = replace(what.trial, epochs=replayed)
    for name, record in (("in the sweep", what.trial), ("replayed", rerun)):
        if (best := record.best(what.objective)) is not None:
            line = f"{name}: best {metric} {score(best[1])} at epoch {best[0]}"
            console.print(line)
    recorded = what.trial.epochs
    if all(replayed[epoch].get(metric) == recorded[epoch][metric] for epoch in replayed):
        console.print("the same to the last bit")


def _trial(
    name: str, trials: Sequence[TrialRecord], objective: Objective, asked: str | None
) -> TrialRecord:
    """Return the best trial, or the one that is asked for."""
    if asked is None:
        ranked = ranking(list(trials), objective)
        if not ranked:
            raise ConfigError(f"{name} has no trial with a score to be replayed: let it run first")
        return ranked[0].trial
    trained = [trial.id for trial in trials if trial.last_epoch]
    chosen = next((trial for trial in trials if trial.id == asked and trial.last_epoch), None)
    if chosen is None:
        trials_there = f"0000 to {trained[-1]}" if trained else "none"
        raise ConfigError(
            f"trial={asked}: {name} has no such trial with an epoch (there is {trials_there})"
        )
    return chosen


def _seed(text: str | None, own: int) -> int:
    """Return the seed that is given, or else a fresh one."""
    if text is None:
        return (own + 1) % 2**32
    if not text.isdecimal() or int(text) >= 2**32:
        raise ConfigError(f"seed={text} must be a whole number from 0 to 2**32 - 1: seed={own + 1}")
    return int(text)


def main() -> None:
    """Read the command line of `make replay`."""
    use_plugins()
    with refusals():
        replay(*one_sweep("make replay SWEEP=mnist", OPTIONS))


if __name__ == "__main__":
    main()
