"""The end of a sitting: what a sweep leaves behind is written, and what is told is gathered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from sweeps import formatting
from sweeps.checked.sweep import Sweep
from sweeps.config.overrides import assignments, key_of
from sweeps.config.schema import Kind, is_of
from sweeps.driver.driver import Driver
from sweeps.repeats import verdict
from sweeps.repeats.plan import stand
from sweeps.repeats.verdict import Rerun
from sweeps.report import csv_files, lineage, pareto, summary_json
from sweeps.report.importance import Importance, importances
from sweeps.report.repeat_means import repeated
from sweeps.results_folder import Folder
from sweeps.search.ablation import Ablation, Change
from sweeps.study.study import Study
from sweeps.tracking import Table, Tracker
from sweeps.trials import Objective, Ranked, TrialRecord, front, ranking
from trainers.config import typed
from trainers.errors import ConfigError

#: Searches to be compared.
_OTHER = {"random": "tpe", "tpe": "random"}


def conclude(
    sweep: Sweep, folder: Folder, study: Study, driver: Driver, slots: int, tracker: Tracker
) -> Ending:
    """Write what the sweep leaves behind, and gather what is to be told."""
    trials = study.trials
    keys = sweep.space.keys
    csv_files.write_trials(folder, trials, keys, sweep.objective)
    train_s = sum(trial.seconds for trial in trials)
    wall_s = driver.wall_s
    overhead = round(1 - train_s / (wall_s * slots), 4) if train_s else None
    shares, shares_note = importances(study.optuna, sweep.training.seed)
    csv_files.write_importances(folder, shares)
    csv_files.write_seeds(folder, repeated(trials, sweep.objective))
    sheet = []
    if isinstance(sweep.search, Ablation):
        searched = [trial for trial in trials if trial.repeat_of is None]
        sheet = sweep.search.sheet(searched, sweep.objective)
        csv_files.write_sheet(folder, sheet)
    best_of_all = front(trials, study.objectives) if sweep.further else []
    csv_files.write_front(folder, best_of_all, keys, study.objectives)
    picture = pareto.draw(trials, best_of_all, study.objectives, folder.path) if best_of_all else ""
    ranked = ranking(trials, sweep.objective)
    best = ranked[0] if ranked else None
    repeats = stand(sweep.repeats, trials, sweep.objective, sweep.training.seed)
    again = verdict.rows(repeats, sweep.objective)
    csv_files.write_reruns(folder, again)
    if winner := verdict.winner(repeats, sweep.objective):
        best = winner.ranked
    if sweep.population is not None:
        lineage.write(folder, study, keys, best)
    checkpoint, diagnosis = "", ""
    test: dict[str, float] = {}
    if best is not None:
        path = summary_json.write_best(folder, best)
        checkpoint = str(path)
        if driver.finished and not driver.halted:
            with Console().status("looking at the best model"):
                test, diagnosis = _looked_at(sweep, best, path, folder)
    rerun = again[0] if winner else None
    summary = summary_json.summary(
        sweep.name, trials, best, checkpoint, test, wall_s, overhead, rerun
    )
    summary_json.write_summary(folder, summary)
    if not driver.halted:
        tracker.sweep_ended(
            summary,
            _table(*csv_files.trials_table(trials, keys, sweep.objective)),
            _table(*csv_files.importances_table(shares)),
        )
    paths = {
        "best model": checkpoint,
        "pictures": str(folder.path / "diagnosis") if diagnosis else "",
        "trade-off": picture,
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
        objectives=study.objectives,
        front=tuple(best_of_all),
        baseline=_baseline(sweep, trials),
        sheet=tuple(sheet),
        reruns=tuple(again),
        verdict=tuple(verdict.verdict(repeats, sweep.objective, len(ranked)) if again else ()),
        importances=tuple(shares),
        importances_note=shares_note,
        stopped_because=driver.halted,
        paths={what: path for what, path in paths.items() if path},
        next_commands=_next_commands(sweep, driver, trials, best),
    )


def _looked_at(
    sweep: Sweep, best: Ranked, checkpoint: Path, folder: Folder
) -> tuple[dict[str, float], str]:
    """The one look at the test part, by the best trial's model at its best epoch; and what that
    takes for what on the validation part: written, and the gist of it.
    """
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
        return test, f"not looked at: {error}"
    found = seen.quality
    rarest, f1 = found.rarest()
    return test, (
        f"accuracy {formatting.score(found.accuracy)}, macro F1 "
        f"{formatting.score(found.macro_f1)}; of the "
        f"rarest classes ({', '.join(rarest)}) {formatting.score(f1)}"
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
        if not is_of(Kind.NO_TRAINING, key_of(override))
    ]
    return (*given, *assignments(best.trial.params))


def _next_commands(
    sweep: Sweep, driver: Driver, trials: Sequence[TrialRecord], best: Ranked | None
) -> dict[str, str]:
    name = f"SWEEP={sweep.name}"
    where = sweep.config["results"]
    folder = "" if where == "results" else f"results={where}"
    arguments = f' ARGS="{folder}"' if folder else ""
    if driver.halted:
        return {f"make resume {name}{arguments}": "go on where it stopped"}
    commands = {}
    if best is not None and best.trial.taken_over:
        commands[f"make replay {name}{arguments}"] = "train the best one's schedule from scratch"
    limit, twenty = sweep.search.limit(), "budget.trials=+20"
    if limit is None or sum(t.state.ended for t in trials if t.repeat_of is None) < limit:
        extension = driver.extension or twenty
        more = " ".join(filter(None, [folder, extension]))
        what = "twenty more trials" if extension == twenty else "go on beyond its budget"
        commands[f'make extend {name} ARGS="{more}"'] = what
    if other := _OTHER.get(sweep.choice("search")):
        known = ("name=", "preview=", "search=", "search.")
        same = [word for word in sweep.composition.overrides if not word.startswith(known)]
        command = formatting.paste([*same, f"search={other}", f"name={other}"], "sweep")
        commands[command] = "another search, to compare"
    if sweep.config["experiment"] == "quickstart":
        commands['make sweep ARGS="experiment=mnist"'] = "the same on MNIST"
    return commands


def _table(columns: list[str], rows: list[list[Any]]) -> Table:
    return Table(tuple(columns), tuple(tuple(row) for row in rows))


@dataclass(frozen=True)
class Ending:
    """All that is told when a sweep ends or is interrupted.

    Attributes:
        overrides: the best configuration as Hydra overrides ("optimizer.lr=0.003").
        test: metrics of the best trial on the test part, when it was evaluated.
        diagnosis: what a look at the best trial's model on the validation part has shown.
        objectives: all of them, `objective` first; `front` is empty if it is the only one.
        front: the trials that none beats in one objective without losing in another.
        baseline: the value of the configuration as it is, if that was a trial.
        sheet: of an ablation: the baseline, then what each change has done, the best first.
        reruns: of the best that were run again with fresh seeds, the winner first.
        verdict: what these say, in sentences.
        importances: most important first; `importances_note` warns when they mean little.
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
    overrides: tuple[str, ...] = ()
    test: Mapping[str, float] = field(default_factory=dict)
    diagnosis: str = ""
    objectives: tuple[Objective, ...] = ()
    front: tuple[Ranked, ...] = ()
    baseline: float | None = None
    sheet: tuple[Change, ...] = ()
    reruns: tuple[Rerun, ...] = ()
    verdict: tuple[str, ...] = ()
    importances: tuple[Importance, ...] = ()
    importances_note: str = ""
    stopped_because: str = ""
    paths: Mapping[str, str] = field(default_factory=dict)
    next_commands: Mapping[str, str] = field(default_factory=dict)
