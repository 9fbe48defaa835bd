"""What a sweep leaves behind: `results/<sweep>/`, whose names and columns others rely on."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from sweeps import ROOT
from sweeps.report.repeat_means import Repeated
from sweeps.trials import (
    Change,
    Importance,
    Objective,
    Ranked,
    Rerun,
    State,
    TrialRecord,
    scores,
)
from trainers.errors import ConfigError

#: The layout of the folder; a later one is refused rather than misread.
VERSION = 1

_PACKAGES = ("ray", "torch", "optuna", "wandb", "hydra-core", "omegaconf", "numpy", "scikit-learn")


@dataclass(frozen=True)
class Folder:
    """`results/<sweep>/`."""

    path: Path

    @property
    def sweep(self) -> Path:
        """The resolved configuration and where it came from."""
        return self.path / "sweep.yaml"

    @property
    def study(self) -> Path:
        """The journal of the study."""
        return self.path / "study.log"

    @property
    def summary(self) -> Path:
        """What came of it; there if the last sitting was not killed."""
        return self.path / "summary.json"

    @property
    def trials(self) -> Path:
        """One folder a trial."""
        return self.path / "trials"

    def checkpoint(self, trial: str, epoch: int) -> Path:
        """The checkpoint of an epoch of a trial."""
        return self.trials / trial / f"epoch_{epoch:03d}"

    def hand_over(self, child: TrialRecord) -> None:
        """Give a trial that goes on from another what that one had by then.

        Raises:
            FileNotFoundError: its checkpoint is gone.
        """
        from trainers.inherit import hand_over

        assert child.source is not None
        parent = self.trials / child.source.trial
        hand_over(parent, self.trials / child.id, child.source.epoch)


def create(results: Path, name: str) -> Folder:
    """A new folder for a sweep; an existing one is never touched.

    Raises:
        ConfigError: the name is taken or no file name, or the folder cannot be written.
    """
    if not name or name in (".", "..") or "/" in name or name != name.strip():
        raise ConfigError(f"name={name!r} must be a plain folder name, such as name=mnist-2")
    folder = Folder(results / name)
    try:
        results.mkdir(parents=True, exist_ok=True)
        folder.path.mkdir()
    except FileExistsError:
        if not results.is_dir():
            raise ConfigError(f"results={results} is a file: name a folder") from None
        raise ConfigError(
            f"{folder.path} exists and is never overwritten: go on with it (make resume "
            f'SWEEP={name}), or name this one (ARGS="name={name}-2")'
        ) from None
    except OSError as error:
        raise ConfigError(
            f"results={results} cannot be written ({error.strerror}): name another folder, "
            "results=…"
        ) from None
    folder.trials.mkdir()
    return folder


def find(results: Path, name: str) -> Folder:
    """The folder of an existing sweep.

    Raises:
        ConfigError: there is none by that name; lists those there are.
    """
    folder = Folder(results / name)
    if not folder.sweep.is_file():
        there = sorted(path.parent.name for path in results.glob("*/sweep.yaml"))
        listed = f"there are: {', '.join(there)}" if there else "there are none"
        raise ConfigError(f"SWEEP={name}: no such sweep in {results} ({listed})")
    return folder


def write_sweep(
    folder: Folder, config: Mapping[str, Any], overrides: Sequence[str], fingerprint: str
) -> None:
    """Write sweep.yaml: what is run, by which code, on which data."""
    git = _git()
    content = {
        "version": VERSION,
        "config": dict(config),
        "overrides": list(overrides),
        "git": git,
        "python": sys.version.split()[0],
        "versions": {package: version(package) for package in _PACKAGES},
        "data": fingerprint,
    }
    # Not by OmegaConf: a ${…} in the diff is text.
    _write(folder.sweep, yaml.safe_dump(content, sort_keys=False, allow_unicode=True))


class _Dumper(getattr(yaml, "CDumper", yaml.Dumper)):  # type: ignore[misc]
    """Writes what OmegaConf reads as the same; in C, a tenth of the time of OmegaConf's own."""


def _text(dumper: Any, text: str) -> Any:
    """Quoted where it looks like a number to OmegaConf, as 1e-3 does, and not to YAML."""
    try:
        float(text)
    except ValueError:
        return dumper.represent_str(text)
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="'")


_Dumper.add_representer(str, _text)


def write_config(path: Path, config: Mapping[str, Any]) -> None:
    """Write a resolved configuration, plain containers, for `OmegaConf.load`."""
    text = yaml.dump(
        config, Dumper=_Dumper, default_flow_style=False, allow_unicode=True, sort_keys=False
    )
    path.write_text(text, encoding="utf-8")


