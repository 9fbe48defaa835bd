"""The end of a sitting: what a sweep leaves behind is written, and what is told is gathered."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from sweeps import ending, results
from sweeps.ablation import Ablation
from sweeps.driver import Driver
from sweeps.importance import importances
from sweeps.records import Ending, Ranked, TrialRecord, ranking
from sweeps.results import Folder
from sweeps.seeds import repeated
from sweeps.space import written
from sweeps.study import Study
from sweeps.tracking import Table, Tracker
from trainers.config import typed
from trainers.errors import ConfigError

if TYPE_CHECKING:
    from sweeps.sweep import Sweep


def conclude(
    sweep: Sweep, folder: Folder, study: Study, driver: Driver, slots: int, tracker: Tracker
) -> Ending:
    """Write what the sweep leaves behind, and gather what is to be told."""
    trials = study.trials
    keys = sweep.space.keys
    results.write_trials(folder, trials, keys, sweep.objective)
    train_s = sum(trial.seconds for trial in trials)
    wall_s = driver.wall_s
    overhead = round(1 - train_s / (wall_s * slots), 4) if train_s else None
    shares, shares_note = importances(study.optuna, sweep.training.seed)
    results.write_importances(folder, shares)
    results.write_seeds(folder, repeated(trials, sweep.objective))
    sheet = []
    if isinstance(sweep.search, Ablation):
        sheet = sweep.search.sheet(trials, sweep.objective)
        results.write_sheet(folder, sheet)
    ranked = ranking(trials, sweep.objective)
    best = ranked[0] if ranked else None
    checkpoint, diagnosis = "", ""
    test: dict[str, float] = {}
    if best is not None:
        path = results.write_best(folder, best)
        checkpoint = str(path)
        if driver.finished and not driver.halted:
            with Console().status("looking at the best model"):
                test, diagnosis = _looked_at(sweep, best, path, folder)
    summary = results.summary(sweep.name, trials, best, checkpoint, test, wall_s, overhead)
    results.write_summary(folder, summary)
    if not driver.halted:
        tracker.sweep_ended(
            summary,
            _table(*results.trials_table(trials, keys, sweep.objective)),
            _table(*results.importances_table(shares)),
        )
    paths = {
        "best model": checkpoint,
        "pictures": str(folder.path / "diagnosis") if diagnosis else "",
        "every epoch": str(folder.trials),
        "all trials": str(folder.path / "trials.csv"),
        "the study": str(sweep.shared or folder.study),
    }
    return Ending(
        sweep=sweep.name,
        objective=sweep.objective,
        trials=tuple(trials),
        wall_s=wall_s,
        train_s=train_s,
        overhead=overhead,
        overrides=_overrides(sweep, best),
        test=test,
        diagnosis=diagnosis,
        baseline=_baseline(sweep, trials),
        sheet=tuple(sheet),
        importances=tuple(shares),
        importances_note=shares_note,
        stopped_because=driver.halted,
        paths={what: path for what, path in paths.items() if path},
        next_commands=_next_commands(sweep, driver, trials),
    )


def _looked_at(
    sweep: Sweep, best: Ranked, checkpoint: Path, folder: Folder
) -> tuple[dict[str, float], str]:
    """The one look at the test part, by the best trial's model at its best epoch; and what that
    takes for what on the validation part: written, and the gist of it.
    """
    from trainers.checkpoints import load
    from trainers.config import Device
    from trainers.diagnosis.look import look
    from trainers.fit import evaluate

    config = typed(sweep.composition.trial(best.trial.params))
    config.device = Device.auto  # here, where the driver runs
    state = load(checkpoint)
    test = evaluate(config, state)
    try:
        seen = look(config, state, folder.path / "diagnosis", folder.trials / best.trial.id)
    except ConfigError as error:
        return test, f"not looked at: {error}"
    found = seen.quality
    rarest, f1 = found.rarest()
    return test, (
        f"accuracy {ending.score(found.accuracy)}, macro F1 {ending.score(found.macro_f1)}; of the "
        f"rarest classes ({', '.join(rarest)}) {ending.score(f1)}"
    )


def _baseline(sweep: Sweep, trials: Sequence[TrialRecord]) -> float | None:
    """What the configuration has reached as it is, if the sweep began with it."""
    as_is = sweep.composition.as_is(sweep.space, {})
    if not sweep.config["baseline"] or not trials or trials[0].params != as_is:
        return None
    best = trials[0].best(sweep.objective) if trials[0].state.scored else None
    return None if best is None else best[1]


def _overrides(sweep: Sweep, best: Ranked | None) -> tuple[str, ...]:
    if best is None:
        return ()
    given = [
        override
        for override in sweep.composition.fixed
        if override.partition("=")[0].lstrip("+~") not in ("name", "results", "preview", "study")
        and not override.startswith(("budget.", "max_concurrent"))
    ]
    return (*given, *(f"{key}={written(value)}" for key, value in best.trial.params.items()))


def _next_commands(sweep: Sweep, driver: Driver, trials: Sequence[TrialRecord]) -> dict[str, str]:
    name = f"SWEEP={sweep.name}"
    where = sweep.config["results"]
    folder = "" if where == "results" else f"results={where}"
    arguments = f' ARGS="{folder}"' if folder else ""
    if driver.halted:
        return {f"make resume {name}{arguments}": "go on where it stopped"}
    commands = {}
    limit, twenty = sweep.search.limit(), "budget.trials=+20"
    if limit is None or sum(t.state.ended for t in trials) < limit:
        extension = driver.extension or twenty
        more = " ".join(filter(None, [folder, extension]))
        what = "twenty more trials" if extension == twenty else "go on beyond its budget"
        commands[f'make extend {name} ARGS="{more}"'] = what
    if sweep.choice("search") == "tpe":
        known = ("name=", "preview=", "search=")
        same = [word for word in sweep.composition.overrides if not word.startswith(known)]
        other = ending.paste([*same, "search=random", "name=random"], "sweep")
        commands[other] = "another search, to compare"
    if sweep.config["experiment"] == "quickstart":
        commands['make sweep ARGS="experiment=mnist"'] = "the same on MNIST"
    return commands


def _table(columns: list[str], rows: list[list[Any]]) -> Table:
    return Table(tuple(columns), tuple(tuple(row) for row in rows))
