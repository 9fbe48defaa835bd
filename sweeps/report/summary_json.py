"""Write summary.json and the best trial's folder."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sweeps.repeats.verdict import Rerun
from sweeps.results_folder import VERSION, Folder
from sweeps.trials import Ranked, State, TrialRecord, tally
from trainers.files.whole_file import write_whole


def write_summary(folder: Folder, summary: Mapping[str, Any]) -> None:
    """Write summary.json."""
    write_whole(folder.summary, json.dumps(summary, indent=2) + "\n")


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
    """Make the content of summary.json. `rerun`: of the best, where it was run again."""
    count = tally(trials)
    bad = (State.FAILED, State.DIVERGED, State.ABANDONED)
    return {
        "version": VERSION,
        "sweep": sweep,
        "trials": count.trials,
        **({"repeats": count.repeats} if count.repeats else {}),
        "completed": count.states.get(State.COMPLETE, 0),
        "stopped": count.states.get(State.STOPPED, 0),
        "failed": sum(count.states.get(state, 0) for state in bad),
        "running": count.states.get(State.RUNNING, 0),
        **({"replaced": count.replaced} if count.replaced else {}),
        "infeasible": count.infeasible,
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
    from trainers.files import checkpoints

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