def read_sweep(folder: Folder) -> dict[str, Any]:
    """sweep.yaml as it was written.

    Raises:
        ConfigError: a later version of this program wrote it.
    """
    return read_record(folder.sweep, "a sweep")


def read_record(path: Path, what: str) -> dict[str, Any]:
    """A YAML file that says what a sweep or a plan of sweeps is, with its layout's version.

    Raises:
        ConfigError: it is damaged, or a later version of this program wrote it.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        newer = int(content["version"]) > VERSION
    except (yaml.YAMLError, TypeError, KeyError, ValueError):
        raise ConfigError(f"{path} is damaged: it is no record of {what}") from None
    if newer:
        raise ConfigError(
            f"{path.parent} was written by a newer Caviar (layout {content['version']}, this one "
            f"knows {VERSION}): update, or use another name"
        )
    return {str(key): value for key, value in content.items()}


def write_trials(
    folder: Folder, trials: Sequence[TrialRecord], keys: Sequence[str], objective: Objective
) -> None:
    """Write trials.csv: one row a trial, its metrics those of its best epoch."""
    _write_table(folder.path / "trials.csv", *trials_table(trials, keys, objective))


def trials_table(
    trials: Sequence[TrialRecord], keys: Sequence[str], objective: Objective
) -> tuple[list[str], list[list[Any]]]:
    """The columns and rows of trials.csv."""
    metrics = list(dict.fromkeys(m for t in trials for e in t.epochs.values() for m in e))
    columns = [
        "id",
        "state",
        "reason",
        "epochs",
        *keys,
        "best_epoch",
        *metrics,
        "seconds",
        "member",
        "machine",
    ]
    repeats = any(trial.repeat_of is not None for trial in trials)
    columns += ["repeat_of", "seed"] if repeats else []
    rows = []
    for trial in trials:
        best = trial.best(objective)
        at_best = trial.epochs[best[0]] if best else {}
        rows.append(
            [
                trial.id,
                trial.state.value,
                trial.reason,
                trial.last_epoch,
                *(_cell(trial.params.get(key, "")) for key in keys),
                best[0] if best else "",
                *(_cell(at_best.get(metric, "")) for metric in metrics),
                _cell(round(trial.seconds, 3)),
                trial.member,
                trial.machine,
            ]
        )
        if repeats:
            seed = None if trial.source is None else trial.source.seed
            rows[-1] += [trial.repeat_of or "", "" if seed is None else seed]
    return columns, rows


def write_importances(folder: Folder, importances: Sequence[Importance]) -> None:
    """Write importances.csv: one row a parameter, a column for each evaluator."""
    _write_table(folder.path / "importances.csv", *importances_table(importances))


def importances_table(importances: Sequence[Importance]) -> tuple[list[str], list[list[Any]]]:
    """The columns and rows of importances.csv."""
    evaluators = list(dict.fromkeys(name for i in importances for name in i.values))
    rows = [[i.parameter, *(i.values.get(e, "") for e in evaluators)] for i in importances]
    return ["parameter", *evaluators], rows


def write_seeds(folder: Folder, rows: Sequence[Repeated]) -> None:
    """Write seeds.csv, where the seed was swept: one row a configuration, the best first."""
    if not rows:
        return
    keys = list(dict.fromkeys(key for row in rows for key in row.params))
    marks = list(rows[0].curve)
    columns = [*keys, "seeds", "mean", "sd", *(f"epoch_{mark}" for mark in marks)]
    table = [
        [
            *(_cell(row.params.get(key, "")) for key in keys),
            row.trials,
            *(_cell(value) for value in (row.mean, row.sd, *row.curve.values())),
        ]
        for row in rows
    ]
    _write_table(folder.path / "seeds.csv", columns, table)


def write_front(
    folder: Folder, front: Sequence[Ranked], keys: Sequence[str], objectives: Sequence[Objective]
) -> None:
    """Write pareto.csv, where there are several objectives: the trials that none beats in all."""
    if not front:
        return
    columns = ["id", "best_epoch", *(objective.metric for objective in objectives), *keys]
    table = [
        [
            ranked.trial.id,
            ranked.epoch,
            *map(_cell, scores(ranked.trial, objectives) or ()),
            *(_cell(ranked.trial.params.get(key, "")) for key in keys),
        ]
        for ranked in front
    ]
    _write_table(folder.path / "pareto.csv", columns, table)


def write_sheet(folder: Folder, rows: Sequence[Change]) -> None:
    """Write ablation.csv: the baseline, then each change, the best first."""
    columns = ["change", "verdict", "difference", "margin", "runs", "mean", "sd"]
    table = [
        [
            row.told,
            row.verdict,
            *map(_cell, (row.difference, row.margin, row.trials, row.mean, row.sd)),
        ]
        for row in rows
    ]
    _write_table(folder.path / "ablation.csv", columns, table)


def write_reruns(folder: Folder, rows: Sequence[Rerun]) -> None:
    """Write repeats.csv, where the best were run again: one row each, the winner first."""
    if not rows:
        return
    columns = ["trial", "score", "mean", "low", "high", "seeds", "dropped"]
    table = [
        [*map(_cell, (row.trial, row.score, row.mean, row.low, row.high, row.seeds, row.dropped))]
        for row in rows
    ]
    _write_table(folder.path / "repeats.csv", columns, table)


def write_exploits(folder: Folder, rows: Sequence[Sequence[Any]]) -> None:
    """Write pbt.csv: (epoch, who gave way, to a child of whom, the child, what changed)."""
    columns = ["epoch", "gives_way", "parent", "child", "changes"]
    _write_table(folder.path / "pbt.csv", columns, [list(row) for row in rows])


def write_schedule(folder: Folder, keys: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Write schedule.csv: by which parameters the best trial was trained, from epoch to epoch."""
    columns = ["first_epoch", "last_epoch", "trial", *keys]
    _write_table(folder.path / "schedule.csv", columns, [[*map(_cell, row)] for row in rows])


