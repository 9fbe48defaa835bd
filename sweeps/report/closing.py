"""Close a session: write the files of a sweep, and gather what a person is shown at its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from threading import Thread

from sweeps.checked.sweep import Sweep
from sweeps.cli import doing
from sweeps.config.overrides import assignments, key_of
from sweeps.config.schema import Kind, is_of
from sweeps.driver.driver import Driver
from sweeps.findings.finding import Findings
from sweeps.formatting import RESULTS, command
from sweeps.repeats import verdict
from sweeps.repeats.plan import stand
from sweeps.repeats.repeat_means import repeated
from sweeps.repeats.verdict import Rerun
from sweeps.report import csv_files, lineage, pareto, summary_json
from sweeps.results_folder import Folder
from sweeps.search.ablation import Ablation, Change
from sweeps.study.study import Study
from sweeps.trials import Objective, Ranked, TrialRecord, front, ranking
from trainers.config import typed
from trainers.errors import ConfigError

#: Searches to be compared.
_OTHER = {"random": "tpe", "tpe": "random"}

#: What an extension by this key does.
_EXTENSIONS = {"budget.trials": "twenty more trials", "epochs": "train the complete trials longer"}


def conclude(sweep: Sweep, folder: Folder, study: Study, driver: Driver, slots: float) -> Ending:
    """Write the files of a sweep that ends or is interrupted, and gather what a person is shown."""
    trials = study.trials
    ranked = ranking(trials, sweep.objective)
    repeats = stand(sweep.repeats, trials, sweep.objective, sweep.training.seed)
    reruns = verdict.rows(repeats, sweep.objective)
    winner = verdict.winner(repeats, sweep.objective)
    best = winner.ranked if winner else ranked[0] if ranked else None
    tables = _write_tables(sweep, folder, study, reruns)
    if sweep.population is not None:
        lineage.write(folder, study, sweep.space.keys, best)
    model = _best_model(sweep, folder, driver, best)
    train_s = sum(trial.seconds for trial in trials)
    overhead = round(1 - train_s / (driver.ledger.wall_s * slots), 4) if train_s and slots else None
    summary = summary_json.summary(
        sweep.name,
        trials,
        best,
        model.checkpoint,
        model.test,
        driver.ledger.wall_s,
        overhead,
        reruns[0] if winner else None,
    )
    summary_json.write_summary(folder, summary)
    return Ending(
        sweep=sweep.name,
        objective=sweep.objective,
        trials=tuple(trials),
        wall_s=driver.ledger.wall_s,
        train_s=train_s,
        overhead=overhead,
        overrides=_overrides(sweep, best),
        results=sweep.config["results"],
        test=model.test,
        diagnosis=model.diagnosis,
        objectives=study.objectives,
        front=tables.front,
        baseline=_baseline(sweep, trials),
        sheet=tables.sheet,
        reruns=tuple(reruns),
        verdict=tuple(verdict.verdict(repeats, sweep.objective, len(ranked)) if reruns else ()),
        stopped_because=driver.halted,
        paths=_paths(sweep, folder, model, tables),
        next_commands=_next_commands(sweep, driver, trials, best),
    )


#: What `conclude` needs that takes seconds to import, and nothing needs before it.
_LIBRARIES = ("sklearn.ensemble", "scipy.stats", "matplotlib.backends.backend_agg")


def import_ahead() -> None:
    """Begin to import what `conclude` needs, in a thread: the last trials still run."""

    def load() -> None:
        for library in _LIBRARIES:
            import_module(library)

    Thread(target=load, name="libraries for the end", daemon=True).start()


@dataclass(frozen=True)
class _Tables:
    """Describes what is known once the tables are written.

    Attributes:
        sheet: of an ablation; else empty.
        front: the trials that none beats in each objective; empty if there is one objective.
        picture: path of the picture of the front; empty if there is none.
    """

    sheet: tuple[Change, ...]
    front: tuple[Ranked, ...]
    picture: str


def _write_tables(
    sweep: Sweep,
    folder: Folder,
    study: Study,
    reruns: Sequence[Rerun],
) -> _Tables:
    """Write the tables of a sweep as CSV, and the picture of its trade-off."""
    trials, keys = study.trials, sweep.space.keys
    csv_files.write_trials(folder, trials, keys, sweep.objective)
    csv_files.write_seeds(folder, repeated(trials, sweep.objective))
    csv_files.write_reruns(folder, reruns)
    sheet: list[Change] = []
    if isinstance(sweep.search, Ablation):
        searched = [trial for trial in trials if trial.repeat_of is None]
        sheet = sweep.search.sheet(searched, sweep.objective)
        csv_files.write_sheet(folder, sheet)
    unbeaten = front(trials, study.objectives) if sweep.further else []
    csv_files.write_front(folder, unbeaten, keys, study.objectives)
    picture = pareto.draw(trials, unbeaten, study.objectives, folder.path) if unbeaten else ""
    return _Tables(tuple(sheet), tuple(unbeaten), picture)


@dataclass(frozen=True)
class _BestModel:
    """Describes the best trial's model at its best epoch.

    Attributes:
        checkpoint: its path; empty if no trial has a score.
        test: its metrics on the test part, once the sweep is finished.
        diagnosis: what was seen on the validation part, in a sentence.
    """

    checkpoint: str = ""
    test: Mapping[str, float] = field(default_factory=dict)
    diagnosis: str = ""


def _best_model(sweep: Sweep, folder: Folder, driver: Driver, best: Ranked | None) -> _BestModel:
    """Copy the best checkpoint, and evaluate it once the sweep is finished."""
    if best is None:
        return _BestModel()
    path = summary_json.write_best(folder, best)
    if not driver.finished or driver.halted:
        return _BestModel(str(path))
    with doing("evaluating the best model, and drawing what it mistakes"):
        return _evaluated(sweep, best, path, folder)


def _evaluated(sweep: Sweep, best: Ranked, checkpoint: Path, folder: Folder) -> _BestModel:
    """Evaluate a model on the test part, this once, and diagnose it on the validation part."""
    from trainers.config import Device
    from trainers.diagnosis.trained_model import diagnose
    from trainers.files.checkpoints import load
    from trainers.fit import evaluate

    config = typed(sweep.composition.trial(best.trial.params))
    config.device = Device.auto  # here, where the driver runs
    state = load(checkpoint)
    test = evaluate(config, state)
    try:
        seen = diagnose(config, state, folder.path / "diagnosis", folder.trials / best.trial.id)
    except ConfigError as error:
        return _BestModel(str(checkpoint), test, f"not diagnosed: {error}")
    return _BestModel(str(checkpoint), test, seen.quality.sentence)


def _paths(sweep: Sweep, folder: Folder, model: _BestModel, tables: _Tables) -> dict[str, str]:
    """Say where things are, those that there are."""
    paths = {
        "best model": model.checkpoint,
        "pictures": str(folder.path / "diagnosis") if model.diagnosis else "",
        "trade-off": tables.picture,
        "every epoch": str(folder.trials),
        "all trials": str(folder.path / "trials.csv"),
        "the study": str(sweep.shared or folder.study),
    }
    return {what: path for what, path in paths.items() if path}


def _baseline(sweep: Sweep, trials: Sequence[TrialRecord]) -> float | None:
    """Return what the configuration has reached as it is, if the sweep began with it."""
    as_is = sweep.composition.as_is(sweep.space, {})
    if not sweep.config["baseline"] or not trials or trials[0].params != as_is:
        return None
    best = trials[0].best(sweep.objective) if trials[0].state.scored else None
    return None if best is None else best[1]


def _overrides(sweep: Sweep, best: Ranked | None) -> tuple[str, ...]:
    """List the overrides that train the best configuration."""
    if best is None:
        return ()
    given = [
        override
        for override in sweep.composition.fixed
        if not is_of(Kind.NO_TRAINING, key_of(override))
    ]
    return (*given, *assignments(best.trial.params))


def _next_commands(
    sweep: Sweep, driver: Driver, trials: Sequence[TrialRecord], best: Ranked | None
) -> dict[str, str]:
    """Map each command that a person may want next to what it does."""
    about = partial(command, sweep=sweep.name, results=sweep.config["results"])
    if driver.halted:
        return {about("resume", words=sweep.trust): "go on where it stopped"}
    commands = {}
    if best is not None and best.trial.taken_over:
        commands[about("replay", words=sweep.trust)] = "train the best one's schedule from scratch"
    if extension := sweep.extension(trials, driver.ledger.extension):
        what = _EXTENSIONS.get(key_of(extension[-1]), "go on beyond its budget")
        commands[about("extend", words=[*sweep.trust, *extension])] = what
    if other := _OTHER.get(sweep.choice("search")):
        known = ("name=", "preview=", "search=", "search.")
        same = [word for word in sweep.composition.overrides if not word.startswith(known)]
        again = command("sweep", words=[*same, f"search={other}", f"name={other}"])
        commands[again] = "another search, to compare"
    if sweep.config["experiment"] == "quickstart":
        commands['make sweep ARGS="experiment=mnist"'] = "the same on MNIST"
    return commands


@dataclass(frozen=True)
class Ending:
    """Holds all that a person is shown when a sweep ends or is interrupted.

    Attributes:
        slot_time: what a slot of this session spent its seconds on, on average.
        overrides: the best configuration as Hydra overrides ("optimizer.lr=0.003").
        results: the folder of all results.
        test: metrics of the best trial on the test part, when it was evaluated.
        diagnosis: what was seen of the best trial's model on the validation part.
        objectives: all of them, `objective` first; `front` is empty if it is the only one.
        front: the trials that none beats in one objective without losing in another.
        baseline: the value of the configuration as it is, if that was a trial.
        sheet: of an ablation: the baseline, then what each change has done, the best first.
        reruns: of the best that were run again with fresh seeds, the winner first.
        verdict: what these say, in sentences.
        findings: what the record says; empty where they could not be computed.
        overhead: 1 - train_s / (wall_s x slots), or None when nothing was trained.
        stopped_because: why the sweep ended before its budget did, or empty.
        paths: what -> where ("checkpoints" -> "results/quickstart/trials").
        next_commands: command -> what it does.
    """

    sweep: str
    objective: Objective
    trials: tuple[TrialRecord, ...]
    wall_s: float
    train_s: float
    overhead: float | None
    slot_time: tuple[tuple[str, float], ...] = ()
    overrides: tuple[str, ...] = ()
    results: str = RESULTS
    test: Mapping[str, float] = field(default_factory=dict)
    diagnosis: str = ""
    objectives: tuple[Objective, ...] = ()
    front: tuple[Ranked, ...] = ()
    baseline: float | None = None
    sheet: tuple[Change, ...] = ()
    reruns: tuple[Rerun, ...] = ()
    verdict: tuple[str, ...] = ()
    findings: Findings = field(default_factory=lambda: Findings(()))
    stopped_because: str = ""
    paths: Mapping[str, str] = field(default_factory=dict)
    next_commands: Mapping[str, str] = field(default_factory=dict)