def write_summary(folder: Folder, summary: Mapping[str, Any]) -> None:
    """Write summary.json."""
    _write(folder.summary, json.dumps(summary, indent=2) + "\n")


def summary(
    sweep: str,
    trials: Sequence[TrialRecord],
    best: Ranked | None,
    checkpoint: str,
    test: Mapping[str, float],
    wall_s: float,
    overhead: float | None,
    rerun: Rerun | None = None,
) -> dict[str, Any]:
    """The content of summary.json. `rerun`: of the best, where it was run again."""
    repeats = sum(trial.repeat_of is not None for trial in trials)
    counts = {state: sum(trial.state is state for trial in trials) for state in State}
    bad = (State.FAILED, State.DIVERGED, State.ABANDONED)
    return {
        "version": VERSION,
        "sweep": sweep,
        "trials": len(trials),
        **({"repeats": repeats} if repeats else {}),
        "completed": counts[State.COMPLETE],
        "stopped": counts[State.STOPPED],
        "failed": sum(counts[state] for state in bad),
        "infeasible": counts[State.INFEASIBLE],
        "running": counts[State.RUNNING],
        "best": None
        if best is None
        else {
            "trial": best.trial.id,
            "value": best.value,
            "epoch": best.epoch,
            "params": dict(best.trial.params),
            "checkpoint": checkpoint,
            **test,
            **({} if rerun is None else {"rerun": _rerun(rerun)}),
        },
        "wall_s": round(wall_s, 3),
        "train_s": round(sum(trial.seconds for trial in trials), 3),
        "overhead": overhead,
    }


def _rerun(row: Rerun) -> dict[str, float]:
    return {"mean": row.mean, "low": row.low, "high": row.high, "seeds": row.seeds}


def write_best(folder: Folder, best: Ranked) -> Path:
    """Put the best trial's configuration and checkpoint into best/; returns the checkpoint."""
    from trainers import checkpoints

    source = folder.checkpoint(best.trial.id, best.epoch)
    target = folder.path / "best"
    fresh = folder.path / f".best-{os.getpid()}"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    shutil.copy2(folder.trials / best.trial.id / "config.yaml", fresh / "config.yaml")
    checkpoints.link(source, fresh / source.name)
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)
    return target / source.name


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return repr(value)
    plain = isinstance(value, str | int) and not isinstance(value, bool)
    return value if plain else json.dumps(value)


def _write_table(path: Path, columns: list[str], rows: list[list[Any]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    _write(path, text.getvalue())


def _write(path: Path, text: str) -> None:
    """Replace a file whole, or not at all."""
    fresh = path.with_name(f".{path.name}-{os.getpid()}")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)


def _git() -> dict[str, str]:
    """The commit of the code and what differs from it; empty outside a repository."""

    def ask(*words: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=False
        )
        return done.stdout.strip() if done.returncode == 0 else ""

    try:
        return {"sha": ask("rev-parse", "HEAD"), "diff": ask("diff", "HEAD")}
    except OSError:  # no git here
        return {"sha": "", "diff": ""}
